//! Addresses, as far as a message can be wrong about them: characters, scheme and host. Nothing is fetched.

use rbm_wire::quoted::Quoted;

/// What keeps this from being a URI by RFC 3986: a scheme (§3.1), a colon, and only characters that an address may have (§2),
/// escapes whole.
pub(super) fn not_a_uri(text: &str) -> Option<String> {
    let allowed = |character: char| {
        u8::try_from(character)
            .is_ok_and(|byte| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte))
    };
    if let Some(character) = text.chars().find(|character| !allowed(*character)) {
        return Some(format!(
            "has the character {}, which has to be escaped in an address",
            Quoted(&character.to_string())
        ));
    }
    let is_whole = |escape: &str| {
        escape.len() >= 2
            && escape
                .bytes()
                .take(2)
                .all(|digit| digit.is_ascii_hexdigit())
    };
    if !text.split('%').skip(1).all(is_whole) {
        return Some("has a percent sign without two hexadecimal digits".to_owned());
    }
    let scheme_characters = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(scheme_characters)
            && !rest.is_empty()
    });
    (!has_scheme).then(|| "is no address with a scheme".to_owned())
}

/// What keeps this from being a URI of the web, with a host.
pub(super) fn not_on_the_web(text: &str) -> Option<String> {
    let has_host = host(text).is_some_and(|host| !host.is_empty());
    not_a_uri(text).or_else(|| (!has_host).then(|| "is no http or https address".to_owned()))
}

/// What follows the scheme and its colon, if the address has this one.
pub(super) fn without_scheme<'a>(url: &'a str, scheme: &str) -> Option<&'a str> {
    url.split_once(':')
        .filter(|(before, _)| before.eq_ignore_ascii_case(scheme))
        .map(|(_, rest)| rest)
}

/// What follows the last dot of an address's path, in lower case: a hint of the type, which really is the Content-Type's.
pub(super) fn extension(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?.split('/').skip(3).last()?;
    let (_, extension) = path.rsplit_once('.')?;
    Some(extension.to_ascii_lowercase())
}

pub(super) fn is_gif(extension: &str) -> bool {
    extension == "gif"
}

pub(super) fn is_picture(extension: &str) -> bool {
    PICTURES.contains(&extension)
}

pub(super) fn is_picture_or_video(extension: &str) -> bool {
    is_picture(extension) || VIDEOS.contains(&extension)
}

/// Whether the extension says anything about the type.
pub(super) fn is_known(extension: &str) -> bool {
    is_picture_or_video(extension) || OTHERS.contains(&extension)
}

/// The host of an address in the text whose only business is to shorten addresses.
pub(super) fn shortened(text: &str) -> Option<&str> {
    text.split_whitespace().filter_map(host).find(|host| {
        SHORTENERS
            .iter()
            .any(|known| host.eq_ignore_ascii_case(known))
    })
}

/// `x.example` of `https://x.example:443/path`.
fn host(url: &str) -> Option<&str> {
    let rest = without_scheme(url, "https").or_else(|| without_scheme(url, "http"))?;
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    authority.split(':').next()
}

/// Reserved and unreserved characters beside letters and digits, and the percent sign of escapes.
const PUNCTUATION: &[u8] = b"-._~:/?#[]@!$&'()*+,;=%";
// The types of guides/build/messages/send by their usual extensions.
const PICTURES: [&str; 4] = ["jpeg", "jpg", "gif", "png"];
const VIDEOS: [&str; 6] = ["h263", "m4v", "mp4", "mpeg4", "mpeg", "webm"];
const OTHERS: [&str; 7] = ["pdf", "aac", "mp3", "mpg", "3gp", "oga", "ogg"];
/// The best known ones: no page lists them.
const SHORTENERS: [&str; 9] = [
    "bit.ly",
    "tinyurl.com",
    "t.co",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "buff.ly",
    "rebrand.ly",
    "cutt.ly",
];
