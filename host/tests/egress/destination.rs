//! Credentials and what buys them go where they belong: a wrong destination is found before anything is sent.

use crate::key::credentials;
use rbm_host::{Credentials, Egress, EgressBuilder, EgressProblem};

#[test]
fn credentials_do_not_go_in_the_clear() {
    let bearer = || Credentials::bearer("a token".into());
    let account = || credentials("https://oauth2.googleapis.com/token");
    let plain = |credentials| Egress::builder().origin("http://example.com", credentials);
    for (name, builder, clear) in [
        ("a fixed token", plain(bearer()), true),
        ("a service account", plain(account()), true),
        (
            "a token to a private address by mistake",
            Egress::builder().origin("http://10.0.0.1", bearer()),
            true,
        ),
        ("none", plain(Credentials::none()), false),
        (
            "a fixed token over https",
            Egress::builder().origin("https://example.com", bearer()),
            false,
        ),
        (
            "a fixed token where private addresses are allowed",
            plain(bearer()).allow_private_addresses(),
            false,
        ),
    ] {
        let problem = builder.build().err();
        assert_eq!(
            matches!(problem, Some(EgressProblem::InTheClear { .. })),
            clear,
            "{name}: {problem:?}"
        );
        assert_eq!(problem.is_some(), clear, "{name}: {problem:?}");
    }
}

#[test]
fn a_key_file_decides_on_a_token_endpoint_of_google_only() {
    for (token_uri, taken) in [
        ("https://oauth2.googleapis.com/token", true),
        ("https://accounts.google.com/o/oauth2/token", true),
        ("https://www.googleapis.com/oauth2/v4/token", true),
        ("https://oauth2.googleapis.com:443/token", true),
        ("http://oauth2.googleapis.com/token", false),
        ("https://oauth2.googleapis.com:444/token", false),
        ("https://oauth2.googleapis.com./token", false),
        ("https://oauth2.googleapis.com.example.com/token", false),
        ("https://oauth2.googleapis.com@example.com/token", false),
        ("https://example.com/oauth2.googleapis.com/token", false),
        ("https://127.0.0.1/token", false),
        ("https://169.254.169.254/token", false),
        ("https://metadata.google.internal/token", false),
    ] {
        let problem = api(token_uri).build().err();
        assert_eq!(
            matches!(problem, Some(EgressProblem::TokenEndpoint { .. })),
            !taken,
            "{token_uri}: {problem:?}"
        );
        assert_eq!(problem.is_none(), taken, "{token_uri}: {problem:?}");
    }
}

#[test]
fn another_token_endpoint_is_listed() {
    let listed = |origin: &str| api(&format!("{origin}/token")).origin(origin, Credentials::none());
    assert!(listed("https://tokens.example.com").build().is_ok());
    assert!(
        listed("http://127.0.0.1:8080")
            .allow_private_addresses()
            .build()
            .is_ok()
    );
    let in_the_clear = listed("http://tokens.example.com").build().err();
    assert!(
        matches!(in_the_clear, Some(EgressProblem::InTheClear { .. })),
        "{in_the_clear:?}"
    );
    let private = listed("https://169.254.169.254").build().err();
    assert!(
        matches!(private, Some(EgressProblem::TokenEndpoint { .. })),
        "{private:?}"
    );
}

#[test]
fn a_wrong_destination_is_named_by_its_origin() {
    let problem = api("https://user:word@tokens.example.com/path?key=word")
        .build()
        .err()
        .unwrap();
    let said = "the key file's `token_uri` is at https://tokens.example.com, which is neither Google's nor a public \
                address on the list";
    assert_eq!(problem.to_string(), said);
}

fn api(token_uri: &str) -> EgressBuilder {
    Egress::builder().origin(
        "https://rcsbusinessmessaging.googleapis.com",
        credentials(token_uri),
    )
}
