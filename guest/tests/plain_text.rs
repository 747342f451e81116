//! Messages and what is left of them in plain text: all that a person can read or act on, in the fewest SMS.

use gateway_channel::TextEncoding::{Gsm7, Ucs2};
use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel,
    ComposeRecording, ComposeText, Content, Coordinates, FileSource, Message, OpenUrl, Place,
    PlainForm, RecordingKind, StandaloneCard, Suggestion, UrlView,
};
use rbm_guest::plain_text::plain_text;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_message_is_written_as_somebody_would_write_it() {
    for (name, message, text, encoding, segments) in [
        ("text", with(said("Hi"), &[]), "Hi", Gsm7, 1),
        (
            "text with space around it",
            with(said("\n \tHi\n\nthere \n"), &[]),
            "Hi\n\nthere",
            Gsm7,
            1,
        ),
        (
            "text of another alphabet",
            with(said(&"я".repeat(71)), &[]),
            &"я".repeat(71),
            Ucs2,
            2,
        ),
        (
            "text with replies",
            with(
                said("Is 10:00 all right?"),
                &[reply("Yes"), reply("No"), reply(" Call me ")],
            ),
            "Is 10:00 all right?\nReply: Yes / No / Call me",
            Gsm7,
            1,
        ),
        (
            "replies come after what has a line of its own",
            with(
                said("Your parcel is late."),
                &[
                    reply("Wait"),
                    page("Track", "https://x.example/t"),
                    reply("Cancel"),
                ],
            ),
            "Your parcel is late.\nTrack: https://x.example/t\nReply: Wait / Cancel",
            Gsm7,
            1,
        ),
        (
            "a link that the text has",
            with(
                said("See https://x.example/t."),
                &[page("Track", "https://x.example/t")],
            ),
            "See https://x.example/t.",
            Gsm7,
            1,
        ),
        (
            "a link that the text only begins with",
            with(
                said("See https://x.example/track"),
                &[page("Track", "https://x.example/t")],
            ),
            "See https://x.example/track\nTrack: https://x.example/t",
            Gsm7,
            1,
        ),
        (
            "a link that ends as a sentence does",
            with(
                said("See https://x.example/t?"),
                &[page("Track", "https://x.example/t?")],
            ),
            "See https://x.example/t?",
            Gsm7,
            1,
        ),
        (
            "the same link twice",
            with(
                said("Hi"),
                &[
                    page("Shop", "https://x.example/"),
                    page("Buy", "https://x.example/"),
                ],
            ),
            "Hi\nShop: https://x.example/",
            Gsm7,
            1,
        ),
        (
            "a number to dial, and its fallback",
            with(
                said("Hi"),
                &[falling_back(
                    "Call us",
                    Action::Dial("+15550100001".into()),
                    "https://x.example/call",
                )],
            ),
            "Hi\nCall us: +15550100001, https://x.example/call",
            Gsm7,
            1,
        ),
        (
            "a page whose fallback is itself",
            with(
                said("Hi"),
                &[falling_back(
                    "Open",
                    open("https://x.example/"),
                    "https://x.example/",
                )],
            ),
            "Hi\nOpen: https://x.example/",
            Gsm7,
            1,
        ),
        (
            "a page of an app, and its fallback",
            with(
                said("Hi"),
                &[falling_back(
                    "Open",
                    open("myapp:orders/1"),
                    "https://x.example/orders/1",
                )],
            ),
            "Hi\nOpen: myapp:orders/1, https://x.example/orders/1",
            Gsm7,
            1,
        ),
        (
            "a place with a label",
            with(
                said("Hi"),
                &[place(
                    "Find us",
                    Some("The shop"),
                    None,
                    Some((52.52, 13.405)),
                )],
            ),
            "Hi\nFind us: The shop, 52.52,13.405",
            Gsm7,
            1,
        ),
        (
            "a place to search for",
            with(
                said("Hi"),
                &[place("Find us", None, Some("Main Street 5, Berlin"), None)],
            ),
            "Hi\nFind us: Main Street 5, Berlin",
            Gsm7,
            1,
        ),
        (
            "a place whose label is blank",
            with(
                said("Hi"),
                &[place("Find us", Some(" "), Some(" Main Street 5 "), None)],
            ),
            "Hi\nFind us: Main Street 5",
            Gsm7,
            1,
        ),
        (
            "a request for a location",
            with(
                said("Where are you?"),
                &[action("Share location", Action::ShareLocation)],
            ),
            "Where are you?",
            Gsm7,
            1,
        ),
        (
            "a request for a location, and its fallback",
            with(
                said("Where?"),
                &[falling_back(
                    "Tell us",
                    Action::ShareLocation,
                    "https://x.example/where",
                )],
            ),
            "Where?\nTell us: https://x.example/where",
            Gsm7,
            1,
        ),
        (
            "a calendar entry",
            with(
                said("Hi"),
                &[event(
                    "Save",
                    "2026-12-01T10:00:00Z",
                    "2026-12-01T11:30:00Z",
                    Some("Bring your card"),
                )],
            ),
            "Hi\nSave: Fitting, 2026-12-01 10:00-11:30 UTC, Bring your card",
            Gsm7,
            1,
        ),
        (
            "a calendar entry over midnight, in local time",
            with(
                said("Hi"),
                &[event(
                    "Save",
                    "2026-12-01T23:00:00.500+05:30",
                    "2026-12-02T01:00:00+05:30",
                    None,
                )],
            ),
            "Hi\nSave: Fitting, 2026-12-01 23:00 UTC+05:30 - 2026-12-02 01:00 UTC+05:30",
            Gsm7,
            1,
        ),
        (
            "a calendar entry at times that are none",
            with(
                said("Hi"),
                &[event("Save", "tomorrow", "2026-12-01T10:00:00Z", None)],
            ),
            "Hi\nSave: Fitting, tomorrow - 2026-12-01T10:00:00Z",
            Gsm7,
            1,
        ),
        (
            "a text to somebody",
            with(
                said("Hi"),
                &[action("Join", compose_text("+15550100002", "JOIN"))],
            ),
            "Hi\nJoin: +15550100002, \"JOIN\"",
            Gsm7,
            1,
        ),
        (
            "a linked file",
            with(Content::File(linked("https://x.example/f.pdf")), &[]),
            "https://x.example/f.pdf",
            Gsm7,
            1,
        ),
        (
            "a linked file with replies",
            with(
                Content::File(linked("https://x.example/f.pdf")),
                &[reply("Got it")],
            ),
            "https://x.example/f.pdf\nReply: Got it",
            Gsm7,
            1,
        ),
        (
            "a card",
            with(
                alone(Card {
                    title: Some("Parcel out for delivery".into()),
                    description: Some("Today 14:00-16:00".into()),
                    media: Some(media(linked("https://cdn.example/van.jpg"), Some("A van"))),
                    suggestions: vec![reply("Safe place"), page("Track", "https://x.example/t")],
                }),
                &[action("Call us", Action::Dial("+15556667777".into()))],
            ),
            "Parcel out for delivery\nToday 14:00-16:00\nA van: https://cdn.example/van.jpg\nTrack: https://x.example/t\n\
             Reply: Safe place\nCall us: +15556667777",
            Gsm7,
            1,
        ),
        (
            "a card of blanks around an uploaded picture",
            with(
                alone(Card {
                    title: Some(" ".into()),
                    description: Some("\n".into()),
                    media: Some(media(uploaded(), Some("A van"))),
                    ..card("")
                }),
                &[],
            ),
            "A van",
            Gsm7,
            1,
        ),
        (
            "a carousel",
            with(
                carousel(vec![
                    Card {
                        suggestions: vec![page("Buy", "https://x.example/1")],
                        ..card("Red €5")
                    },
                    Card {
                        media: Some(media(uploaded(), None)),
                        title: None,
                        ..card("")
                    },
                    Card {
                        description: Some("Soft".into()),
                        suggestions: vec![reply("More")],
                        ..card("Blue €6")
                    },
                ]),
                &[reply("Stop")],
            ),
            "1. Red €5\nBuy: https://x.example/1\n2. Blue €6\nSoft\nReply: More\nReply: Stop",
            Gsm7,
            1,
        ),
    ] {
        let form = plain_text(&message);
        assert_eq!(form.text, text, "{name}");
        assert_eq!(
            (form.encoding, form.segments),
            (encoding, segments),
            "{name}"
        );
    }
}

/// A fallback must never send an empty SMS.
#[test]
fn what_is_nothing_in_plain_text_takes_no_sms() {
    let nothing = Card {
        title: None,
        ..card("")
    };
    let pictured = Card {
        media: Some(media(uploaded(), Some(" "))),
        ..card(" ")
    };
    let located = action("Share location", Action::ShareLocation);
    for (name, content, suggestions) in [
        ("no text", said(""), vec![]),
        ("a blank text", said(" \n\t\u{a0}"), vec![]),
        ("an uploaded file", Content::File(uploaded()), vec![]),
        (
            "an uploaded file, and a request for a location",
            Content::File(uploaded()),
            vec![located],
        ),
        ("an empty address", Content::File(linked("")), vec![]),
        ("an empty card", alone(nothing.clone()), vec![]),
        (
            "a card with an uploaded picture",
            alone(pictured.clone()),
            vec![],
        ),
        (
            "a carousel of such cards",
            carousel(vec![nothing, pictured, card("")]),
            vec![reply(" ")],
        ),
    ] {
        let expected = PlainForm {
            text: String::new(),
            encoding: Gsm7,
            segments: 0,
        };
        assert_eq!(plain_text(&with(content, &suggestions)), expected, "{name}");
    }
}

/// Each word of the message stands for something that a person needs: titles, texts, links, numbers, times and places.
#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn nothing_that_a_person_needs_is_lost() {
    let suggestions = vec![
        reply("reply-label"),
        action("dial-label", Action::Dial("+15550100001".into())),
        falling_back(
            "page-label",
            open("https://page.example/"),
            "https://fallback.example/",
        ),
        place(
            "place-label",
            Some("pin"),
            Some("query"),
            Some((1.25, -2.5)),
        ),
        falling_back(
            "share-label",
            Action::ShareLocation,
            "https://share.example/",
        ),
        event(
            "event-label",
            "2026-12-01T10:00:00Z",
            "2026-12-03T11:00:00Z",
            Some("event-description"),
        ),
        action("text-label", compose_text("+15550100002", "compose-text")),
        action(
            "recording-label",
            Action::ComposeRecording(ComposeRecording {
                phone: "+15550100003".into(),
                kind: RecordingKind::Audio,
            }),
        ),
    ];
    let offered = [
        "reply-label",
        "dial-label",
        "+15550100001",
        "page-label",
        "https://page.example/",
        "https://fallback.example/",
        "place-label",
        "pin",
        "query",
        "1.25,-2.5",
        "share-label",
        "https://share.example/",
        "event-label",
        "Fitting",
        "2026-12-01",
        "10:00",
        "2026-12-03",
        "11:00",
        "event-description",
        "text-label",
        "+15550100002",
        "compose-text",
        "recording-label",
        "+15550100003",
    ];
    let full = |title: &str, suggestions: &[Suggestion]| Card {
        title: Some(title.into()),
        description: Some(format!("{title}-description")),
        media: Some(media(
            linked(&format!("https://{title}.example/")),
            Some("picture"),
        )),
        suggestions: suggestions.to_vec(),
    };
    let shown = [
        "card-title",
        "card-title-description",
        "picture",
        "https://card-title.example/",
    ];
    let other = ["other", "other-description", "https://other.example/"];
    for (content, chips, needed) in [
        (
            said("the-text"),
            suggestions.as_slice(),
            [["the-text"].as_slice(), &offered].concat(),
        ),
        (
            Content::File(linked("https://file.example/")),
            &suggestions,
            [["https://file.example/"].as_slice(), &offered].concat(),
        ),
        (
            alone(full("card-title", &suggestions)),
            &[],
            [shown.as_slice(), &offered].concat(),
        ),
        (
            alone(full("card-title", &[])),
            &suggestions,
            [shown.as_slice(), &offered].concat(),
        ),
        (
            carousel(vec![full("card-title", &suggestions), full("other", &[])]),
            &[],
            [&shown, other.as_slice(), &offered].concat(),
        ),
    ] {
        let text = plain_text(&with(content, chips)).text;
        for word in needed {
            assert!(text.contains(word), "{word} is lost: {text}");
        }
        assert_eq!(text.matches("https://page.example/").count(), 1, "{text}");
        assert!(text.lines().all(|line| !line.trim().is_empty()), "{text}");
    }
}

fn with(content: Content, suggestions: &[Suggestion]) -> Message {
    Message {
        id: "m1".into(),
        recipient: "+12223334444".into(),
        content,
        suggestions: suggestions.to_vec(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

fn said(text: &str) -> Content {
    Content::Text(text.into())
}

fn alone(card: Card) -> Content {
    Content::Card(StandaloneCard {
        layout: CardLayout::Vertical,
        card,
    })
}

fn carousel(cards: Vec<Card>) -> Content {
    Content::Carousel(Carousel {
        width: CardWidth::Medium,
        cards,
    })
}

fn card(title: &str) -> Card {
    Card {
        title: Some(title.into()),
        description: None,
        media: None,
        suggestions: Vec::new(),
    }
}

fn media(file: Attachment, alternative_text: Option<&str>) -> CardMedia {
    CardMedia {
        file,
        height: None,
        alternative_text: alternative_text.map(Into::into),
    }
}

fn linked(url: &str) -> Attachment {
    Attachment {
        source: FileSource::Url(url.into()),
        thumbnail: None,
        force_refresh: false,
    }
}

fn uploaded() -> Attachment {
    Attachment {
        source: FileSource::Uploaded("files/1".into()),
        thumbnail: None,
        force_refresh: false,
    }
}

fn reply(text: &str) -> Suggestion {
    action(text, Action::Reply)
}

fn page(text: &str, url: &str) -> Suggestion {
    action(text, open(url))
}

fn open(url: &str) -> Action {
    Action::OpenUrl(OpenUrl {
        url: url.into(),
        view: UrlView::Browser,
        description: None,
    })
}

fn place(
    text: &str,
    label: Option<&str>,
    query: Option<&str>,
    at: Option<(f64, f64)>,
) -> Suggestion {
    let coordinates = at.map(|(latitude, longitude)| Coordinates {
        latitude,
        longitude,
    });
    let place = Place {
        coordinates,
        label: label.map(Into::into),
        query: query.map(Into::into),
    };
    action(text, Action::ViewLocation(place))
}

fn event(text: &str, start: &str, end: &str, description: Option<&str>) -> Suggestion {
    let description = description.map(Into::into);
    let event = CalendarEvent {
        start: start.into(),
        end: end.into(),
        title: "Fitting".into(),
        description,
    };
    action(text, Action::CreateCalendarEvent(event))
}

fn compose_text(phone: &str, text: &str) -> Action {
    Action::ComposeText(ComposeText {
        phone: phone.into(),
        text: text.into(),
    })
}

fn action(text: &str, action: Action) -> Suggestion {
    Suggestion {
        text: text.into(),
        postback: "pb".into(),
        action,
        fallback_url: None,
    }
}

fn falling_back(text: &str, what: Action, url: &str) -> Suggestion {
    Suggestion {
        fallback_url: Some(url.into()),
        ..action(text, what)
    }
}
