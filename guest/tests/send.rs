//! What goes out for each message and call, and what never goes out at all.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Context, Coordinates, Expiry, FailureCode, FileSource,
    Finding, ImageSide, MediaHeight, Message, OpenUrl, Place, Purpose, RecordingKind, Setting,
    Severity, SignalKind, StandaloneCard, Suggestion, UrlView,
};
use rbm_guest::http::{FetchFailure, Host, Method, Request, Response};
use rbm_guest::{
    capabilities::capabilities, check::check, revoke::revoke, send::send, signal::signal,
};
use serde_json::{Value, json};
use std::cell::RefCell;

#[test]
fn each_content_becomes_the_json_that_google_documents() {
    for (name, content, expected) in [
        ("text", Content::Text("Hi".into()), json!({ "text": "Hi" })),
        (
            "linked file",
            Content::File(Attachment {
                thumbnail: Some(url("https://x.example/t")),
                force_refresh: true,
                ..file(url("https://x.example/f"))
            }),
            json!({ "contentInfo": { "fileUrl": "https://x.example/f", "thumbnailUrl": "https://x.example/t", "forceRefresh": true } }),
        ),
        (
            "uploaded file",
            Content::File(Attachment {
                thumbnail: Some(uploaded("files/t")),
                ..file(uploaded("files/f"))
            }),
            json!({ "uploadedRbmFile": { "fileName": "files/f", "thumbnailName": "files/t" } }),
        ),
        (
            "standalone card",
            Content::Card(StandaloneCard {
                layout: CardLayout::Horizontal(ImageSide::Right),
                card: card(),
            }),
            json!({ "richCard": { "standaloneCard": {
                "cardOrientation": "HORIZONTAL", "thumbnailImageAlignment": "RIGHT", "cardContent": card_json() } } }),
        ),
        (
            "carousel",
            Content::Carousel(Carousel {
                width: CardWidth::Medium,
                cards: vec![card(), card()],
            }),
            json!({ "richCard": { "carouselCard": { "cardWidth": "MEDIUM", "cardContents": [card_json(), card_json()] } } }),
        ),
    ] {
        let body = sent(&Message {
            content,
            ..message()
        });
        assert_eq!(body, json!({ "contentMessage": expected }), "{name}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn each_suggestion_becomes_the_json_that_google_documents() {
    for (name, action, expected) in [
        (
            "dial",
            Action::Dial("*111#".into()),
            json!({ "dialAction": { "phoneNumber": "*111#" } }),
        ),
        (
            "open url in a web view",
            Action::OpenUrl(OpenUrl {
                url: "https://x.example".into(),
                view: UrlView::WebviewTall,
                description: Some("d".into()),
            }),
            json!({ "openUrlAction": { "url": "https://x.example", "application": "WEBVIEW", "webviewViewMode": "TALL", "description": "d" } }),
        ),
        (
            "open url in the browser",
            Action::OpenUrl(OpenUrl {
                url: "https://x.example".into(),
                view: UrlView::Browser,
                description: None,
            }),
            json!({ "openUrlAction": { "url": "https://x.example", "application": "BROWSER" } }),
        ),
        (
            "view location",
            Action::ViewLocation(Place {
                coordinates: Some(Coordinates {
                    latitude: 37.5,
                    longitude: -1.25,
                }),
                label: Some("l".into()),
                query: None,
            }),
            json!({ "viewLocationAction": { "latLong": { "latitude": 37.5, "longitude": -1.25 }, "label": "l" } }),
        ),
        (
            "view location by words",
            Action::ViewLocation(Place {
                coordinates: None,
                label: None,
                query: Some("cafe".into()),
            }),
            json!({ "viewLocationAction": { "query": "cafe" } }),
        ),
        (
            "share location",
            Action::ShareLocation,
            json!({ "shareLocationAction": {} }),
        ),
        (
            "calendar",
            Action::CreateCalendarEvent(CalendarEvent {
                start: "2026-12-01T10:00:00Z".into(),
                end: "2026-12-01T11:00:00Z".into(),
                title: "t".into(),
                description: None,
            }),
            json!({ "createCalendarEventAction": { "startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T11:00:00Z", "title": "t" } }),
        ),
        (
            "compose text",
            Action::ComposeText(ComposeText {
                phone: "+1222".into(),
                text: "x".into(),
            }),
            json!({ "composeAction": { "composeTextMessage": { "phoneNumber": "+1222", "text": "x" } } }),
        ),
        (
            "compose recording",
            Action::ComposeRecording(ComposeRecording {
                phone: "+1222".into(),
                kind: RecordingKind::Video,
            }),
            json!({ "composeAction": { "composeRecordingMessage": { "phoneNumber": "+1222", "type": "VIDEO" } } }),
        ),
    ] {
        let suggestion = Suggestion {
            action,
            fallback_url: Some("https://f.example".into()),
            ..reply("Go")
        };
        let body = sent(&Message {
            suggestions: vec![suggestion],
            ..message()
        });
        let mut action =
            json!({ "text": "Go", "postbackData": "pb", "fallbackUrl": "https://f.example" });
        action
            .as_object_mut()
            .unwrap()
            .extend(expected.as_object().unwrap().clone());
        assert_eq!(
            body["contentMessage"]["suggestions"],
            json!([{ "action": action }]),
            "{name}"
        );
    }
    let body = sent(&Message {
        suggestions: vec![reply("Yes")],
        ..message()
    });
    assert_eq!(
        body["contentMessage"]["suggestions"],
        json!([{ "reply": { "text": "Yes", "postbackData": "pb" } }])
    );
}

/// proto3 reads an empty text of a plain field as none.
#[test]
fn an_empty_optional_text_is_left_out() {
    let empty = || Some(String::new());
    let offering = |action| Message {
        suggestions: vec![Suggestion {
            action,
            fallback_url: empty(),
            ..reply("Go")
        }],
        ..message()
    };
    let bare = Card {
        title: Some("Title".into()),
        description: empty(),
        media: Some(CardMedia {
            file: Attachment {
                thumbnail: Some(url("")),
                ..file(url("https://x.example/m"))
            },
            height: None,
            alternative_text: empty(),
        }),
        suggestions: Vec::new(),
    };
    let (layout, card) = (CardLayout::Vertical, bare);
    let body = sent(&Message {
        content: Content::Card(StandaloneCard { layout, card }),
        ..message()
    });
    assert_eq!(
        body["contentMessage"]["richCard"]["standaloneCard"]["cardContent"],
        json!({ "title": "Title", "media": { "contentInfo": { "fileUrl": "https://x.example/m" } } })
    );
    let body = sent(&Message {
        content: Content::File(Attachment {
            thumbnail: Some(uploaded("")),
            ..file(uploaded("files/f"))
        }),
        ..message()
    });
    assert_eq!(
        body["contentMessage"],
        json!({ "uploadedRbmFile": { "fileName": "files/f" } })
    );
    for (name, action, expected) in [
        (
            "fallback address",
            Action::ShareLocation,
            json!({ "shareLocationAction": {} }),
        ),
        (
            "description of a page",
            Action::OpenUrl(OpenUrl {
                url: "https://x.example".into(),
                view: UrlView::Browser,
                description: empty(),
            }),
            json!({ "openUrlAction": { "url": "https://x.example", "application": "BROWSER" } }),
        ),
        (
            "label and query",
            Action::ViewLocation(Place {
                coordinates: Some(Coordinates {
                    latitude: 37.5,
                    longitude: -1.25,
                }),
                label: empty(),
                query: empty(),
            }),
            json!({ "viewLocationAction": { "latLong": { "latitude": 37.5, "longitude": -1.25 } } }),
        ),
        (
            "description of a calendar entry",
            Action::CreateCalendarEvent(CalendarEvent {
                start: "2026-12-01T10:00:00Z".into(),
                end: "2026-12-01T11:00:00Z".into(),
                title: "t".into(),
                description: empty(),
            }),
            json!({ "createCalendarEventAction": { "startTime": "2026-12-01T10:00:00Z", "endTime": "2026-12-01T11:00:00Z", "title": "t" } }),
        ),
    ] {
        let mut labelled = json!({ "text": "Go", "postbackData": "pb" });
        labelled
            .as_object_mut()
            .unwrap()
            .extend(expected.as_object().unwrap().clone());
        assert_eq!(
            sent(&offering(action))["contentMessage"]["suggestions"],
            json!([{ "action": labelled }]),
            "{name}"
        );
    }
}

#[test]
fn purpose_and_expiry_stand_beside_the_content() {
    for (purpose, word) in [
        (Purpose::Authentication, "AUTHENTICATION"),
        (Purpose::Transaction, "TRANSACTION"),
        (Purpose::Promotion, "PROMOTION"),
        (Purpose::ServiceRequest, "SERVICEREQUEST"),
        (Purpose::Acknowledgement, "ACKNOWLEDGEMENT"),
    ] {
        assert_eq!(
            sent(&Message {
                purpose: Some(purpose),
                ..message()
            })["messageTrafficType"],
            word
        );
    }
    let expiring = |expiry| {
        sent(&Message {
            expiry: Some(expiry),
            ..message()
        })
    };
    assert_eq!(expiring(Expiry::AfterSeconds(600))["ttl"], "600s");
    assert_eq!(
        expiring(Expiry::At("2026-12-01T10:00:00Z".into()))["expireTime"],
        "2026-12-01T10:00:00Z"
    );
}

#[test]
fn the_request_names_the_phone_the_message_and_the_agent() {
    let host = Platform::answering(200, TAKEN);
    send(&host, &context(), &message()).unwrap();
    let request = host.requests.borrow()[0].clone();
    assert_eq!(request.method, Method::Post);
    assert_eq!(
        request.url,
        "https://europe-rcsbusinessmessaging.googleapis.com/v1/phones/+12223334444/agentMessages?messageId=3f1c0f5e-0000-4000-8000-000000000000&agentId=demo"
    );
}

/// One row a rule, with the last value that passes and the first that does not.
#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn what_breaks_a_limit_is_found_and_never_sent() {
    let text = |text: String| Message {
        content: Content::Text(text),
        ..message()
    };
    let suggestions = |count: usize| Message {
        suggestions: vec![reply("Yes"); count],
        ..message()
    };
    let label = |text: String| Message {
        suggestions: vec![Suggestion { text, ..reply("") }],
        ..message()
    };
    let postback = |postback: String| Message {
        suggestions: vec![Suggestion {
            postback,
            ..reply("Yes")
        }],
        ..message()
    };
    let after = |seconds| Message {
        expiry: Some(Expiry::AfterSeconds(seconds)),
        ..message()
    };
    let at = |time: &str| Message {
        expiry: Some(Expiry::At(time.into())),
        ..message()
    };
    let to = |recipient: &str| Message {
        recipient: recipient.into(),
        ..message()
    };
    let id = |id: &str| Message {
        id: id.into(),
        ..message()
    };
    let cards = |count| Message {
        content: Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards: vec![card(); count],
        }),
        ..message()
    };
    let on_card = |text: &str| {
        let card = Card {
            suggestions: vec![reply(text)],
            ..card()
        };
        Message {
            content: Content::Card(StandaloneCard {
                layout: CardLayout::Vertical,
                card,
            }),
            ..message()
        }
    };
    for (path, rule, good, bad) in [
        (
            "content.text",
            "text-length",
            text("😀".repeat(3072)),
            text("😀".repeat(3073)),
        ),
        (
            "content.text",
            "text-length",
            text("e\u{301}".repeat(1536)),
            text("e\u{301}".repeat(1537)),
        ),
        (
            "content.text",
            "text-length",
            text("x".into()),
            text(String::new()),
        ),
        (
            "suggestions",
            "suggestions-count",
            suggestions(11),
            suggestions(12),
        ),
        (
            "suggestions[0].text",
            "suggestion-text-length",
            label("ש".repeat(25)),
            label("ש".repeat(26)),
        ),
        (
            "suggestions[0].text",
            "suggestion-text-length",
            label("x".into()),
            label(String::new()),
        ),
        (
            "suggestions[0].postback",
            "postback-length",
            postback("é".repeat(2048)),
            postback("é".repeat(2049)),
        ),
        ("expiry", "lifetime", after(1_296_000), after(1_296_001)),
        ("expiry", "lifetime", after(10), after(0)),
        (
            "expiry",
            "expiry-time",
            at("2026-11-24T10:00:10.5Z"),
            at("tomorrow"),
        ),
        (
            "recipient",
            "phone-e164",
            to("+123456789012345"),
            to("+1234567890123456"),
        ),
        ("recipient", "phone-e164", to("+12"), to("12223334444")),
        (
            "id",
            "message-id",
            id("3f1c0f5e-0000-4000-8000-000000000000"),
            id("../x"),
        ),
        (
            "content.carousel.cards",
            "carousel-cards",
            cards(2),
            cards(1),
        ),
        (
            "content.carousel.cards",
            "carousel-cards",
            cards(10),
            cards(11),
        ),
        (
            "content.card.card.suggestions[0].text",
            "suggestion-text-length",
            on_card("Yes"),
            on_card(&"x".repeat(26)),
        ),
    ] {
        let kept = check(&context(), &good).findings;
        assert!(errors(&kept).is_empty(), "{path} {rule}: {kept:?}");
        let findings = check(&context(), &bad).findings;
        assert_eq!(
            errors(&findings)
                .into_iter()
                .map(|finding| (finding.path.as_str(), finding.rule.as_str()))
                .collect::<Vec<_>>(),
            [(path, rule)]
        );
        let host = Platform::answering(200, "{}");
        let failure = send(&host, &context(), &bad).unwrap_err();
        assert_eq!(
            (failure.code, failure.findings),
            (FailureCode::Refused, findings),
            "{path} {rule}"
        );
        assert!(host.requests.borrow().is_empty(), "{path} {rule} was sent");
    }
}

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

/// It was right when it was accepted, and has waited since. Only what a message is wrong about at any time keeps it here.
#[test]
fn what_settings_and_the_clock_decide_is_found_and_sent_nevertheless() {
    let at = |time: &str| Message {
        expiry: Some(Expiry::At(time.into())),
        ..message()
    };
    let five = Card {
        suggestions: vec![reply("Yes"); 5],
        ..card()
    };
    let full_card = Message {
        content: Content::Card(StandaloneCard {
            layout: CardLayout::Vertical,
            card: five,
        }),
        ..message()
    };
    let promotion = Message {
        purpose: Some(Purpose::Promotion),
        ..message()
    };
    for (name, settings, time, rule, good, bad) in [
        (
            "a time too far ahead",
            vec![],
            NOW,
            "lifetime",
            at("2026-12-09T10:00:00Z"),
            at("2026-12-09T10:00:01Z"),
        ),
        (
            "a time that has passed",
            vec![],
            NOW,
            "lifetime",
            at("2026-11-24T11:01:00+01:00"),
            at("2026-11-24T10:00:00Z"),
        ),
        (
            "a host without a clock",
            vec![],
            "noon",
            "host-time",
            message(),
            at("2026-12-01T10:00:00Z"),
        ),
        (
            "a full card",
            vec![],
            NOW,
            "card-suggestions-count",
            message(),
            full_card.clone(),
        ),
        (
            "a card for another setting",
            vec![("card-suggestions-max", "1")],
            NOW,
            "card-suggestions-count",
            message(),
            full_card,
        ),
        (
            "a purpose of another use",
            vec![("use-case", "otp")],
            NOW,
            "purpose-of-another-use",
            message(),
            promotion,
        ),
        (
            "no purpose",
            vec![("use-case", "multi-use")],
            NOW,
            "purpose-required",
            Message {
                purpose: Some(Purpose::Transaction),
                ..message()
            },
            message(),
        ),
    ] {
        let mut context = Context {
            now: time.into(),
            ..context()
        };
        context.settings.extend(settings.into_iter().map(setting));
        let has_rule = |message| {
            let found = check(&context, message).findings;
            found.iter().any(|finding| finding.rule == rule)
        };
        assert_eq!((has_rule(&good), has_rule(&bad)), (false, true), "{name}");
        let host = Platform::answering(200, TAKEN);
        send(&host, &context, &bad).unwrap();
        assert_eq!(host.requests.borrow().len(), 1, "{name}");
    }
}

/// A policy says what is accepted. To send, it is enough to know where and as whom.
#[test]
fn only_settings_that_sending_needs_keep_a_message_here() {
    for (name, value, code) in [
        ("card-suggestions-max", "11", None),
        ("use-case", "fun", None),
        ("region", "mars", Some(FailureCode::Misconfigured)),
        ("api-origin", "ftp://x", Some(FailureCode::Misconfigured)),
    ] {
        let mut context = context();
        context.settings.retain(|given| given.name != name);
        context.settings.push(setting((name, value)));
        let told = send(&Platform::answering(200, TAKEN), &context, &message());
        assert_eq!(told.err().map(|failure| failure.code), code, "{name}");
    }
}

#[test]
fn all_findings_come_at_once_with_limit_and_value() {
    let bad = Message {
        recipient: "0049".into(),
        suggestions: vec![reply(&"x".repeat(31))],
        expiry: Some(Expiry::AfterSeconds(2_000_000)),
        ..message()
    };
    let findings = check(&context(), &bad).findings;
    assert_eq!(findings.len(), 3);
    assert_eq!(findings[1].limit.as_deref(), Some("1 to 25 characters"));
    assert_eq!(findings[1].actual.as_deref(), Some("31 characters"));
    assert_eq!(
        findings[1].message,
        "suggestions[0].text has 31 characters, the limit is 25"
    );
    assert!(findings.iter().all(|finding| finding.source.is_some()));
}

#[test]
fn a_short_lifetime_is_a_warning_and_is_sent() {
    let short = Message {
        expiry: Some(Expiry::AfterSeconds(9)),
        ..message()
    };
    assert_eq!(check(&context(), &short).findings[0].rule, "lifetime-short");
    assert!(send(&Platform::answering(200, TAKEN), &context(), &short).is_ok());
}

#[test]
fn a_message_counts_as_what_the_billing_pages_say() {
    let text = |recipient: &str, text: &str| Message {
        recipient: recipient.into(),
        content: Content::Text(text.into()),
        ..message()
    };
    let with = |action, message: Message| Message {
        suggestions: vec![Suggestion {
            action,
            ..reply("x")
        }],
        ..message
    };
    let webview = Action::OpenUrl(OpenUrl {
        url: "https://x.example".into(),
        view: UrlView::WebviewFull,
        description: None,
    });
    for (message, class, segments) in [
        (text("+491", &"x".repeat(160)), "BASIC_MESSAGE", None),
        (text("+491", &"é".repeat(81)), "SINGLE_MESSAGE", None),
        (
            with(Action::Reply, text("+491", "x")),
            "SINGLE_MESSAGE",
            None,
        ),
        (text("+1222", &"x".repeat(161)), "RICH_MESSAGE", Some(2)),
        (
            with(Action::Dial("1".into()), text("+1222", "x")),
            "RICH_MESSAGE",
            Some(1),
        ),
        (
            with(webview, text("+1222", "x")),
            "RICH_MEDIA_MESSAGE",
            None,
        ),
    ] {
        let report = check(&context(), &message);
        assert_eq!(
            (report.message_class.as_deref(), report.segments),
            (Some(class), segments),
            "{message:?}"
        );
    }
}

#[test]
fn each_method_has_its_own_address_and_body() {
    let host = Platform::answering(200, "{}");
    revoke(&host, &context(), "+12223334444", "m1").unwrap();
    signal(
        &host,
        &context(),
        "+12223334444",
        "e1",
        &SignalKind::Read("u1".into()),
    )
    .unwrap();
    signal(&host, &context(), "+12223334444", "e2", &SignalKind::Typing).unwrap();
    capabilities(&host, &context(), "+12223334444", "r1").unwrap();
    let origin = "https://europe-rcsbusinessmessaging.googleapis.com/v1/phones/+12223334444";
    let expected = [
        (
            Method::Delete,
            "/agentMessages/m1?agentId=demo",
            Value::Null,
        ),
        (
            Method::Post,
            "/agentEvents?eventId=e1&agentId=demo",
            json!({ "eventType": "READ", "messageId": "u1" }),
        ),
        (
            Method::Post,
            "/agentEvents?eventId=e2&agentId=demo",
            json!({ "eventType": "IS_TYPING" }),
        ),
        (
            Method::Get,
            "/capabilities?requestId=r1&agentId=demo",
            Value::Null,
        ),
    ];
    let requests = host.requests.borrow();
    assert_eq!(requests.len(), expected.len());
    for (request, (method, path, body)) in requests.iter().zip(expected) {
        assert_eq!(
            (request.method, &request.url),
            (method, &format!("{origin}{path}"))
        );
        let json = if request.body.is_some() {
            document(request)
        } else {
            Value::Null
        };
        assert_eq!(body, json, "{path}");
    }
}

#[test]
fn what_is_no_name_never_leaves() {
    let host = Platform::answering(200, "{}");
    for (phone, id) in [("+12223334444", "../../x"), ("12223334444", "m1")] {
        let failures = [
            revoke(&host, &context(), phone, id)
                .map(|_| ())
                .unwrap_err(),
            signal(&host, &context(), phone, id, &SignalKind::Typing).unwrap_err(),
            capabilities(&host, &context(), phone, id)
                .map(|_| ())
                .unwrap_err(),
        ];
        assert!(
            failures
                .iter()
                .all(|failure| failure.code == FailureCode::Refused),
            "{failures:?}"
        );
    }
    assert!(host.requests.borrow().is_empty());
}

struct Platform {
    answer: Result<Response, FetchFailure>,
    requests: RefCell<Vec<Request>>,
}

impl Platform {
    fn answering(status: u16, body: &str) -> Self {
        let response = Response {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        };
        Self {
            answer: Ok(response),
            requests: RefCell::default(),
        }
    }
}

impl Host for Platform {
    fn fetch(&self, request: Request) -> Result<Response, FetchFailure> {
        self.requests.borrow_mut().push(request);
        self.answer.clone()
    }
}

fn sent(message: &Message) -> Value {
    let host = Platform::answering(200, TAKEN);
    send(&host, &context(), message).unwrap();
    document(&host.requests.borrow()[0])
}

fn document(request: &Request) -> Value {
    serde_json::from_slice(request.body.as_ref().unwrap().inline().unwrap()).unwrap()
}

fn context() -> Context {
    Context {
        settings: vec![
            setting(("agent-id", "demo@rbm.goog")),
            setting(("region", "europe")),
        ],
        now: NOW.into(),
    }
}

fn setting((name, value): (&str, &str)) -> Setting {
    Setting {
        name: name.into(),
        value: value.into(),
    }
}

fn message() -> Message {
    Message {
        id: "3f1c0f5e-0000-4000-8000-000000000000".into(),
        recipient: "+12223334444".into(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

fn reply(text: &str) -> Suggestion {
    Suggestion {
        text: text.into(),
        postback: "pb".into(),
        action: Action::Reply,
        fallback_url: None,
    }
}

fn url(url: &str) -> FileSource {
    FileSource::Url(url.into())
}

fn uploaded(name: &str) -> FileSource {
    FileSource::Uploaded(name.into())
}

fn file(source: FileSource) -> Attachment {
    Attachment {
        source,
        thumbnail: None,
        force_refresh: false,
    }
}

fn card() -> Card {
    Card {
        title: Some("Title".into()),
        description: Some("Description".into()),
        media: Some(CardMedia {
            file: file(url("https://x.example/m")),
            height: Some(MediaHeight::Tall),
            alternative_text: Some("Van".into()),
        }),
        suggestions: vec![reply("Yes")],
    }
}

fn card_json() -> Value {
    json!({
        "title": "Title", "description": "Description",
        "media": { "contentInfo": { "fileUrl": "https://x.example/m" }, "height": "TALL", "contentDescription": "Van" },
        "suggestions": [{ "reply": { "text": "Yes", "postbackData": "pb" } }],
    })
}

const NOW: &str = "2026-11-24T10:00:00Z";
/// What RBM answers to [`message`].
const TAKEN: &str =
    r#"{"name":"phones/+12223334444/agentMessages/3f1c0f5e-0000-4000-8000-000000000000"}"#;
