//! A request goes to a listed origin or nowhere, however its address is written.

use crate::fetch::{fetch, get, outcome};
use crate::server::Server;
use rbm_host::http_client::FetchFailureCode::Denied;
use rbm_host::{Credentials, Egress, EgressProblem};

#[tokio::test]
async fn an_address_outside_of_the_list_is_denied_and_nobody_is_asked() {
    let (listed, other) = (Server::content().await, Server::content().await);
    let (host, port) = (format!("localhost:{}", listed.port()), listed.port());
    let egress = allowing(&format!("http://{host}"));
    for (name, url) in [
        ("another host", other.url("/")),
        ("the same host by its address", listed.url("/")),
        (
            "the same host by its address in IPv6",
            format!("http://[::1]:{port}/"),
        ),
        (
            "the same host as one number",
            format!("http://2130706433:{port}/"),
        ),
        (
            "the same host in octal and short",
            format!("http://0177.1:{port}/"),
        ),
        ("any host", format!("http://0:{port}/")),
        (
            "a host that ends in a dot",
            format!("http://localhost.:{port}/"),
        ),
        (
            "a host that begins like it",
            format!("http://localhost.example:{port}/"),
        ),
        (
            "a host that ends like it",
            format!("http://x.localhost:{port}/"),
        ),
        (
            "another port",
            format!("http://localhost:{}/", other.port()),
        ),
        ("the scheme's port", "http://localhost/".to_owned()),
        ("another scheme", format!("https://{host}/")),
        ("a socket", format!("ws://{host}/")),
        ("a file", "file:///etc/passwd".to_owned()),
        ("a file on it", "file://localhost/etc/passwd".to_owned()),
        ("data", "data:text/plain,hello".to_owned()),
        ("a blob of it", format!("blob:http://{host}/x")),
        ("a user", format!("http://user@{host}/")),
        ("a user and a password", format!("http://user:word@{host}/")),
        ("a password", format!("http://:word@{host}/")),
        (
            "it as the user of another",
            format!("http://{host}@127.0.0.1:{}/", other.port()),
        ),
        (
            "it as a user behind a backslash",
            format!("http://127.0.0.1:{}\\@{host}/", other.port()),
        ),
        ("nothing", String::new()),
        ("no scheme", format!("//{host}/")),
        ("no scheme and no slashes", format!("{host}/")),
        ("no origin", "/".to_owned()),
        ("no host", "http:///".to_owned()),
        ("one slash too few", format!("http:/{host}/")),
        ("one slash too many", format!("http:///{host}/")),
        (
            "no port that there is",
            "http://localhost:99999/".to_owned(),
        ),
    ] {
        assert_eq!(outcome(&egress, get(&url)).await, Err(Denied), "{name}");
    }
    assert_eq!((listed.count(), other.count()), (0, 0));
}

#[tokio::test]
async fn a_path_that_is_not_what_it_seems_is_denied() {
    let server = Server::content().await;
    let egress = allowing(&server.origin);
    for path in [
        "/v1/../admin",
        "/v1/../v1/admin",
        "/v1/..",
        "/./v1",
        "/v1/%2e%2e/admin",
        "/v1/.%2E/admin",
        "/v1\\..\\admin",
        "\\v1",
        "/v1/\tadmin",
        "/v1/\nadmin",
        "/v1\r\nHost: example.com",
        "/v1 ",
        "/v1/ä",
        "",
        "?query",
    ] {
        assert_eq!(
            outcome(&egress, get(&server.url(path))).await,
            Err(Denied),
            "{path:?}"
        );
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_listed_origin_is_asked_for_the_very_path() {
    let server = Server::content().await;
    let egress = allowing(&format!("http://LOCALHOST:{}/", server.port()));
    for path in [
        "/",
        "/v1/phones/%2B15550100001/agentMessages?messageId=a%20b&x=..",
        "//v1",
        "/v1/..a",
    ] {
        assert_eq!(
            outcome(
                &egress,
                get(&format!("HTTP://LocalHost:{}{path}", server.port()))
            )
            .await,
            Ok(200),
            "{path}"
        );
        assert_eq!(server.seen().last().unwrap().target, path);
    }
}

#[tokio::test]
async fn a_denial_names_the_origin_that_is_not_listed() {
    let egress = Egress::builder().build().unwrap();
    let failure = fetch(&egress, get("https://example.com/path"))
        .await
        .unwrap_err();
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (Denied, "https://example.com is not on this host's list")
    );
}

#[test]
fn an_entry_that_is_no_origin_is_refused_by_name() {
    for entry in [
        "",
        "example.com",
        "example.com:443",
        "//example.com",
        "https://",
        "https://example.com/path",
        "https://example.com/?query",
        "https://example.com#fragment",
        "https://user@example.com",
        "https://:word@example.com",
        "https://example.com:99999",
        "ftp://example.com",
        "file:///",
    ] {
        match Egress::builder()
            .origin(entry, Credentials::none())
            .build()
            .err()
        {
            Some(EgressProblem::Origin { origin, .. }) => assert_eq!(origin, entry),
            other => panic!("{entry}: {other:?}"),
        }
    }
}

fn allowing(origin: &str) -> Egress {
    Egress::builder()
        .allow_private_addresses()
        .origin(origin, Credentials::none())
        .build()
        .unwrap()
}
