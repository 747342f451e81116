//! From the bindings' types to the contract's: what the host hands in.

use super::bindings::gateway::channel::{http_client, types};
use crate::http;
use gateway_channel as contract;

fn list<From, To: std::convert::From<From>>(from: Vec<From>) -> Vec<To> {
    from.into_iter().map(Into::into).collect()
}

impl From<types::Context> for contract::Context {
    fn from(context: types::Context) -> Self {
        Self { settings: list(context.settings), now: context.now }
    }
}

impl From<types::Setting> for contract::Setting {
    fn from(setting: types::Setting) -> Self {
        Self { name: setting.name, value: setting.value }
    }
}

impl From<types::WebhookRequest> for contract::WebhookRequest {
    fn from(request: types::WebhookRequest) -> Self {
        Self { method: request.method, url: request.url, headers: list(request.headers), body: request.body }
    }
}

impl From<types::Header> for contract::Header {
    fn from(header: types::Header) -> Self {
        Self { name: header.name, value: header.value }
    }
}

impl From<types::SignalKind> for contract::SignalKind {
    fn from(kind: types::SignalKind) -> Self {
        match kind {
            types::SignalKind::Typing => Self::Typing,
            types::SignalKind::Read(id) => Self::Read(id),
        }
    }
}

impl From<types::Message> for contract::Message {
    fn from(message: types::Message) -> Self {
        Self {
            id: message.id,
            recipient: message.recipient,
            content: message.content.into(),
            suggestions: list(message.suggestions),
            purpose: message.purpose.map(Into::into),
            expiry: message.expiry.map(Into::into),
            options: list(message.options),
        }
    }
}

impl From<types::Content> for contract::Content {
    fn from(content: types::Content) -> Self {
        match content {
            types::Content::Text(text) => Self::Text(text),
            types::Content::File(file) => Self::File(file.into()),
            types::Content::Card(standalone) => {
                Self::Card(contract::StandaloneCard { layout: standalone.layout.into(), card: standalone.card.into() })
            }
            types::Content::Carousel(carousel) => Self::Carousel(contract::Carousel {
                width: match carousel.width {
                    types::CardWidth::Small => contract::CardWidth::Small,
                    types::CardWidth::Medium => contract::CardWidth::Medium,
                },
                cards: list(carousel.cards),
            }),
        }
    }
}

impl From<types::Attachment> for contract::Attachment {
    fn from(file: types::Attachment) -> Self {
        Self {
            source: file.source.into(),
            thumbnail: file.thumbnail.map(Into::into),
            force_refresh: file.force_refresh,
        }
    }
}

impl From<types::FileSource> for contract::FileSource {
    fn from(source: types::FileSource) -> Self {
        match source {
            types::FileSource::Url(url) => Self::Url(url),
            types::FileSource::Uploaded(name) => Self::Uploaded(name),
        }
    }
}

impl From<types::CardLayout> for contract::CardLayout {
    fn from(layout: types::CardLayout) -> Self {
        match layout {
            types::CardLayout::Vertical => Self::Vertical,
            types::CardLayout::Horizontal(types::ImageSide::Left) => Self::Horizontal(contract::ImageSide::Left),
            types::CardLayout::Horizontal(types::ImageSide::Right) => Self::Horizontal(contract::ImageSide::Right),
        }
    }
}

impl From<types::Card> for contract::Card {
    fn from(card: types::Card) -> Self {
        Self {
            title: card.title,
            description: card.description,
            media: card.media.map(Into::into),
            suggestions: list(card.suggestions),
        }
    }
}

impl From<types::CardMedia> for contract::CardMedia {
    fn from(media: types::CardMedia) -> Self {
        Self {
            file: media.file.into(),
            height: media.height.map(|height| match height {
                types::MediaHeight::Short => contract::MediaHeight::Short,
                types::MediaHeight::Medium => contract::MediaHeight::Medium,
                types::MediaHeight::Tall => contract::MediaHeight::Tall,
            }),
            alternative_text: media.alternative_text,
        }
    }
}

impl From<types::Suggestion> for contract::Suggestion {
    fn from(suggestion: types::Suggestion) -> Self {
        Self {
            text: suggestion.text,
            postback: suggestion.postback,
            action: suggestion.action.into(),
            fallback_url: suggestion.fallback_url,
        }
    }
}

impl From<types::Action> for contract::Action {
    fn from(action: types::Action) -> Self {
        match action {
            types::Action::Reply => Self::Reply,
            types::Action::Dial(phone) => Self::Dial(phone),
            types::Action::OpenUrl(page) => Self::OpenUrl(page.into()),
            types::Action::ViewLocation(place) => Self::ViewLocation(contract::Place {
                coordinates: place
                    .coordinates
                    .map(|at| contract::Coordinates { latitude: at.latitude, longitude: at.longitude }),
                label: place.label,
                query: place.query,
            }),
            types::Action::ShareLocation => Self::ShareLocation,
            types::Action::CreateCalendarEvent(event) => Self::CreateCalendarEvent(contract::CalendarEvent {
                start: event.start,
                end: event.end,
                title: event.title,
                description: event.description,
            }),
            types::Action::ComposeText(compose) => {
                Self::ComposeText(contract::ComposeText { phone: compose.phone, text: compose.text })
            }
            types::Action::ComposeRecording(compose) => Self::ComposeRecording(contract::ComposeRecording {
                phone: compose.phone,
                kind: match compose.kind {
                    types::RecordingKind::Audio => contract::RecordingKind::Audio,
                    types::RecordingKind::Video => contract::RecordingKind::Video,
                },
            }),
        }
    }
}

impl From<types::OpenUrl> for contract::OpenUrl {
    fn from(page: types::OpenUrl) -> Self {
        let view = match page.view {
            types::UrlView::Browser => contract::UrlView::Browser,
            types::UrlView::WebviewFull => contract::UrlView::WebviewFull,
            types::UrlView::WebviewHalf => contract::UrlView::WebviewHalf,
            types::UrlView::WebviewTall => contract::UrlView::WebviewTall,
        };
        Self { url: page.url, view, description: page.description }
    }
}

impl From<types::Purpose> for contract::Purpose {
    fn from(purpose: types::Purpose) -> Self {
        match purpose {
            types::Purpose::Authentication => Self::Authentication,
            types::Purpose::Transaction => Self::Transaction,
            types::Purpose::Promotion => Self::Promotion,
            types::Purpose::ServiceRequest => Self::ServiceRequest,
            types::Purpose::Acknowledgement => Self::Acknowledgement,
        }
    }
}

impl From<types::Expiry> for contract::Expiry {
    fn from(expiry: types::Expiry) -> Self {
        match expiry {
            types::Expiry::AfterSeconds(seconds) => Self::AfterSeconds(seconds),
            types::Expiry::At(time) => Self::At(time),
        }
    }
}

impl From<http_client::HttpResponse> for http::Response {
    fn from(response: http_client::HttpResponse) -> Self {
        let retry_after = response.headers.into_iter().find(|header| header.name.eq_ignore_ascii_case("retry-after"));
        Self { status: response.status, retry_after: retry_after.map(|header| header.value), body: response.body }
    }
}

impl From<http_client::FetchFailure> for http::FetchFailure {
    fn from(failure: http_client::FetchFailure) -> Self {
        use http_client::FetchFailureCode as Code;
        let kind = match failure.code {
            Code::Denied => http::FetchFailureKind::Denied,
            Code::NotSent => http::FetchFailureKind::NotSent,
            Code::NoAnswer => http::FetchFailureKind::NoAnswer,
            Code::NoCredentials => http::FetchFailureKind::NoCredentials,
            Code::Other => http::FetchFailureKind::Other,
        };
        Self { kind, message: failure.message }
    }
}
