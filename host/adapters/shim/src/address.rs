//! Where the plugin may go: the platform's origins, and the one that the host's environment names in their place.

use rbm_wire::origin;

/// Whether a request to this address may leave, with a token on it; else why not.
pub(crate) fn admit(url: &str, api_origin: Option<&str>) -> Result<(), String> {
    let end = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[end..]
        .find(['/', '?', '#', '\\'])
        .map_or(url.len(), |path| end + path);
    let (from, path) = url.split_at(end);
    let own = api_origin.map(|given| given.strip_suffix('/').unwrap_or(given));
    if !origin::all().any(|known| known == from) && own != Some(from) {
        return Err(format!(
            "{from} is neither the platform's nor RBM_API_ORIGIN"
        ));
    }
    if !is_private_line(from) {
        return Err(format!("credentials would go to {from} in the clear"));
    }
    // What is written is what is asked for, whatever a host makes of it.
    let dots = path
        .split(['/', '?'])
        .any(|segment| segment == "." || segment == "..");
    if dots
        || !path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
    {
        return Err(format!(
            "the path of {url:?} is not written in its normal form"
        ));
    }
    Ok(())
}

/// Encrypted, or inside of one machine.
fn is_private_line(origin: &str) -> bool {
    let Some(authority) = origin.strip_prefix("http://") else {
        return origin.starts_with("https://");
    };
    let port = authority.rfind(':').filter(|colon| {
        authority[colon + 1..]
            .bytes()
            .all(|byte| byte.is_ascii_digit())
    });
    let host = port.map_or(authority, |colon| &authority[..colon]);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_to_the_platform_and_nowhere_else() {
        let twin = Some("http://127.0.0.1:8788/");
        for (url, own, admitted) in [
            (
                "https://rcsbusinessmessaging.googleapis.com/v1/x?y=1",
                None,
                true,
            ),
            (
                "https://europe-rcsbusinessmessaging.googleapis.com/v1/x",
                twin,
                true,
            ),
            ("https://rcsbusinessmessaging.googleapis.com", None, true),
            ("http://127.0.0.1:8788/v1/x", twin, true),
            ("http://127.0.0.1:8788/v1/x", None, false),
            ("http://127.0.0.1:8789/v1/x", twin, false),
            (
                "http://rcsbusinessmessaging.googleapis.com/v1/x",
                None,
                false,
            ),
            (
                "http://rcsbusinessmessaging.googleapis.com/v1/x",
                Some("http://rcsbusinessmessaging.googleapis.com"),
                false,
            ),
            (
                "http://127.0.0.1.example/v1",
                Some("http://127.0.0.1.example"),
                false,
            ),
            ("http://[::1]:1/v1", Some("http://[::1]:1"), true),
            (
                "https://rcsbusinessmessaging.googleapis.com.example/v1",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com:444/v1",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com@example.com/v1",
                None,
                false,
            ),
            (
                "https://example.com/https://rcsbusinessmessaging.googleapis.com/",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com\\@example.com/",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com/v1/../x",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com/v1/x y",
                None,
                false,
            ),
            (
                "https://rcsbusinessmessaging.googleapis.com/v1#x",
                None,
                false,
            ),
            ("rcsbusinessmessaging.googleapis.com", None, false),
            ("", None, false),
        ] {
            assert_eq!(
                admit(url, own).is_ok(),
                admitted,
                "{url} {own:?}: {:?}",
                admit(url, own)
            );
        }
    }
}
