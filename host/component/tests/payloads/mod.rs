//! Every shape that crosses the boundary inwards: messages with each content, suggestion, purpose and expiry, and the
//! documents of each fact. What they mean is tested beside the guest; here they only have to be all there.

use crate::webhook;
use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Coordinates, Expiry, FileSource, Header, ImageSide,
    MediaHeight, Message, OpenUrl, Place, Purpose, RecordingKind, StandaloneCard, Suggestion,
    UrlView, WebhookRequest,
};
use rbm_guest::signature::sign;

pub(crate) const TOKEN: &str = "client-token";
pub(crate) const PHONE: &str = "+12223334444";

/// Each message differs from `message()` in one thing, so that a failure names it.
pub(crate) fn messages() -> Vec<Message> {
    let contents = contents().into_iter().map(|content| Message {
        content,
        ..message()
    });
    let suggestions = actions().into_iter().enumerate().map(|(index, action)| {
        let fallback_url = (index % 2 == 0).then(|| "https://f.example".to_owned());
        Message {
            suggestions: vec![Suggestion {
                action,
                fallback_url,
                ..reply()
            }],
            ..message()
        }
    });
    let purposes = [
        Purpose::Authentication,
        Purpose::Transaction,
        Purpose::Promotion,
        Purpose::ServiceRequest,
        Purpose::Acknowledgement,
    ];
    let purposes = purposes.map(|purpose| Message {
        purpose: Some(purpose),
        ..message()
    });
    let expiries = [
        Expiry::AfterSeconds(600),
        Expiry::AfterSeconds(9),
        Expiry::At("2026-12-01T10:00:00Z".into()),
    ];
    let expiries = expiries.map(|expiry| Message {
        expiry: Some(expiry),
        ..message()
    });
    let broken = Message {
        id: "../x".into(),
        recipient: "0049".into(),
        content: Content::Text(String::new()),
        suggestions: vec![Suggestion {
            text: "x".repeat(26),
            ..reply()
        }],
        expiry: Some(Expiry::AfterSeconds(u32::MAX)),
        options: vec![webhook::setting("colour", "red")],
        ..message()
    };
    contents
        .chain(suggestions)
        .chain(purposes)
        .chain(expiries)
        .chain([broken])
        .collect()
}

pub(crate) fn message() -> Message {
    Message {
        id: "3f1c0f5e".into(),
        recipient: PHONE.into(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

fn contents() -> Vec<Content> {
    let linked = FileSource::Url("https://x.example/f".into());
    let uploaded = FileSource::Uploaded("files/f".into());
    let file = Attachment {
        source: linked.clone(),
        thumbnail: None,
        force_refresh: false,
    };
    let layouts = [
        CardLayout::Vertical,
        CardLayout::Horizontal(ImageSide::Left),
        CardLayout::Horizontal(ImageSide::Right),
    ];
    let heights = [
        None,
        Some(MediaHeight::Short),
        Some(MediaHeight::Medium),
        Some(MediaHeight::Tall),
    ];
    let with_media = |height: Option<MediaHeight>| {
        let alternative_text = height.map(|_| "Van".to_owned());
        let media = Some(CardMedia {
            file: file.clone(),
            height,
            alternative_text,
        });
        Card {
            title: None,
            description: Some("D".into()),
            media,
            suggestions: vec![reply()],
        }
    };
    let bare = Card {
        title: Some("T".into()),
        description: None,
        media: None,
        suggestions: Vec::new(),
    };
    let mut contents = vec![
        Content::Text("é 😀 \u{0} \u{10ffff} \"\\\n".into()),
        Content::File(Attachment {
            thumbnail: Some(linked.clone()),
            force_refresh: true,
            ..file.clone()
        }),
        Content::File(Attachment {
            source: uploaded.clone(),
            thumbnail: Some(uploaded),
            ..file.clone()
        }),
        Content::Carousel(Carousel {
            width: CardWidth::Small,
            cards: heights.map(with_media).to_vec(),
        }),
        Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards: vec![bare.clone(), bare.clone()],
        }),
    ];
    contents.extend(layouts.map(|layout| {
        Content::Card(StandaloneCard {
            layout,
            card: bare.clone(),
        })
    }));
    contents
}

fn actions() -> Vec<Action> {
    let page = |view, description: Option<&str>| {
        Action::OpenUrl(OpenUrl {
            url: "https://x.example".into(),
            view,
            description: description.map(Into::into),
        })
    };
    let event = |description: Option<&str>| {
        let (start, end) = ("2026-12-01T10:00:00Z".into(), "2026-12-01T11:00:00Z".into());
        CalendarEvent {
            start,
            end,
            title: "t".into(),
            description: description.map(Into::into),
        }
    };
    let recording = |kind| {
        Action::ComposeRecording(ComposeRecording {
            phone: "+1222".into(),
            kind,
        })
    };
    let coordinates = Some(Coordinates {
        latitude: 37.422,
        longitude: -122.084_056,
    });
    vec![
        Action::Reply,
        Action::Dial("*111#".into()),
        page(UrlView::Browser, None),
        page(UrlView::WebviewFull, Some("d")),
        page(UrlView::WebviewHalf, None),
        page(UrlView::WebviewTall, Some("d")),
        Action::ViewLocation(Place {
            coordinates,
            label: Some("l".into()),
            query: None,
        }),
        Action::ViewLocation(Place {
            coordinates: None,
            label: None,
            query: Some("cafe".into()),
        }),
        Action::ShareLocation,
        Action::CreateCalendarEvent(event(None)),
        Action::CreateCalendarEvent(event(Some("d"))),
        Action::ComposeText(ComposeText {
            phone: "+1222".into(),
            text: "x".into(),
        }),
        recording(RecordingKind::Audio),
        recording(RecordingKind::Video),
    ]
}

fn reply() -> Suggestion {
    Suggestion {
        text: "Yes".into(),
        postback: "pb".into(),
        action: Action::Reply,
        fallback_url: None,
    }
}

/// What a webhook may get: each document signed, and whatever is not signed as it should be.
pub(crate) fn requests() -> Vec<WebhookRequest> {
    let signed = DOCUMENTS
        .iter()
        .map(|document| webhook::request(document.as_bytes(), &sign(TOKEN, document.as_bytes())));
    let bytes = [0xff, 0xfe, 0x00];
    let document = DOCUMENTS[0].as_bytes();
    let authentic = webhook::request(document, &sign(TOKEN, document));
    let raw = |body: &str| WebhookRequest {
        body: body.into(),
        ..authentic.clone()
    };
    let refused = [
        webhook::request(&bytes, &sign(TOKEN, &bytes)),
        webhook::request(document, &sign("old-token", document)),
        webhook::request(document, &sign("another-token", document)),
        webhook::request(document, "not base64"),
        WebhookRequest {
            headers: Vec::<Header>::new(),
            ..authentic.clone()
        },
        WebhookRequest {
            method: "GET".into(),
            ..authentic.clone()
        },
        raw(r#"{"clientToken":"old-token","secret":"s3cret"}"#),
        raw(r#"{"clientToken":"wrong","secret":"s3cret"}"#),
        raw(""),
        raw(r#"{"message":{}}"#),
    ];
    signed.chain(refused).collect()
}

/// One for each fact of the contract and for each content of a person's message, with and without what may be left out.
const DOCUMENTS: [&str; 19] = [
    r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","sendTime":"2026-11-24T10:00:00.045123Z","text":"Hi"}"#,
    r#"{"agentId":"bot@rbm.goog","senderPhoneNumber":"+12223334444","messageId":"Mx","text":"é 😀 \u0000","carrier":"c",
        "richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":1}}"#,
    r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","suggestionResponse":{"postbackData":"pb","text":"Yes","type":"REPLY"}}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventId":"Ev","suggestionResponse":{"postbackData":"pb"}}"#,
    r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","location":{"latitude":37.422,"longitude":-122.084056}}"#,
    r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{"payload":{"mimeType":"image/gif","fileUri":"https://x.example/p"}}}"#,
    r#"{"senderPhoneNumber":"+12223334444","messageId":"Mx","userFile":{
        "thumbnail":{"mimeType":"image/jpeg","fileSizeBytes":1280,"fileUri":"https://x.example/t","fileName":"4.jpeg"},
        "payload":{"mimeType":"image/gif","fileSizeBytes":"127806","fileUri":"https://x.example/p","fileName":"4.gif"}}}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"DELIVERED","eventId":"fa2f","messageId":"m1","agentId":"bot@rbm.goog"}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","messageId":"m1","agentId":"bot@rbm.goog"}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"IS_TYPING","eventId":"47ac","agentId":"bot@rbm.goog"}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"UNSUBSCRIBE","eventId":"e","agentId":"bot@rbm.goog"}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"SUBSCRIBE","eventId":"e","agentId":"bot@rbm.goog"}"#,
    r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKED","eventId":"e","messageId":"m1"}"#,
    r#"{"phoneNumber":"+12223334444","eventType":"TTL_EXPIRATION_REVOKE_FAILED","eventId":"e","messageId":"m1"}"#,
    r#"{"eventId":"bot/0a7e","agentId":"bot@rbm.goog","botDisplayName":"B","brandId":"b","brandDisplayName":"Brand",
        "regionId":"/v1/regions/fi-rcs","oldLaunchState":"PENDING","newLaunchState":"REJECTED","actingParty":"carrier","comment":"no"}"#,
    r#"{"eventId":"bot/0a7e","regionId":"/v1/regions/fi-rcs","newLaunchState":"LAUNCHED"}"#,
    r#"{"requestId":"r","phoneNumber":"+12223334444","rbmEnabled":true,"features":["ACTION_DIAL","REVOCATION"]}"#,
    r#"{"senderPhoneNumber":"+12223334444","eventType":"REACTED","eventId":"e","agentId":"bot@rbm.goog"}"#,
    "no JSON at all",
];
