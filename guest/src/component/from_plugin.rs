//! From the contract's types to the bindings': what the plugin hands out.

use super::bindings::gateway::channel::{http_client, types};
use crate::http;
use gateway_channel as contract;

/// Turns each of a list.
pub(super) fn list<From, To: std::convert::From<From>>(from: Vec<From>) -> Vec<To> {
    from.into_iter().map(Into::into).collect()
}

impl From<contract::Description> for types::Description {
    fn from(description: contract::Description) -> Self {
        Self {
            name: description.name,
            version: description.version,
            settings: list(description.settings),
            features: description.features,
        }
    }
}

impl From<contract::SettingDescription> for types::SettingDescription {
    fn from(setting: contract::SettingDescription) -> Self {
        Self {
            name: setting.name,
            documentation: setting.documentation,
            required: setting.required,
            secret: setting.secret,
            many: setting.many,
            default: setting.default,
        }
    }
}

impl From<contract::Finding> for types::Finding {
    fn from(finding: contract::Finding) -> Self {
        let severity = match finding.severity {
            contract::Severity::Error => types::Severity::Error,
            contract::Severity::Warning => types::Severity::Warning,
        };
        Self {
            severity,
            path: finding.path,
            rule: finding.rule,
            limit: finding.limit,
            actual: finding.actual,
            message: finding.message,
            hint: finding.hint,
            source: finding.source,
        }
    }
}

impl From<contract::Report> for types::Report {
    fn from(report: contract::Report) -> Self {
        Self {
            findings: list(report.findings),
            message_class: report.message_class,
            segments: report.segments,
            payload_bytes: report.payload_bytes,
        }
    }
}

impl From<contract::PlainForm> for types::PlainForm {
    fn from(plain: contract::PlainForm) -> Self {
        let encoding = match plain.encoding {
            contract::TextEncoding::Gsm7 => types::TextEncoding::Gsm7,
            contract::TextEncoding::Ucs2 => types::TextEncoding::Ucs2,
        };
        Self { text: plain.text, encoding, segments: plain.segments }
    }
}

impl From<contract::Setting> for types::Setting {
    fn from(setting: contract::Setting) -> Self {
        Self { name: setting.name, value: setting.value }
    }
}

impl From<contract::Receipt> for types::Receipt {
    fn from(receipt: contract::Receipt) -> Self {
        Self {
            id: receipt.id,
            accepted_at: receipt.accepted_at,
            expires_at: receipt.expires_at,
            message_class: receipt.message_class,
            segments: receipt.segments,
            carrier: receipt.carrier,
            details: list(receipt.details),
        }
    }
}

impl From<contract::ChannelFailure> for types::ChannelFailure {
    fn from(failure: contract::ChannelFailure) -> Self {
        let code = match failure.code {
            contract::FailureCode::Refused => types::FailureCode::Refused,
            contract::FailureCode::Later => types::FailureCode::Later,
            contract::FailureCode::Unknown => types::FailureCode::Unknown,
            contract::FailureCode::Unreachable => types::FailureCode::Unreachable,
            contract::FailureCode::Misconfigured => types::FailureCode::Misconfigured,
            contract::FailureCode::Unsupported => types::FailureCode::Unsupported,
        };
        Self {
            code,
            message: failure.message,
            retry_after_seconds: failure.retry_after_seconds,
            http_status: failure.http_status,
            platform_status: failure.platform_status,
            platform_message: failure.platform_message,
            findings: list(failure.findings),
        }
    }
}

impl From<contract::Revocation> for types::Revocation {
    fn from(revocation: contract::Revocation) -> Self {
        match revocation {
            contract::Revocation::TakenBack => Self::TakenBack,
            contract::Revocation::TooLate => Self::TooLate,
        }
    }
}

impl From<contract::Verdict> for types::Verdict {
    fn from(verdict: contract::Verdict) -> Self {
        let outcome = match verdict.outcome {
            contract::VerdictOutcome::Authentic => types::VerdictOutcome::Authentic,
            contract::VerdictOutcome::Forged => types::VerdictOutcome::Forged,
            contract::VerdictOutcome::Unsigned => types::VerdictOutcome::Unsigned,
            contract::VerdictOutcome::Malformed => types::VerdictOutcome::Malformed,
            contract::VerdictOutcome::Handshake => types::VerdictOutcome::Handshake,
        };
        Self { outcome, token: verdict.token, rule: verdict.rule, reason: verdict.reason }
    }
}

impl From<contract::Reaction> for types::Reaction {
    fn from(reaction: contract::Reaction) -> Self {
        let response = types::WebhookResponse {
            status: reaction.response.status,
            headers: list(reaction.response.headers),
            body: reaction.response.body,
        };
        Self { verdict: reaction.verdict.into(), response, inbound: list(reaction.inbound) }
    }
}

impl From<contract::Header> for types::Header {
    fn from(header: contract::Header) -> Self {
        Self { name: header.name, value: header.value }
    }
}

impl From<contract::Inbound> for types::Inbound {
    fn from(inbound: contract::Inbound) -> Self {
        Self {
            dedupe_key: inbound.dedupe_key,
            agent: inbound.agent,
            phone: inbound.phone,
            at: inbound.at,
            fact: inbound.fact.into(),
            details: list(inbound.details),
            raw: inbound.raw,
        }
    }
}

impl From<contract::Fact> for types::Fact {
    fn from(fact: contract::Fact) -> Self {
        match fact {
            contract::Fact::Received(message) => Self::Received(message.into()),
            contract::Fact::Delivered(id) => Self::Delivered(id),
            contract::Fact::Read(id) => Self::Read(id),
            contract::Fact::ExpiredAndRevoked(id) => Self::ExpiredAndRevoked(id),
            contract::Fact::ExpiredNotRevoked(id) => Self::ExpiredNotRevoked(id),
            contract::Fact::Typing => Self::Typing,
            contract::Fact::Unsubscribed => Self::Unsubscribed,
            contract::Fact::Resubscribed => Self::Resubscribed,
            contract::Fact::AgentStatus(status) => Self::AgentStatus(types::AgentStatus {
                region: status.region,
                before: status.before,
                after: status.after,
                by: status.by,
                comment: status.comment,
            }),
            contract::Fact::Capabilities(answer) => Self::Capabilities(answer.into()),
            contract::Fact::Unrecognised(word) => Self::Unrecognised(word),
        }
    }
}

impl From<contract::ReceivedMessage> for types::ReceivedMessage {
    fn from(message: contract::ReceivedMessage) -> Self {
        Self {
            id: message.id,
            content: message.content.into(),
            message_class: message.message_class,
            segments: message.segments,
            carrier: message.carrier,
        }
    }
}

impl From<contract::ReceivedContent> for types::ReceivedContent {
    fn from(content: contract::ReceivedContent) -> Self {
        match content {
            contract::ReceivedContent::Text(text) => Self::Text(text),
            contract::ReceivedContent::File(file) => Self::File(types::ReceivedFile {
                payload: file.payload.into(),
                thumbnail: file.thumbnail.map(Into::into),
            }),
            contract::ReceivedContent::Location(at) => {
                Self::Location(types::Coordinates { latitude: at.latitude, longitude: at.longitude })
            }
            contract::ReceivedContent::Tap(tap) => {
                Self::Tap(types::Tap { postback: tap.postback, text: tap.text, kind: tap.kind })
            }
            contract::ReceivedContent::Other(word) => Self::Other(word),
        }
    }
}

impl From<contract::RemoteFile> for types::RemoteFile {
    fn from(file: contract::RemoteFile) -> Self {
        Self { url: file.url, mime_type: file.mime_type, size_bytes: file.size_bytes, name: file.name }
    }
}

impl From<contract::CapabilityAnswer> for types::CapabilityAnswer {
    fn from(answer: contract::CapabilityAnswer) -> Self {
        Self {
            request_id: answer.request_id,
            reachable: answer.reachable,
            features: answer.features,
            carrier: answer.carrier,
        }
    }
}

impl From<http::Request> for http_client::HttpRequest {
    fn from(request: http::Request) -> Self {
        let json = types::Header { name: "content-type".to_owned(), value: "application/json".to_owned() };
        Self {
            method: request.method.as_str().to_owned(),
            url: request.url,
            headers: request.json.is_some().then_some(json).into_iter().collect(),
            body: types::Payload::Inline(request.json.unwrap_or_default()),
            timeout_ms: None,
        }
    }
}
