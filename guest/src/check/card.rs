//! Cards, alone and side by side.

use super::{Rules, address, characters, check_file, count, suggestion};
use crate::compose::given;
use crate::finding::broken;
use gateway_channel::{
    Card, CardLayout, CardMedia, CardWidth, Carousel, FileSource, Finding, MediaHeight,
    StandaloneCard,
};
use rbm_wire::limits::{self, Limit};

pub(super) fn check_standalone(
    rules: &Rules<'_>,
    standalone: &StandaloneCard,
    findings: &mut Vec<Finding>,
) {
    let (path, card) = ("content.card.card", &standalone.card);
    check(rules, path, card, findings);
    let Some(media) = &card.media else { return };
    if standalone.layout == CardLayout::Vertical {
        check_height(path, card, media, findings);
        return;
    }
    // A horizontal card gives its media a width of its own and no height.
    check_room(path, card, None, findings);
    if !has_text(card) && card.suggestions.is_empty() {
        let message = format!("{path} is horizontal, and has nothing beside its media");
        findings.push(broken(&limits::CARD_MEDIA_ALONE, path, message));
    }
}

pub(super) fn check_carousel(rules: &Rules<'_>, carousel: &Carousel, findings: &mut Vec<Finding>) {
    findings.extend(count(
        &limits::CAROUSEL_CARDS,
        "content.carousel.cards",
        carousel.cards.len(),
    ));
    check_later_cards(&carousel.cards, findings);
    for (index, card) in carousel.cards.iter().enumerate() {
        let path = format!("content.carousel.cards[{index}]");
        check(rules, &path, card, findings);
        let Some(media) = &card.media else { continue };
        check_height(&path, card, media, findings);
        if carousel.width == CardWidth::Small && media.height == Some(MediaHeight::Tall) {
            let path = format!("{path}.media.height");
            let message = format!("{path} is tall, and the cards are small");
            findings.push(broken(&limits::CAROUSEL_SMALL_TALL, &path, message));
        }
    }
}

fn check(rules: &Rules<'_>, path: &str, card: &Card, findings: &mut Vec<Finding>) {
    if !has_text(card) && card.media.is_none() {
        let message = format!("{path} has neither a title nor a description nor media");
        findings.push(broken(&limits::CARD_EMPTY, path, message));
    }
    let title = card.title.as_deref().unwrap_or_default();
    findings.extend(characters(
        &limits::CARD_TITLE_LENGTH,
        &format!("{path}.title"),
        title,
    ));
    let description = card.description.as_deref().unwrap_or_default();
    findings.extend(characters(
        &limits::CARD_DESCRIPTION_LENGTH,
        &format!("{path}.description"),
        description,
    ));
    if let Some(media) = &card.media {
        check_media(&format!("{path}.media"), media, findings);
    }
    let path = format!("{path}.suggestions");
    if let Some(policy) = rules.policy() {
        let limit = Limit {
            maximum: Some(policy.card_suggestions_max),
            ..limits::CARD_SUGGESTIONS_COUNT
        };
        findings.extend(count(&limit, &path, card.suggestions.len()));
    }
    suggestion::check_all(&path, &card.suggestions, findings);
}

fn check_media(path: &str, media: &CardMedia, findings: &mut Vec<Finding>) {
    check_file(&format!("{path}.file"), &media.file, findings);
    let FileSource::Url(url) = &media.file.source else {
        return;
    };
    let Some(extension) = address::extension(url).filter(|extension| address::is_known(extension))
    else {
        return;
    };
    if address::is_gif(&extension) {
        let path = format!("{path}.file.source");
        findings.push(broken(
            &limits::ANIMATED_GIF_ON_IOS,
            &path,
            format!("{path} is a GIF"),
        ));
    } else if !address::is_picture_or_video(&extension) {
        findings.push(broken(
            &limits::CARD_MEDIA_TYPE,
            path,
            format!("{path} ends in .{extension}"),
        ));
    }
}

/// What the height means for what is below it, and where it means nothing.
fn check_height(path: &str, card: &Card, media: &CardMedia, findings: &mut Vec<Finding>) {
    check_room(path, card, media.height, findings);
    if media.height.is_some() {
        let path = format!("{path}.media.height");
        findings.push(broken(
            &limits::CARD_HEIGHTS_ON_IOS,
            &path,
            format!("{path} makes no difference on iOS"),
        ));
    }
}

/// Without a height, the least that media take is assumed.
fn check_room(path: &str, card: &Card, height: Option<MediaHeight>, findings: &mut Vec<Finding>) {
    let room = match height {
        Some(MediaHeight::Tall) => 1,
        Some(MediaHeight::Medium) => 2,
        Some(MediaHeight::Short) | None => 3,
    };
    let limit = Limit {
        maximum: Some(room),
        ..limits::CARD_SUGGESTIONS_FIT
    };
    findings.extend(count(
        &limit,
        &format!("{path}.suggestions"),
        card.suggestions.len(),
    ));
    let [title, description] = texts(card);
    let has_both = title.is_some() && description.is_some();
    if height == Some(MediaHeight::Tall) && has_both && !card.suggestions.is_empty() {
        let path = format!("{path}.description");
        let message =
            format!("{path} stands between tall media and suggestions, and may be cut to one line");
        findings.push(broken(&limits::CARD_TEXT_FIT, &path, message));
    }
}

/// Larger is what has more of something than any of the first cards, and less of nothing.
fn check_later_cards(cards: &[Card], findings: &mut Vec<Finding>) {
    let (first, later) = cards.split_at(cards.len().min(FIRST_CARDS));
    let largest =
        |room: [usize; 4], card: [usize; 4]| std::array::from_fn(|part| room[part].max(card[part]));
    let room = first.iter().map(parts).fold([0; 4], largest);
    for (index, card) in later.iter().enumerate() {
        let parts = parts(card);
        if parts != room && parts.iter().zip(room).all(|(part, room)| *part >= room) {
            let path = format!("content.carousel.cards[{}]", FIRST_CARDS + index);
            let message = format!(
                "{path} is larger than the first {FIRST_CARDS} cards, and is cut to their height"
            );
            findings.push(broken(&limits::CAROUSEL_LATER_CARD_LARGER, &path, message));
        }
    }
}

/// What makes a card high: its media by their height, a title, a description, and suggestions by their number.
fn parts(card: &Card) -> [usize; 4] {
    let media = card.media.as_ref().map_or(0, |media| match media.height {
        Some(MediaHeight::Tall) => 3,
        Some(MediaHeight::Medium) => 2,
        Some(MediaHeight::Short) | None => 1,
    });
    let [title, description] = texts(card).map(|text| usize::from(text.is_some()));
    [media, title, description, card.suggestions.len()]
}

fn has_text(card: &Card) -> bool {
    texts(card) != [None, None]
}

/// The title and the description.
fn texts(card: &Card) -> [Option<&str>; 2] {
    [&card.title, &card.description].map(|text| given(text.as_deref()))
}

/// Google says "the first few" (guides/learn/rich-cards).
const FIRST_CARDS: usize = 3;
