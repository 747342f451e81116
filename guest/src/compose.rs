//! Turns the contract's message into the JSON that RBM takes, field by field. Judges nothing: that is `check`'s.

use gateway_channel::{
    Action, Attachment, Card, CardLayout, CardMedia, CardWidth, Carousel, Content, Expiry,
    FileSource, ImageSide, MediaHeight, Message, Place, Purpose, RecordingKind, StandaloneCard,
    Suggestion, UrlView,
};
use rbm_wire::json;
use rbm_wire::message as wire;
use rbm_wire::number::Double;

/// The request body. The same message gives the same bytes, so that every attempt sends the same.
pub(crate) fn json(message: &Message) -> Vec<u8> {
    json::write(&agent_message(message))
}

/// An optional text. An empty one is none: proto3 has no other reading.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The thumbnail of a file, if it has a name or an address.
pub(crate) fn thumbnail(file: &Attachment) -> Option<&FileSource> {
    file.thumbnail
        .as_ref()
        .filter(|source| !name(source).is_empty())
}

fn agent_message(message: &Message) -> wire::AgentMessage {
    let (ttl, expire_time) = match &message.expiry {
        None => (None, None),
        Some(Expiry::AfterSeconds(seconds)) => (Some(format!("{seconds}s")), None),
        Some(Expiry::At(time)) => (None, Some(time.clone())),
    };
    wire::AgentMessage {
        content_message: content_message(message),
        message_traffic_type: message
            .purpose
            .map(|purpose| traffic_type(purpose).as_str().to_owned()),
        ttl,
        expire_time,
        ..wire::AgentMessage::default()
    }
}

fn content_message(message: &Message) -> wire::ContentMessage {
    let suggestions = message.suggestions.iter().map(suggestion).collect();
    let content = wire::ContentMessage {
        suggestions,
        ..wire::ContentMessage::default()
    };
    match &message.content {
        Content::Text(text) => wire::ContentMessage {
            text: Some(text.clone()),
            ..content
        },
        Content::File(file) => {
            let (uploaded_rbm_file, content_info) = attachment(file);
            wire::ContentMessage {
                uploaded_rbm_file,
                content_info,
                ..content
            }
        }
        Content::Card(card) => wire::ContentMessage {
            rich_card: Some(standalone(card)),
            ..content
        },
        Content::Carousel(cards) => wire::ContentMessage {
            rich_card: Some(carousel(cards)),
            ..content
        },
    }
}

/// One of the two is set, by where the file is.
fn attachment(file: &Attachment) -> (Option<wire::UploadedRbmFile>, Option<wire::ContentInfo>) {
    let thumbnail = thumbnail(file).map(|source| name(source).to_owned());
    match &file.source {
        FileSource::Uploaded(name) => (
            Some(wire::UploadedRbmFile {
                file_name: name.clone(),
                thumbnail_name: thumbnail,
            }),
            None,
        ),
        FileSource::Url(url) => {
            let force_refresh = file.force_refresh.then_some(true);
            (
                None,
                Some(wire::ContentInfo {
                    file_url: url.clone(),
                    thumbnail_url: thumbnail,
                    force_refresh,
                }),
            )
        }
    }
}

fn name(source: &FileSource) -> &str {
    let (FileSource::Url(name) | FileSource::Uploaded(name)) = source;
    name
}

fn standalone(standalone: &StandaloneCard) -> wire::RichCard {
    let (orientation, alignment) = match standalone.layout {
        CardLayout::Vertical => ("VERTICAL", None),
        CardLayout::Horizontal(ImageSide::Left) => ("HORIZONTAL", Some("LEFT")),
        CardLayout::Horizontal(ImageSide::Right) => ("HORIZONTAL", Some("RIGHT")),
    };
    let standalone_card = wire::StandaloneCard {
        card_orientation: Some(orientation.to_owned()),
        thumbnail_image_alignment: alignment.map(str::to_owned),
        card_content: card(&standalone.card),
    };
    wire::RichCard {
        standalone_card: Some(standalone_card),
        carousel_card: None,
    }
}

fn carousel(carousel: &Carousel) -> wire::RichCard {
    let width = match carousel.width {
        CardWidth::Small => "SMALL",
        CardWidth::Medium => "MEDIUM",
    };
    let carousel_card = wire::CarouselCard {
        card_width: Some(width.to_owned()),
        card_contents: carousel.cards.iter().map(card).collect(),
    };
    wire::RichCard {
        standalone_card: None,
        carousel_card: Some(carousel_card),
    }
}

fn card(card: &Card) -> wire::CardContent {
    wire::CardContent {
        title: optional(card.title.as_deref()),
        description: optional(card.description.as_deref()),
        media: card.media.as_ref().map(media),
        suggestions: card.suggestions.iter().map(suggestion).collect(),
    }
}

fn media(media: &CardMedia) -> wire::Media {
    let (uploaded_rbm_file, content_info) = attachment(&media.file);
    let height = media.height.map(|height| match height {
        MediaHeight::Short => "SHORT",
        MediaHeight::Medium => "MEDIUM",
        MediaHeight::Tall => "TALL",
    });
    wire::Media {
        file_name: None,
        uploaded_rbm_file,
        content_info,
        height: height.map(str::to_owned),
        content_description: optional(media.alternative_text.as_deref()),
    }
}

fn suggestion(suggestion: &Suggestion) -> wire::Suggestion {
    if suggestion.action == Action::Reply {
        let reply = wire::SuggestedReply {
            text: suggestion.text.clone(),
            postback_data: suggestion.postback.clone(),
        };
        return wire::Suggestion {
            reply: Some(reply),
            action: None,
        };
    }
    let labelled = wire::SuggestedAction {
        text: suggestion.text.clone(),
        postback_data: suggestion.postback.clone(),
        fallback_url: optional(suggestion.fallback_url.as_deref()),
        ..wire::SuggestedAction::default()
    };
    wire::Suggestion {
        reply: None,
        action: Some(with_action(labelled, &suggestion.action)),
    }
}

fn with_action(labelled: wire::SuggestedAction, action: &Action) -> wire::SuggestedAction {
    match action {
        Action::Reply => labelled,
        Action::Dial(phone) => {
            let dial_action = Some(wire::DialAction {
                phone_number: phone.clone(),
            });
            wire::SuggestedAction {
                dial_action,
                ..labelled
            }
        }
        Action::OpenUrl(page) => {
            let (application, mode) = application(page.view);
            let open_url_action = Some(wire::OpenUrlAction {
                url: page.url.clone(),
                application: Some(application.to_owned()),
                webview_view_mode: mode.map(str::to_owned),
                description: optional(page.description.as_deref()),
            });
            wire::SuggestedAction {
                open_url_action,
                ..labelled
            }
        }
        Action::ViewLocation(place) => wire::SuggestedAction {
            view_location_action: Some(view_location(place)),
            ..labelled
        },
        Action::ShareLocation => wire::SuggestedAction {
            share_location_action: Some(wire::ShareLocationAction {}),
            ..labelled
        },
        Action::CreateCalendarEvent(event) => {
            let create_calendar_event_action = Some(wire::CreateCalendarEventAction {
                start_time: event.start.clone(),
                end_time: event.end.clone(),
                title: event.title.clone(),
                description: optional(event.description.as_deref()),
            });
            wire::SuggestedAction {
                create_calendar_event_action,
                ..labelled
            }
        }
        Action::ComposeText(text) => {
            let text = wire::ComposeTextMessage {
                phone_number: text.phone.clone(),
                text: text.text.clone(),
            };
            let compose = wire::ComposeAction {
                compose_text_message: Some(text),
                compose_recording_message: None,
            };
            wire::SuggestedAction {
                compose_action: Some(compose),
                ..labelled
            }
        }
        Action::ComposeRecording(recording) => {
            let kind = match recording.kind {
                RecordingKind::Audio => "AUDIO",
                RecordingKind::Video => "VIDEO",
            };
            let recording = wire::ComposeRecordingMessage {
                phone_number: recording.phone.clone(),
                kind: kind.to_owned(),
            };
            let compose = wire::ComposeAction {
                compose_text_message: None,
                compose_recording_message: Some(recording),
            };
            wire::SuggestedAction {
                compose_action: Some(compose),
                ..labelled
            }
        }
    }
}

fn application(view: UrlView) -> (&'static str, Option<&'static str>) {
    match view {
        UrlView::Browser => ("BROWSER", None),
        UrlView::WebviewFull => ("WEBVIEW", Some("FULL")),
        UrlView::WebviewHalf => ("WEBVIEW", Some("HALF")),
        UrlView::WebviewTall => ("WEBVIEW", Some("TALL")),
    }
}

fn view_location(place: &Place) -> wire::ViewLocationAction {
    let lat_long = place.coordinates.as_ref().map(|coordinates| wire::LatLong {
        latitude: Double(coordinates.latitude),
        longitude: Double(coordinates.longitude),
    });
    wire::ViewLocationAction {
        lat_long,
        label: optional(place.label.as_deref()),
        query: optional(place.query.as_deref()),
    }
}

fn traffic_type(purpose: Purpose) -> wire::TrafficType {
    match purpose {
        Purpose::Authentication => wire::TrafficType::Authentication,
        Purpose::Transaction => wire::TrafficType::Transaction,
        Purpose::Promotion => wire::TrafficType::Promotion,
        Purpose::ServiceRequest => wire::TrafficType::ServiceRequest,
        Purpose::Acknowledgement => wire::TrafficType::Acknowledgement,
    }
}

fn optional(text: Option<&str>) -> Option<String> {
    given(text).map(str::to_owned)
}
