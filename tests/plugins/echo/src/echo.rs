//! What the channel does. It knows no bindings, and gets HTTP as a function.

use gateway_channel::{
    ChannelFailure, Content, Context, Description, Fact, FailureCode, Finding, Inbound, Message,
    PlainForm, Reaction, Receipt, ReceivedContent, ReceivedMessage, Report, SettingDescription,
    Severity, TextEncoding, Verdict, VerdictOutcome, WebhookRequest, WebhookResponse,
};

pub(crate) fn describe() -> Description {
    let setting = |name: &str, documentation: &str, secret| SettingDescription {
        name: name.to_owned(),
        documentation: documentation.to_owned(),
        required: true,
        secret,
        many: false,
        default: None,
    };
    Description {
        name: "echo".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings: vec![
            setting("url", "where texts are posted to", false),
            setting(
                "secret",
                "what the header `echo-secret` of a webhook must be",
                true,
            ),
        ],
        features: Vec::new(),
    }
}

pub(crate) fn check_settings(context: &Context) -> Vec<Finding> {
    let described = describe().settings.into_iter();
    let missing = described.filter(|described| value(context, &described.name).is_none());
    missing
        .map(|it| {
            error(
                &it.name,
                "setting-missing",
                format!("the setting {} is missing", it.name),
            )
        })
        .collect()
}

pub(crate) fn check(message: &Message) -> Report {
    let findings = match &message.content {
        Content::Text(text) if text.is_empty() => {
            vec![error(
                "content.text",
                "text-empty",
                "there is no text".to_owned(),
            )]
        }
        Content::Text(_) => Vec::new(),
        _ => vec![error(
            "content",
            "content-unsupported",
            "only text can be sent".to_owned(),
        )],
    };
    Report {
        findings,
        message_class: None,
        segments: None,
        payload_bytes: 0,
    }
}

pub(crate) fn plain_text(message: &Message) -> PlainForm {
    let Content::Text(text) = &message.content else {
        return PlainForm {
            text: String::new(),
            encoding: TextEncoding::Gsm7,
            segments: 0,
        };
    };
    PlainForm {
        text: text.clone(),
        encoding: TextEncoding::Ucs2,
        segments: 1,
    }
}

/// `post` gives the status of the answer, or what is known where there was none.
pub(crate) fn send(
    context: &Context,
    message: Message,
    post: impl FnOnce(String, Vec<u8>) -> Result<u16, FailureCode>,
) -> Result<Receipt, ChannelFailure> {
    let findings = check(&message).findings;
    let (Content::Text(text), true) = (message.content, findings.is_empty()) else {
        return Err(ChannelFailure {
            findings,
            ..failure(FailureCode::Refused, "it cannot be sent")
        });
    };
    let url = value(context, "url")
        .ok_or_else(|| failure(FailureCode::Misconfigured, "the setting url is missing"))?;
    match post(url.to_owned(), text.into_bytes()) {
        Ok(200..300) => Ok(Receipt {
            id: message.id,
            accepted_at: None,
            expires_at: None,
            message_class: None,
            segments: None,
            carrier: None,
            details: Vec::new(),
        }),
        Ok(429) => Err(failure(FailureCode::Later, "it was answered 429")),
        Ok(400..500) => Err(failure(FailureCode::Refused, "it was refused")),
        Ok(_) => Err(failure(FailureCode::Unknown, "the answer does not say")),
        Err(code) => Err(failure(code, "it was not answered")),
    }
}

pub(crate) fn verify_signature(context: &Context, request: &WebhookRequest) -> Verdict {
    let given = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("echo-secret"));
    let (outcome, reason) = match given {
        None => (VerdictOutcome::Unsigned, "there is no header `echo-secret`"),
        Some(given) if Some(given.value.as_str()) == value(context, "secret") => {
            (VerdictOutcome::Authentic, "")
        }
        Some(_) => (VerdictOutcome::Forged, "`echo-secret` is not the secret"),
    };
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    Verdict {
        token: reason.is_none().then_some(0),
        rule: reason.as_ref().map(|_| "echo-secret".to_owned()),
        outcome,
        reason,
    }
}

/// The body is what a person wrote.
pub(crate) fn on_event(context: &Context, request: WebhookRequest) -> Reaction {
    let verdict = verify_signature(context, &request);
    let authentic = verdict.outcome == VerdictOutcome::Authentic;
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let inbound = authentic.then(|| Inbound {
        dedupe_key: text.clone(),
        agent: String::new(),
        phone: None,
        at: None,
        fact: Fact::Received(ReceivedMessage {
            id: text.clone(),
            content: ReceivedContent::Text(text),
            message_class: None,
            segments: None,
            carrier: None,
        }),
        details: Vec::new(),
        raw: request.body,
    });
    let status = if authentic { 200 } else { 401 };
    let response = WebhookResponse {
        status,
        headers: Vec::new(),
        body: Vec::new(),
    };
    Reaction {
        verdict,
        response,
        inbound: inbound.into_iter().collect(),
    }
}

pub(crate) fn unsupported() -> ChannelFailure {
    failure(
        FailureCode::Unsupported,
        "this channel only sends and receives text",
    )
}

fn failure(code: FailureCode, message: &str) -> ChannelFailure {
    ChannelFailure {
        code,
        message: message.to_owned(),
        retry_after_seconds: None,
        http_status: None,
        platform_status: None,
        platform_message: None,
        findings: Vec::new(),
    }
}

fn error(path: &str, rule: &str, message: String) -> Finding {
    let (path, rule) = (path.to_owned(), rule.to_owned());
    Finding {
        severity: Severity::Error,
        path,
        rule,
        limit: None,
        actual: None,
        message,
        hint: None,
        source: None,
    }
}

pub(crate) fn value<'a>(context: &'a Context, name: &str) -> Option<&'a str> {
    context
        .settings
        .iter()
        .find(|setting| setting.name == name)
        .map(|setting| setting.value.as_str())
}
