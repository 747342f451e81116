//! Tells what a signed document means. Reads loosely: unknown fields and words are passed on in `raw`, never fatal.

use crate::tag::tag;
use gateway_channel::{
    AgentStatus, CapabilityAnswer, Coordinates, Fact, Inbound, ReceivedContent, ReceivedFile,
    ReceivedMessage, RemoteFile, Setting, Tap,
};
use rbm_wire::callback::{
    Attributes, EventType, FileInfo, LAUNCH_ATTRIBUTE, Notice, SuggestionResponse, UserFile,
};
use rbm_wire::json;

/// One document is one fact. What cannot be read is a fact too, of a kind that is not recognised.
pub(crate) fn inbound(raw: Vec<u8>, attributes: Option<&Attributes<'_>>) -> Inbound {
    let Some(mut notice) = read(&raw) else {
        return Inbound {
            dedupe_key: hash_key(&raw),
            agent: String::new(),
            phone: None,
            at: None,
            fact: Fact::Unrecognised(None),
            details: Vec::new(),
            raw,
        };
    };
    let launch_hint =
        attributes.is_some_and(|attributes| attributes.kind.as_deref() == Some(LAUNCH_ATTRIBUTE));
    let dedupe_key = dedupe_key(&notice, &raw);
    let mut details = details(&mut notice);
    let agent = notice.agent_id.take().unwrap_or_default();
    // Server events call it `phoneNumber`, everything else `senderPhoneNumber`.
    let phone = notice
        .sender_phone_number
        .take()
        .or_else(|| notice.phone_number.clone());
    let (at, message_id) = (notice.send_time.take(), notice.message_id.clone());
    // The hint is not signed: it only breaks the tie of a launch event whose states were left out, and changes nothing else.
    let hinted = (launch_hint && notice.region_id.is_some()).then(|| launch(&notice));
    let fact = fact(notice);
    if let (Fact::Unrecognised(_), Some(id)) = (&fact, message_id) {
        details.push(detail("message-id", id));
    }
    let fact = hinted.unwrap_or(fact);
    Inbound {
        dedupe_key,
        agent,
        phone,
        at,
        fact,
        details,
        raw,
    }
}

/// Half a surrogate pair, as a client that cuts a text in two may leave it, costs one character and not the message.
fn read(raw: &[u8]) -> Option<Notice> {
    let read = |document: &[u8]| {
        json::parse(document, Notice::has_field)
            .map(Notice::read)
            .ok()
    };
    read(raw).or_else(|| read(&json::without_lone_surrogates(raw)?))
}

/// The order in which a receiver tells the kinds apart.
fn fact(notice: Notice) -> Fact {
    if notice.new_launch_state.is_some() || notice.old_launch_state.is_some() {
        return launch(&notice);
    }
    let known = notice.event_type.as_deref().and_then(EventType::parse);
    if let Some(event) = known.and_then(|kind| event(kind, notice.message_id.clone())) {
        return event;
    }
    // What says that it is an event is no new message of the person's, even if it has a text: an edited one might have. Only
    // taps on actions are shown as events on one page, as messages on another.
    let (text, file, location) = match notice.event_type {
        None => (notice.text, notice.user_file, notice.location.as_ref()),
        Some(_) => (None, None, None),
    };
    if let Some(content) = content(text, file, location, notice.suggestion_response) {
        let classification = notice.rich_message_classification.unwrap_or_default();
        return Fact::Received(ReceivedMessage {
            // Taps are shown with `eventId` on one page, with `messageId` on another.
            id: notice.message_id.or(notice.event_id).unwrap_or_default(),
            content,
            message_class: classification.classification_type,
            segments: classification.segment_count,
            carrier: notice.carrier,
        });
    }
    // `false` may be left out (`ProtoJSON`), and then the callback has only the question's id and the phone it asked about.
    let is_callback = notice.rbm_enabled.is_some() || notice.phone_number.is_some();
    match (notice.event_type, notice.request_id) {
        (None, Some(request_id)) if is_callback => Fact::Capabilities(CapabilityAnswer {
            request_id: Some(request_id),
            reachable: notice.rbm_enabled.unwrap_or_default(),
            features: notice.features.unwrap_or_default(),
            carrier: notice.carrier,
        }),
        (word, _) => Fact::Unrecognised(word),
    }
}

/// None for an event about a message that it does not name.
fn event(kind: EventType, message_id: Option<String>) -> Option<Fact> {
    Some(match kind {
        EventType::Delivered => Fact::Delivered(message_id?),
        EventType::Read => Fact::Read(message_id?),
        EventType::ExpirationRevoked => Fact::ExpiredAndRevoked(message_id?),
        EventType::ExpirationRevokeFailed => Fact::ExpiredNotRevoked(message_id?),
        EventType::IsTyping => Fact::Typing,
        EventType::Unsubscribe => Fact::Unsubscribed,
        EventType::Subscribe => Fact::Resubscribed,
    })
}

fn content(
    text: Option<String>,
    file: Option<UserFile>,
    location: Option<&rbm_wire::message::LatLong>,
    tap: Option<SuggestionResponse>,
) -> Option<ReceivedContent> {
    if let Some(tap) = tap {
        return Some(ReceivedContent::Tap(Tap {
            postback: tap.postback_data,
            text: tap.text,
            kind: tap.kind,
        }));
    }
    if let Some(text) = text {
        return Some(ReceivedContent::Text(text));
    }
    if let Some(file) = file {
        let (payload, thumbnail) = (remote_file(file.payload), file.thumbnail.map(remote_file));
        return Some(ReceivedContent::File(ReceivedFile { payload, thumbnail }));
    }
    let location = location?;
    let (latitude, longitude) = (location.latitude.0, location.longitude.0);
    Some(ReceivedContent::Location(Coordinates {
        latitude,
        longitude,
    }))
}

fn remote_file(file: FileInfo) -> RemoteFile {
    RemoteFile {
        url: file.file_uri,
        mime_type: file.mime_type,
        // A file has at most 100 MiB; what does not fit is left unsaid.
        size_bytes: file
            .file_size_bytes
            .and_then(|size| u32::try_from(size.0).ok()),
        name: file.file_name,
    }
}

fn launch(notice: &Notice) -> Fact {
    Fact::AgentStatus(AgentStatus {
        region: notice.region_id.clone().unwrap_or_default(),
        before: notice.old_launch_state.clone().unwrap_or_default(),
        after: notice.new_launch_state.clone().unwrap_or_default(),
        by: notice.acting_party.clone(),
        comment: notice.comment.clone(),
    })
}

/// What the contract has no field for.
fn details(notice: &mut Notice) -> Vec<Setting> {
    let details = [
        ("event-id", notice.event_id.clone()),
        (
            "event-type",
            notice
                .suggestion_response
                .as_ref()
                .and(notice.event_type.clone()),
        ),
        ("agent-display-name", notice.bot_display_name.take()),
        ("brand-id", notice.brand_id.take()),
        ("brand-display-name", notice.brand_display_name.take()),
    ];
    let said = details
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)));
    said.map(|(name, value)| detail(name, value)).collect()
}

fn detail(name: &str, value: String) -> Setting {
    Setting {
        name: name.to_owned(),
        value,
    }
}

/// The agent, the person, and the id that the platform gave the fact: its own, or that of the message it is about. Only
/// where there is neither, a hash of the signed bytes. A second line has what an id alone does not tell apart: the kind and the
/// message of an event whose id another event has too, and the bytes of a document of an unknown kind about a message.
fn dedupe_key(notice: &Notice, raw: &[u8]) -> String {
    let agent = notice.agent_id.as_deref().unwrap_or_default();
    let phone = notice
        .sender_phone_number
        .as_deref()
        .or(notice.phone_number.as_deref())
        .unwrap_or_default();
    let message = notice.message_id.as_deref();
    match (&notice.event_id, message, &notice.event_type) {
        (Some(event), message, Some(kind)) => {
            let event = [agent, phone, event].join("/");
            [event, [kind, message.unwrap_or_default()].join("/")].join("\n")
        }
        (Some(event), None, None) => [agent, phone, event].join("/"),
        (None, Some(message), Some(kind)) => [agent, phone, message, kind].join("/"),
        (_, Some(message), None) => {
            let message = [agent, phone, message].join("/");
            if has_content(notice) {
                message
            } else {
                [message, hash_key(raw)].join("\n")
            }
        }
        (None, None, _) => hash_key(raw),
    }
}

/// Whether it is what a person sent.
fn has_content(notice: &Notice) -> bool {
    notice.text.is_some()
        || notice.user_file.is_some()
        || notice.location.is_some()
        || notice.suggestion_response.is_some()
}

fn hash_key(raw: &[u8]) -> String {
    tag(HASH_KEY, raw)
        .iter()
        .take(HASH_KEY_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Keeps these hashes apart from whatever else is hashed.
const HASH_KEY: &[u8] = b"dedupe-key";
const HASH_KEY_BYTES: usize = 32;
