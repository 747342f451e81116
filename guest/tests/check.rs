//! What is taken, and may not come out as meant: the warnings that depend on more than one field. And what is as good as not
//! there.

use gateway_channel::{
    Action, Attachment, CalendarEvent, Card, CardLayout, CardMedia, CardWidth, Carousel, Content,
    Context, Coordinates, FileSource, ImageSide, MediaHeight, Message, OpenUrl, Place, Severity,
    StandaloneCard, Suggestion, UrlView,
};
use rbm_guest::check::check;

/// guides/learn/rich-cards: tall media leave room for a title and a description or for one suggestion, medium media for two
/// suggestions, short media for three, and four need a card without media.
#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn a_card_is_told_what_devices_cut_from_it() {
    use CardLayout::{Horizontal, Vertical};
    use MediaHeight::{Medium, Short, Tall};
    let (text, suggestions) = (
        (CARD_TEXT_FIT, ".description"),
        (CARD_SUGGESTIONS_FIT, ".suggestions"),
    );
    for (name, layout, media, has_description, count, cut) in [
        (
            "tall, with all its text",
            Vertical,
            Some(picture(Some(Tall))),
            true,
            0,
            vec![],
        ),
        (
            "tall, with a suggestion",
            Vertical,
            Some(picture(Some(Tall))),
            false,
            1,
            vec![],
        ),
        (
            "tall, with both",
            Vertical,
            Some(picture(Some(Tall))),
            true,
            1,
            vec![text],
        ),
        (
            "tall, with two suggestions",
            Vertical,
            Some(picture(Some(Tall))),
            false,
            2,
            vec![suggestions],
        ),
        (
            "tall, with all of it",
            Vertical,
            Some(picture(Some(Tall))),
            true,
            2,
            vec![suggestions, text],
        ),
        (
            "medium, with two suggestions",
            Vertical,
            Some(picture(Some(Medium))),
            true,
            2,
            vec![],
        ),
        (
            "medium, with three",
            Vertical,
            Some(picture(Some(Medium))),
            true,
            3,
            vec![suggestions],
        ),
        (
            "short, with three",
            Vertical,
            Some(picture(Some(Short))),
            true,
            3,
            vec![],
        ),
        (
            "short, with four",
            Vertical,
            Some(picture(Some(Short))),
            true,
            4,
            vec![suggestions],
        ),
        (
            "of no height, with three",
            Vertical,
            Some(picture(None)),
            true,
            3,
            vec![],
        ),
        (
            "of no height, with four",
            Vertical,
            Some(picture(None)),
            true,
            4,
            vec![suggestions],
        ),
        (
            "beside the text, with three",
            Horizontal(ImageSide::Left),
            Some(picture(Some(Tall))),
            true,
            3,
            vec![],
        ),
        (
            "beside the text, with four",
            Horizontal(ImageSide::Left),
            Some(picture(Some(Tall))),
            true,
            4,
            vec![suggestions],
        ),
        ("without media, with four", Vertical, None, true, 4, vec![]),
    ] {
        let card = Card {
            description: has_description.then(|| "Description".into()),
            ..card(media, count)
        };
        let content = Content::Card(StandaloneCard { layout, card });
        let expected: Vec<_> = cut
            .into_iter()
            .map(|(rule, field)| found(rule, "content.card.card", field))
            .collect();
        assert_eq!(warnings(&message(content)), expected, "{name}");
    }
}

/// guides/learn/rich-cards: the first few cards decide the height of all.
#[test]
fn a_carousel_is_told_which_cards_are_larger_than_its_first() {
    let short = |count| card(Some(picture(Some(MediaHeight::Short))), count);
    let medium = |count| card(Some(picture(Some(MediaHeight::Medium))), count);
    let described = |card: Card| Card {
        description: Some("Description".into()),
        ..card
    };
    for (name, cards, larger) in [
        ("all alike", vec![short(1); 10], vec![]),
        (
            "more suggestions in the third",
            vec![card(None, 0), card(None, 0), card(None, 1)],
            vec![],
        ),
        (
            "more suggestions in the fourth",
            [vec![card(None, 1); 3], vec![card(None, 2)]].concat(),
            vec![3],
        ),
        (
            "as many as the second has",
            [vec![card(None, 1), card(None, 2)], vec![card(None, 2); 3]].concat(),
            vec![],
        ),
        (
            "higher media",
            [vec![short(1); 4], vec![medium(1), short(1)]].concat(),
            vec![4],
        ),
        (
            "higher media in the place of a suggestion",
            [vec![short(1); 3], vec![medium(0)]].concat(),
            vec![],
        ),
        (
            "media where there are none",
            [
                vec![card(None, 1); 3],
                vec![card(Some(picture(None)), 1); 2],
            ]
            .concat(),
            vec![3, 4],
        ),
        (
            "a description",
            [vec![card(None, 1); 3], vec![described(card(None, 1))]].concat(),
            vec![3],
        ),
    ] {
        let content = Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards,
        });
        let path = |index| format!("content.carousel.cards[{index}]");
        let expected: Vec<_> = larger
            .into_iter()
            .map(|index| found(CAROUSEL_LATER_CARD_LARGER, &path(index), ""))
            .collect();
        assert_eq!(warnings(&message(content)), expected, "{name}");
    }
}

#[test]
fn a_page_in_the_conversation_is_told_to_describe_itself() {
    for (view, description, expected) in [
        (UrlView::Browser, None, vec![]),
        (UrlView::WebviewFull, Some("Tracking page"), vec![]),
        (UrlView::WebviewTall, None, vec![WEBVIEW_DESCRIPTION]),
        (UrlView::WebviewHalf, Some(""), vec![WEBVIEW_DESCRIPTION]),
    ] {
        let page = OpenUrl {
            url: "https://x.example/".into(),
            view,
            description: description.map(Into::into),
        };
        let suggestions = vec![Suggestion {
            action: Action::OpenUrl(page),
            ..reply()
        }];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|rule| found(rule, "suggestions[0]", ".action.description"))
            .collect();
        assert_eq!(
            warnings(&Message {
                suggestions,
                ..message(text())
            }),
            expected,
            "{view:?} {description:?}"
        );
    }
}

/// reference/rest/v1/phones.agentMessages/create documents a UUID; Google's own scripts do without.
#[test]
fn an_id_that_is_no_uuid_is_warned_of_and_one_that_is_no_id_refused() {
    for (id, rules) in [
        (UUID, vec![]),
        ("123456661", vec!["message-id-uuid"]),
        ("a/b", vec!["message-id"]),
    ] {
        let report = check(
            &context(),
            &Message {
                id: id.into(),
                ..message(text())
            },
        );
        assert_eq!(
            report
                .findings
                .iter()
                .map(|finding| finding.rule.as_str())
                .collect::<Vec<_>>(),
            rules,
            "{id}"
        );
    }
}

/// proto3 reads an empty text of a plain field as none: what is required is missing then, and what is optional is left out.
#[test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn an_empty_text_is_missing_where_one_is_required_and_fine_elsewhere() {
    use CardLayout::{Horizontal, Vertical};
    let empty = || Some(String::new());
    let url = |url: &str| FileSource::Url(url.into());
    let uploaded = |name: &str| FileSource::Uploaded(name.into());
    let file = |source, thumbnail| Attachment {
        source,
        thumbnail,
        force_refresh: false,
    };
    let sending = |source, thumbnail| message(Content::File(file(source, thumbnail)));
    let blank = |height: Option<MediaHeight>| Card {
        title: empty(),
        description: empty(),
        ..card(height.map(|height| picture(Some(height))), 0)
    };
    let alone = |layout, card: Card| message(Content::Card(StandaloneCard { layout, card }));
    let carousel = |cards| {
        message(Content::Carousel(Carousel {
            width: CardWidth::Medium,
            cards,
        }))
    };
    let offering = |suggestion| Message {
        suggestions: vec![suggestion],
        ..message(text())
    };
    let doing = |action| offering(Suggestion { action, ..reply() });
    let place = |coordinates| {
        Action::ViewLocation(Place {
            coordinates,
            label: empty(),
            query: empty(),
        })
    };
    let event = |title: &str| {
        Action::CreateCalendarEvent(CalendarEvent {
            start: "2026-12-01T10:00:00Z".into(),
            end: "2026-12-01T11:00:00Z".into(),
            title: title.into(),
            description: empty(),
        })
    };
    let page = |url: &str| {
        Action::OpenUrl(OpenUrl {
            url: url.into(),
            view: UrlView::Browser,
            description: empty(),
        })
    };
    let described = CardMedia {
        alternative_text: empty(),
        ..picture(None)
    };
    let here = Coordinates {
        latitude: 52.52,
        longitude: 13.405,
    };
    for (name, message, rules) in [
        (
            "text",
            message(Content::Text(String::new())),
            vec!["text-length"],
        ),
        (
            "address of a file",
            sending(url(""), None),
            vec!["file-url"],
        ),
        (
            "name of a file",
            sending(uploaded(""), None),
            vec!["file-name-empty"],
        ),
        (
            "address of a thumbnail",
            sending(url(PAGE), Some(url(""))),
            vec![],
        ),
        (
            "name of a thumbnail",
            sending(uploaded("files/1"), Some(uploaded(""))),
            vec![],
        ),
        (
            "thumbnail of another kind than the file",
            sending(url(PAGE), Some(uploaded(""))),
            vec![],
        ),
        (
            "title and description of a card",
            alone(Vertical, blank(None)),
            vec!["card-empty"],
        ),
        (
            "title and description of the second card",
            carousel(vec![card(None, 0), blank(None)]),
            vec!["card-empty"],
        ),
        (
            "title and description beside media",
            alone(Horizontal(ImageSide::Left), blank(Some(MediaHeight::Short))),
            vec!["card-media-alone"],
        ),
        (
            "title",
            alone(
                Vertical,
                Card {
                    description: Some("Description".into()),
                    ..blank(None)
                },
            ),
            vec![],
        ),
        (
            "description under tall media",
            alone(
                Vertical,
                Card {
                    description: empty(),
                    ..card(Some(picture(Some(MediaHeight::Tall))), 1)
                },
            ),
            vec![IOS],
        ),
        (
            "description of the fourth card",
            carousel(
                [
                    vec![card(None, 0); 3],
                    vec![Card {
                        description: empty(),
                        ..card(None, 0)
                    }],
                ]
                .concat(),
            ),
            vec![],
        ),
        (
            "alternative text",
            alone(Vertical, card(Some(described), 0)),
            vec![],
        ),
        (
            "text of a suggestion",
            offering(Suggestion {
                text: String::new(),
                ..reply()
            }),
            vec!["suggestion-text-length"],
        ),
        (
            "postback",
            offering(Suggestion {
                postback: String::new(),
                ..reply()
            }),
            vec![],
        ),
        (
            "fallback address",
            offering(Suggestion {
                fallback_url: empty(),
                action: Action::Dial("1011".into()),
                ..reply()
            }),
            vec![],
        ),
        (
            "number to dial",
            doing(Action::Dial(String::new())),
            vec!["dial-characters"],
        ),
        ("address of a page", doing(page("")), vec!["open-url"]),
        ("description of a page", doing(page(PAGE)), vec![]),
        (
            "words to search for",
            doing(place(None)),
            vec!["place-empty"],
        ),
        ("label of a place", doing(place(Some(here))), vec![]),
        (
            "title of a calendar entry",
            doing(event("")),
            vec!["calendar-title-length"],
        ),
        (
            "description of a calendar entry",
            doing(event("Fitting")),
            vec![],
        ),
    ] {
        let findings = check(&context(), &message).findings;
        let found: Vec<_> = findings.iter().map(|finding| &finding.rule).collect();
        assert_eq!(found, rules, "{name}");
    }
}

/// The warnings of a message by rule and path, but for those of [`IOS`].
fn warnings(message: &Message) -> Vec<(String, String)> {
    let report = check(&context(), message);
    let errors = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    assert_eq!(errors, 0, "{:?}", report.findings);
    let warnings = report
        .findings
        .into_iter()
        .filter(|finding| finding.rule != IOS);
    warnings
        .map(|finding| (finding.rule, finding.path))
        .collect()
}

fn found(rule: &str, path: &str, field: &str) -> (String, String) {
    (rule.to_owned(), format!("{path}{field}"))
}

fn picture(height: Option<MediaHeight>) -> CardMedia {
    let source = FileSource::Url("https://x.example/a.jpg".into());
    let file = Attachment {
        source,
        thumbnail: None,
        force_refresh: false,
    };
    CardMedia {
        file,
        height,
        alternative_text: None,
    }
}

/// A title, and so many suggestions.
fn card(media: Option<CardMedia>, suggestions: usize) -> Card {
    Card {
        title: Some("Title".into()),
        description: None,
        media,
        suggestions: vec![reply(); suggestions],
    }
}

fn reply() -> Suggestion {
    Suggestion {
        text: "Yes".into(),
        postback: "pb".into(),
        action: Action::Reply,
        fallback_url: None,
    }
}

fn text() -> Content {
    Content::Text("Hi".into())
}

fn message(content: Content) -> Message {
    Message {
        id: UUID.into(),
        recipient: "+12223334444".into(),
        content,
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    }
}

fn context() -> Context {
    Context {
        settings: Vec::new(),
        now: "2026-11-24T10:00:00Z".into(),
    }
}

const PAGE: &str = "https://x.example/";
const UUID: &str = "3f1c0f5e-0000-4000-8000-000000000000";
const CARD_TEXT_FIT: &str = "card-text-fit";
const CARD_SUGGESTIONS_FIT: &str = "card-suggestions-fit";
const CAROUSEL_LATER_CARD_LARGER: &str = "carousel-later-card-larger";
const WEBVIEW_DESCRIPTION: &str = "webview-description";
/// Every card with a height has it.
const IOS: &str = "card-heights-on-ios";
