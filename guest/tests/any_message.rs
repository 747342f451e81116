//! Whatever a message says, it is either wrong and stays here, or goes out as Google's schema wants it with nothing lost.
//!
//! The schema is written out once more, by the pages of reference/rest/v1/phones.agentMessages, and knows nothing of `rbm-wire`.

use Kind::{List, Number, Object, Seconds, Text, True, Word};
use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Context, Coordinates, Expiry, FileSource, ImageSide,
    MediaHeight, Message, OpenUrl, Place, Purpose, RecordingKind, Setting, Severity,
    StandaloneCard, Suggestion, UrlView,
};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use rbm_guest::http::{FetchFailure, Host, Request, Response};
use rbm_guest::{check::check, plain_text::plain_text, send::send};
use rbm_wire::{json, message::AgentMessage};
use serde_json::{Value, json};
use std::cell::RefCell;

proptest! {
    #[test]
    fn what_is_not_wrong_is_sent_as_the_schema_wants_it_with_nothing_lost(message in message(&SENDABLE).prop_map(mended)) {
        prop_assert_eq!(errors(&message), Vec::<String>::new());
        let body = sent(&message).expect("nothing is wrong with it");
        let read: AgentMessage = serde_json::from_slice(&body).expect("what is sent can be read");
        prop_assert_eq!(serde_json::to_vec(&read).expect("it was read from JSON"), body.clone());

        let mut leaves = Leaves::default();
        read_strictly("AgentMessage", &serde_json::from_slice(&body).expect("JSON"), &mut leaves).map_err(TestCaseError::fail)?;
        prop_assert_eq!(leaves.sorted(), Leaves::of(&message).sorted());
    }

    #[test]
    fn what_is_wrong_is_found_and_never_sent(message in message(&ANYTHING)) {
        prop_assert_eq!(sent(&message).is_none(), is_wrong_at_any_time(&message));
        let plain = plain_text(&message);
        prop_assert!(!plain.text.is_empty() || plain.segments == 0);
        prop_assert!(plain.text.is_empty() || plain.text.len() > 255 * 67 || plain.segments > 0);
        prop_assert!(plain.segments <= 255);
    }
}

#[test]
fn the_schema_refuses_what_it_should() {
    let reply = json!({ "reply": { "text": "a", "postbackData": "b" } });
    let good = json!({ "contentMessage": { "text": "x", "suggestions": [reply] }, "ttl": "600s" });
    assert_eq!(
        read_strictly("AgentMessage", &good, &mut Leaves::default()),
        Ok(())
    );
    for (pointer, value) in [
        ("/new", json!(1)),
        ("/ttl", json!("600")),
        ("/expireTime", json!(5)),
        ("/messageTrafficType", json!("SPAM")),
        ("/contentMessage", json!([])),
        ("/contentMessage", json!({ "suggestions": [reply] })),
        ("/contentMessage/text", json!(1)),
        (
            "/contentMessage/contentInfo",
            json!({ "fileUrl": "https://x.example" }),
        ),
        ("/expireTime", json!("")),
        ("/contentMessage/suggestions", json!({})),
        ("/contentMessage/suggestions", json!([])),
        (
            "/contentMessage/suggestions/0/action",
            json!({ "text": "a", "postbackData": "b", "shareLocationAction": {} }),
        ),
        (
            "/contentMessage/suggestions/0/reply",
            json!({ "text": "a" }),
        ),
        ("/contentMessage/suggestions/0/reply/text", Value::Null),
    ] {
        let mut bad = good.clone();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
        bad.pointer_mut(parent).expect("it is there")[field] = value;
        assert!(
            read_strictly("AgentMessage", &bad, &mut Leaves::default()).is_err(),
            "{bad}"
        );
    }
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    True,
    /// Whole seconds with an `s`.
    Seconds,
    Word(&'static [&'static str]),
    Object(&'static str),
    /// Of objects; never empty, because an empty one is left out.
    List(&'static str),
}

type Fields = &'static [(&'static str, Kind)];

/// An object: the fields that it must have, those of which it must have one, and the rest.
struct Shape {
    name: &'static str,
    all_of: Fields,
    one_of: Fields,
    optional: Fields,
}

const fn shape(name: &'static str, all_of: Fields, one_of: Fields, optional: Fields) -> Shape {
    Shape {
        name,
        all_of,
        one_of,
        optional,
    }
}

const SCHEMA: [Shape; 21] = [
    shape(
        "AgentMessage",
        &[("contentMessage", Object("ContentMessage"))],
        &[],
        &[
            ("messageTrafficType", Word(TRAFFIC_TYPES)),
            ("ttl", Seconds),
            ("expireTime", Text),
        ],
    ),
    shape(
        "ContentMessage",
        &[],
        &[
            ("text", Text),
            ("uploadedRbmFile", Object("UploadedRbmFile")),
            ("contentInfo", Object("ContentInfo")),
            ("richCard", Object("RichCard")),
        ],
        &[("suggestions", List("Suggestion"))],
    ),
    shape(
        "UploadedRbmFile",
        &[("fileName", Text)],
        &[],
        &[("thumbnailName", Text)],
    ),
    shape(
        "ContentInfo",
        &[("fileUrl", Text)],
        &[],
        &[("thumbnailUrl", Text), ("forceRefresh", True)],
    ),
    shape(
        "RichCard",
        &[],
        &[
            ("standaloneCard", Object("StandaloneCard")),
            ("carouselCard", Object("CarouselCard")),
        ],
        &[],
    ),
    shape(
        "StandaloneCard",
        &[
            ("cardOrientation", Word(&["HORIZONTAL", "VERTICAL"])),
            ("cardContent", Object("CardContent")),
        ],
        &[],
        &[("thumbnailImageAlignment", Word(&["LEFT", "RIGHT"]))],
    ),
    shape(
        "CarouselCard",
        &[
            ("cardWidth", Word(&["SMALL", "MEDIUM"])),
            ("cardContents", List("CardContent")),
        ],
        &[],
        &[],
    ),
    shape(
        "CardContent",
        &[],
        &[],
        &[
            ("title", Text),
            ("description", Text),
            ("media", Object("Media")),
            ("suggestions", List("Suggestion")),
        ],
    ),
    shape(
        "Media",
        &[],
        &[
            ("uploadedRbmFile", Object("UploadedRbmFile")),
            ("contentInfo", Object("ContentInfo")),
        ],
        &[
            ("height", Word(&["SHORT", "MEDIUM", "TALL"])),
            ("contentDescription", Text),
        ],
    ),
    shape(
        "Suggestion",
        &[],
        &[
            ("reply", Object("SuggestedReply")),
            ("action", Object("SuggestedAction")),
        ],
        &[],
    ),
    shape(
        "SuggestedReply",
        &[("text", Text), ("postbackData", Text)],
        &[],
        &[],
    ),
    shape(
        "SuggestedAction",
        &[("text", Text), ("postbackData", Text)],
        &[
            ("dialAction", Object("DialAction")),
            ("viewLocationAction", Object("ViewLocationAction")),
            (
                "createCalendarEventAction",
                Object("CreateCalendarEventAction"),
            ),
            ("openUrlAction", Object("OpenUrlAction")),
            ("shareLocationAction", Object("ShareLocationAction")),
            ("composeAction", Object("ComposeAction")),
        ],
        &[("fallbackUrl", Text)],
    ),
    shape("DialAction", &[("phoneNumber", Text)], &[], &[]),
    shape(
        "ViewLocationAction",
        &[],
        &[],
        &[
            ("latLong", Object("LatLong")),
            ("label", Text),
            ("query", Text),
        ],
    ),
    shape(
        "LatLong",
        &[("latitude", Number), ("longitude", Number)],
        &[],
        &[],
    ),
    shape(
        "CreateCalendarEventAction",
        &[("startTime", Text), ("endTime", Text), ("title", Text)],
        &[],
        &[("description", Text)],
    ),
    shape(
        "OpenUrlAction",
        &[
            ("url", Text),
            ("application", Word(&["BROWSER", "WEBVIEW"])),
        ],
        &[],
        &[
            ("webviewViewMode", Word(&["FULL", "HALF", "TALL"])),
            ("description", Text),
        ],
    ),
    shape("ShareLocationAction", &[], &[], &[]),
    shape(
        "ComposeAction",
        &[],
        &[
            ("composeTextMessage", Object("ComposeTextMessage")),
            ("composeRecordingMessage", Object("ComposeRecordingMessage")),
        ],
        &[],
    ),
    shape(
        "ComposeTextMessage",
        &[("phoneNumber", Text), ("text", Text)],
        &[],
        &[],
    ),
    shape(
        "ComposeRecordingMessage",
        &[("phoneNumber", Text), ("type", Word(&["AUDIO", "VIDEO"]))],
        &[],
        &[],
    ),
];

const TRAFFIC_TYPES: &[&str] = &[
    "AUTHENTICATION",
    "TRANSACTION",
    "PROMOTION",
    "SERVICEREQUEST",
    "ACKNOWLEDGEMENT",
];

/// Reads an object of the schema, and fails at the first thing that the schema does not have.
fn read_strictly(name: &str, value: &Value, leaves: &mut Leaves) -> Result<(), String> {
    let shape = SCHEMA
        .iter()
        .find(|shape| shape.name == name)
        .ok_or(format!("there is no shape {name}"))?;
    let object = value.as_object().ok_or(format!("{name} is {value}"))?;
    let count = |fields: Fields| {
        fields
            .iter()
            .filter(|(field, _)| object.contains_key(*field))
            .count()
    };
    if count(shape.all_of) < shape.all_of.len() || count(shape.one_of) != shape.one_of.len().min(1)
    {
        return Err(format!("{name} has too much or too little: {value}"));
    }
    for (field, value) in object {
        let mut known = shape
            .all_of
            .iter()
            .chain(shape.one_of)
            .chain(shape.optional);
        let (_, kind) = known
            .find(|(known, _)| known == field)
            .ok_or(format!("{name} has no field {field}"))?;
        let is_optional = shape.optional.iter().any(|(optional, _)| optional == field);
        if is_optional && value == "" {
            return Err(format!("{name}.{field} is empty, and is not left out"));
        }
        read_field(*kind, value, leaves).map_err(|problem| format!("{name}.{field}: {problem}"))?;
    }
    Ok(())
}

fn read_field(kind: Kind, value: &Value, leaves: &mut Leaves) -> Result<(), String> {
    match (kind, value) {
        (Text, Value::String(text)) => leaves.0.push(text.clone()),
        (Number, Value::Number(number)) => leaves.number(number.as_f64().ok_or("it is no double")?),
        (True, Value::Bool(true)) => {}
        (Seconds, Value::String(text)) => {
            let seconds = text
                .strip_suffix('s')
                .ok_or(format!("{text:?} has no `s`"))?;
            leaves.0.push(
                seconds
                    .parse::<u32>()
                    .map_err(|problem| problem.to_string())?
                    .to_string(),
            );
        }
        (Word(words), Value::String(word)) if words.contains(&word.as_str()) => {}
        (Object(name), value) => read_strictly(name, value, leaves)?,
        (List(name), Value::Array(list)) if !list.is_empty() => {
            list.iter()
                .try_for_each(|value| read_strictly(name, value, leaves))?;
        }
        _ => return Err(format!("it is {value}")),
    }
    Ok(())
}

/// Everything in a message that an application is free to write, wherever it stands.
#[derive(Default)]
struct Leaves(Vec<String>);

impl Leaves {
    fn of(message: &Message) -> Self {
        let mut leaves = Self::default();
        match &message.content {
            Content::Text(text) => leaves.0.push(text.clone()),
            Content::File(file) => leaves.file(file),
            Content::Card(standalone) => leaves.card(&standalone.card),
            Content::Carousel(carousel) => carousel.cards.iter().for_each(|card| leaves.card(card)),
        }
        message
            .suggestions
            .iter()
            .for_each(|suggestion| leaves.suggestion(suggestion));
        leaves
            .0
            .extend(message.expiry.iter().map(|expiry| match expiry {
                Expiry::AfterSeconds(seconds) => seconds.to_string(),
                Expiry::At(time) => time.clone(),
            }));
        leaves
    }

    fn file(&mut self, file: &Attachment) {
        let names = [Some(&file.source), file.thumbnail.as_ref()];
        self.0.extend(
            names
                .into_iter()
                .flatten()
                .map(|(FileSource::Url(name) | FileSource::Uploaded(name))| name.clone()),
        );
    }

    fn card(&mut self, card: &Card) {
        self.0
            .extend(card.title.iter().chain(&card.description).cloned());
        if let Some(media) = &card.media {
            self.file(&media.file);
            self.0.extend(media.alternative_text.clone());
        }
        card.suggestions
            .iter()
            .for_each(|suggestion| self.suggestion(suggestion));
    }

    fn suggestion(&mut self, suggestion: &Suggestion) {
        self.0
            .extend([suggestion.text.clone(), suggestion.postback.clone()]);
        match &suggestion.action {
            // A reply has nothing to fall back from.
            Action::Reply => return,
            Action::Dial(phone) => self.0.push(phone.clone()),
            Action::OpenUrl(page) => self
                .0
                .extend([&page.url].into_iter().chain(&page.description).cloned()),
            Action::ViewLocation(place) => {
                if let Some(at) = &place.coordinates {
                    self.number(at.latitude);
                    self.number(at.longitude);
                }
                self.0
                    .extend(place.label.iter().chain(&place.query).cloned());
            }
            Action::ShareLocation => {}
            Action::CreateCalendarEvent(event) => {
                self.0.extend(
                    [&event.start, &event.end, &event.title]
                        .into_iter()
                        .chain(&event.description)
                        .cloned(),
                );
            }
            Action::ComposeText(compose) => {
                self.0.extend([compose.phone.clone(), compose.text.clone()]);
            }
            Action::ComposeRecording(compose) => self.0.push(compose.phone.clone()),
        }
        self.0.extend(suggestion.fallback_url.clone());
    }

    /// To the last bit, and with the sign of a zero.
    fn number(&mut self, number: f64) {
        self.0.push(format!("{:x}", number.to_bits()));
    }

    /// Without empty texts, which proto3 reads as none.
    fn sorted(mut self) -> Vec<String> {
        self.0.retain(|leaf| !leaf.is_empty());
        self.0.sort();
        self.0
    }
}

fn errors(message: &Message) -> Vec<String> {
    let findings = check(&context(), message).findings.into_iter();
    findings
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.message)
        .collect()
}

/// What settings and the clock decide is left to `check`: a message that was accepted is sent.
fn is_wrong_at_any_time(message: &Message) -> bool {
    let is_of_now = |rule: &str| match rule {
        "card-suggestions-count" => true,
        "lifetime" => matches!(message.expiry, Some(Expiry::At(_))),
        _ => false,
    };
    check(&context(), message)
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error && !is_of_now(&finding.rule))
}

/// What went out, of which there is at most one.
fn sent(message: &Message) -> Option<Vec<u8>> {
    let platform = Platform::default();
    let answer = send(&platform, &context(), message);
    let mut requests = platform.requests.into_inner();
    assert!(
        requests.len() == usize::from(answer.is_ok()),
        "{answer:?} after {requests:?}"
    );
    let body = requests.pop()?.body.expect("a message has a body");
    let json = body.inline().expect("a message is sent as it is");
    assert!(json::parse(json, |_| true).is_ok(), "JSON");
    Some(json.to_vec())
}

#[derive(Default)]
struct Platform {
    requests: RefCell<Vec<Request>>,
}

impl Host for Platform {
    fn fetch(&self, request: Request) -> Result<Response, FetchFailure> {
        let (_, id) = request.url.split_once("messageId=").expect("an id");
        let (id, _) = id.split_once('&').expect("an agent");
        let name = format!("phones/+12223334444/agentMessages/{id}");
        self.requests.borrow_mut().push(request);
        Ok(Response {
            status: 200,
            body: json!({ "name": name }).to_string().into_bytes(),
            ..Response::default()
        })
    }
}

fn context() -> Context {
    Context {
        settings: vec![Setting {
            name: "agent-id".to_owned(),
            value: "demo".to_owned(),
        }],
        now: "2026-11-24T10:00:00Z".to_owned(),
    }
}

/// What messages are made of.
struct Vocabulary {
    /// Free text of a least and a most number of characters.
    text: fn(usize, usize) -> BoxedStrategy<String>,
    /// What has a form of its own, as a pattern.
    formed: fn(&'static str) -> BoxedStrategy<String>,
    /// As far as this in both directions.
    degrees: fn(f64) -> BoxedStrategy<f64>,
    seconds: fn() -> BoxedStrategy<u32>,
    /// Beyond the most of whatever there may be several of.
    excess: usize,
}

/// Whatever keeps the published limits.
const SENDABLE: Vocabulary = Vocabulary {
    text: |least, most| text(least, most.min(least + 12)).boxed(),
    formed: |pattern| {
        proptest::string::string_regex(pattern)
            .expect("a pattern")
            .boxed()
    },
    degrees: |most| {
        prop_oneof![
            -most..=most,
            select(vec![-most, most, -0.0, f64::MIN_POSITIVE, 5e-324])
        ]
        .boxed()
    },
    seconds: || (1..=1_296_000u32).boxed(),
    excess: 0,
};

/// Whatever the types can hold.
const ANYTHING: Vocabulary = Vocabulary {
    text: |least, most| prop_oneof![8 => text(0, 12), 1 => text(least, most + 1)].boxed(),
    formed: |pattern| prop_oneof![8 => (SENDABLE.formed)(pattern), 1 => text(0, 12)].boxed(),
    degrees: |most| {
        prop_oneof![8 => (SENDABLE.degrees)(most), 1 => proptest::num::f64::ANY].boxed()
    },
    seconds: || prop_oneof![8 => (SENDABLE.seconds)(), 1 => any::<u32>()].boxed(),
    excess: 2,
};

fn text(least: usize, most: usize) -> impl Strategy<Value = String> {
    let awkward = "\"\\/'\0\u{1}\u{1f}\n\r\t\u{7f}\u{80}\u{2028}\u{feff}\u{fffd}\u{ffff}\u{10000}\u{10ffff}😀e\u{301}";
    let character = prop_oneof![any::<char>(), select(awkward.chars().collect::<Vec<_>>())];
    proptest::collection::vec(character, least..=most).prop_map(String::from_iter)
}

fn message(words: &'static Vocabulary) -> impl Strategy<Value = Message> {
    let id = (words.formed)("[A-Za-z0-9_-]{1,64}");
    let recipient = (words.formed)(r"\+[1-9][0-9]{1,14}");
    let expiry = prop_oneof![
        (words.seconds)().prop_map(Expiry::AfterSeconds),
        (words.formed)(
            r"2026-1[12]-(2[5-9]|30)[Tt]2[0-3]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|z|[+-]0[0-9]:[0-5][0-9])"
        )
        .prop_map(|time| Expiry::At(time.replacen("2026-12", "2026-11", 1))),
    ];
    let options =
        proptest::collection::vec(((words.text)(0, 9), (words.text)(0, 9)), 0..=words.excess);
    let options = options.prop_map(|options| {
        options
            .into_iter()
            .map(|(name, value)| Setting { name, value })
            .collect::<Vec<_>>()
    });
    let body = (
        content(words),
        suggestions(words, 11),
        of(select(PURPOSES.to_vec())),
        of(expiry),
        options,
    );
    (id, recipient, body).prop_map(
        |(id, recipient, (content, suggestions, purpose, expiry, options))| Message {
            id,
            recipient,
            content,
            suggestions,
            purpose,
            expiry,
            options,
        },
    )
}

fn content(words: &'static Vocabulary) -> BoxedStrategy<Content> {
    let layouts = [
        CardLayout::Vertical,
        CardLayout::Horizontal(ImageSide::Left),
        CardLayout::Horizontal(ImageSide::Right),
    ];
    let standalone = (select(layouts.to_vec()), card(words))
        .prop_map(|(layout, card)| Content::Card(StandaloneCard { layout, card }));
    let fewest = 2 - words.excess;
    let cards = proptest::collection::vec(card(words), fewest..=4 + words.excess);
    let carousel = (select(vec![CardWidth::Small, CardWidth::Medium]), cards)
        .prop_map(|(width, cards)| Content::Carousel(Carousel { width, cards }));
    let text = (words.text)(1, 3072).prop_map(Content::Text);
    prop_oneof![
        text,
        attachment(words).prop_map(Content::File),
        standalone,
        carousel
    ]
    .boxed()
}

fn attachment(words: &'static Vocabulary) -> impl Strategy<Value = Attachment> {
    (source(words), of(source(words)), any::<bool>()).prop_map(
        |(source, thumbnail, force_refresh)| Attachment {
            source,
            thumbnail,
            force_refresh,
        },
    )
}

fn source(words: &'static Vocabulary) -> impl Strategy<Value = FileSource> {
    let url = (words.formed)(
        r"https?://[a-z0-9][a-z0-9.-]{0,9}(:[0-9]{1,4})?/([A-Za-z0-9._~/?#@!$&'()*+,;=-]|%[0-9A-F]{2}){0,20}",
    );
    prop_oneof![
        url.prop_map(FileSource::Url),
        (words.text)(1, 99).prop_map(FileSource::Uploaded)
    ]
}

fn card(words: &'static Vocabulary) -> impl Strategy<Value = Card> {
    let heights = select(vec![
        MediaHeight::Short,
        MediaHeight::Medium,
        MediaHeight::Tall,
    ]);
    let media = (attachment(words), of(heights), of((words.text)(0, 99))).prop_map(
        |(file, height, alternative_text)| CardMedia {
            file,
            height,
            alternative_text,
        },
    );
    (
        of((words.text)(0, 200)),
        of((words.text)(0, 2000)),
        of(media),
        suggestions(words, 4),
    )
        .prop_map(|(title, description, media, suggestions)| Card {
            title,
            description,
            media,
            suggestions,
        })
}

fn suggestions(words: &'static Vocabulary, most: usize) -> impl Strategy<Value = Vec<Suggestion>> {
    let uri = (words.formed)("[a-z][a-z0-9+.-]{0,5}:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]{1,20}");
    let suggestion = (
        (words.text)(1, 25),
        (words.text)(0, 2048),
        action(words),
        of(uri),
    )
        .prop_map(|(text, postback, action, fallback_url)| Suggestion {
            text,
            postback,
            action,
            fallback_url,
        });
    proptest::collection::vec(suggestion, 0..=most + words.excess)
}

fn action(words: &'static Vocabulary) -> impl Strategy<Value = Action> {
    let dialled = || (words.formed)("[0-9+*#]{1,20}");
    let views = [
        UrlView::Browser,
        UrlView::WebviewFull,
        UrlView::WebviewHalf,
        UrlView::WebviewTall,
    ];
    let page = (
        (words.formed)("[a-z][a-z0-9+.-]{0,5}:[A-Za-z0-9/]{1,20}"),
        select(views.to_vec()),
        of((words.text)(0, 500)),
    )
        .prop_map(|(url, view, description)| {
            Action::OpenUrl(OpenUrl {
                url,
                view,
                description,
            })
        });
    let coordinates =
        ((words.degrees)(90.0), (words.degrees)(180.0)).prop_map(|(latitude, longitude)| {
            Coordinates {
                latitude,
                longitude,
            }
        });
    let place = (
        of(coordinates),
        of((words.text)(0, 99)),
        of((words.text)(0, 99)),
    )
        .prop_map(|(coordinates, label, query)| {
            Action::ViewLocation(Place {
                coordinates,
                label,
                query,
            })
        });
    let time = || (words.formed)("20[0-9]{2}-0[1-9]-[01][1-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z");
    let event = (
        time(),
        time(),
        (words.text)(1, 100),
        of((words.text)(0, 500)),
    )
        .prop_map(|(start, end, title, description)| {
            Action::CreateCalendarEvent(CalendarEvent {
                start,
                end,
                title,
                description,
            })
        });
    let compose = (dialled(), (words.text)(0, 99))
        .prop_map(|(phone, text)| Action::ComposeText(ComposeText { phone, text }));
    let recording = (
        dialled(),
        select(vec![RecordingKind::Audio, RecordingKind::Video]),
    )
        .prop_map(|(phone, kind)| Action::ComposeRecording(ComposeRecording { phone, kind }));
    prop_oneof![
        Just(Action::Reply),
        dialled().prop_map(Action::Dial),
        page,
        place,
        Just(Action::ShareLocation),
        event,
        compose,
        recording,
    ]
}

/// Mends what is wrong between fields each of which is right.
fn mended(mut message: Message) -> Message {
    match &mut message.content {
        Content::Text(_) => {}
        Content::File(file) => mend_file(file),
        Content::Card(standalone) => mend_card(&mut standalone.card),
        Content::Carousel(carousel) => {
            for card in &mut carousel.cards {
                mend_card(card);
                card.media
                    .iter_mut()
                    .filter(|_| carousel.width == CardWidth::Small)
                    .for_each(|media| media.height = None);
            }
        }
    }
    message.suggestions.iter_mut().for_each(mend_suggestion);
    message
}

fn mend_card(card: &mut Card) {
    // Media alone is no horizontal card, and nothing at all is no card.
    let is_empty = |text: &Option<String>| text.as_deref().unwrap_or_default().is_empty();
    if is_empty(&card.title) && is_empty(&card.description) {
        card.title = Some("Title".into());
    }
    card.media
        .iter_mut()
        .for_each(|media| mend_file(&mut media.file));
    card.suggestions.iter_mut().for_each(mend_suggestion);
}

fn mend_file(file: &mut Attachment) {
    let source = std::mem::discriminant(&file.source);
    file.thumbnail
        .take_if(|thumbnail| std::mem::discriminant(thumbnail) != source);
}

fn mend_suggestion(suggestion: &mut Suggestion) {
    if let Action::ViewLocation(place) = &mut suggestion.action
        && place.coordinates.is_none()
    {
        place.query = Some("cafe".to_owned());
    }
}

const PURPOSES: [Purpose; 5] = [
    Purpose::Authentication,
    Purpose::Transaction,
    Purpose::Promotion,
    Purpose::ServiceRequest,
    Purpose::Acknowledgement,
];
