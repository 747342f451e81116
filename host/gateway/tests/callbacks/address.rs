//! What may be a callback, and where it may lead.

use crate::gateway::{Gateway, SECRET, settings};
use rbm_gateway::callback::{Callback, CallbackSettings, Schedule};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[test]
fn an_address_inside_is_refused_however_it_is_written() {
    assert!(PRIVATE.len() >= 60);
    for host in PRIVATE {
        let url = format!("https://{host}/events");
        let inside = Callback::new(CallbackSettings {
            allow_private_addresses: false,
            ..settings("app", &url)
        });
        let problem = inside.expect_err(host).to_string();
        assert!(
            problem.ends_with("its host is not a public address, and private ones are not allowed"),
            "{problem}"
        );
        Callback::new(settings("app", &url)).expect("it is allowed now");
    }
}

/// A name is looked at as it is resolved for the very connection, so it cannot be public first and private then.
#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    for host in [
        "localhost",
        "localhost.",
        "LOCALHOST",
        "a.localhost",
        "ip6-localhost",
    ] {
        let mut gateway = Gateway::new();
        gateway.hear([1]).await;
        let url = format!("https://{host}:{port}/events");
        let settings = CallbackSettings {
            allow_private_addresses: false,
            ..settings("app", &url)
        };
        let callback = Callback::new(settings)
            .unwrap()
            .with_schedule(Schedule::new(vec![]));
        let _run = gateway.start(callback);
        gateway.wait_for("app", |known| known.dead == 1).await;
        let reason = gateway
            .store
            .dead_letters("app", None, 9)
            .await
            .unwrap()
            .remove(0)
            .reason;
        // Not every machine knows all of these names; what it knows is not public.
        let unknown = reason.contains("failed to lookup address");
        assert!(
            reason.contains("has no public address") || (unknown && host != "localhost"),
            "{host}: {reason}"
        );
        assert!(
            reason.starts_with("there was no connection"),
            "{host}: {reason}"
        );
    }
    let came = timeout(Duration::from_millis(50), canary.accept()).await;
    assert!(came.is_err(), "somebody came in");
}

type Change = fn(&mut CallbackSettings);

#[test]
fn what_is_no_callback_is_told_by_its_rule() {
    let of = |change: Change| {
        let mut settings = CallbackSettings {
            allow_private_addresses: false,
            ..settings("app", "https://a.example/x")
        };
        change(&mut settings);
        Callback::new(settings)
            .map(|_| ())
            .map_err(|problem| problem.to_string())
    };
    assert_eq!(of(|_| {}), Ok(()));
    assert_eq!(
        of(|it| it.url = "https://a.example:8443/x?key=1".into()),
        Ok(())
    );
    assert_eq!(
        of(|it| (it.url, it.allow_private_addresses) = ("http://a.example".into(), true)),
        Ok(())
    );
    let wrong: [(Change, &str); 16] = [
        (
            |it| it.name = String::new(),
            "the callback's name \"\" must be 1 to 64 of a-z, A-Z, 0-9, - and _",
        ),
        (
            |it| it.name = "a/b".into(),
            "the callback's name \"a/b\" must be",
        ),
        (
            |it| it.name = "ä".into(),
            "the callback's name \"ä\" must be",
        ),
        (|it| it.name = "x".repeat(65), "xxx…\" must be 1 to 64 of"),
        (
            |it| it.url = "nowhere".into(),
            "the url \"nowhere\" of the callback app cannot be posted to: relative URL",
        ),
        (
            |it| it.url = "http://a.example".into(),
            "its scheme is \"http\", and must be https unless private addresses",
        ),
        (
            |it| it.url = "ftp://a.example".into(),
            "its scheme is \"ftp\", and must be https",
        ),
        (
            |it| it.url = "file:///etc/passwd".into(),
            "its scheme is \"file\", and must be https",
        ),
        (
            |it| it.url = "https://a.example/#top".into(),
            "it must have no fragment",
        ),
        (
            |it| it.url = "https://u:geheim@a.example/".into(),
            "\"https://a.example\" of the callback app",
        ),
        (
            |it| it.url = "https://u@a.example/".into(),
            "it must have no user and no password in it",
        ),
        (
            |it| it.url = "https://8.8.8.8@127.0.0.1/".into(),
            "it must have no user and no password in it",
        ),
        (
            |it| it.secrets = vec![],
            "the callback app has 0 secrets, and must have 1 to 10",
        ),
        (
            |it| it.secrets = vec![SECRET.into(); 11],
            "the callback app has 11 secrets, and must have 1 to 10",
        ),
        (
            |it| it.secrets = vec![SECRET.into(), "geheim".into()],
            "secret 2 of the callback app is none: it must begin",
        ),
        (
            |it| it.secrets = vec!["whsec_geheim".into()],
            "secret 1 of the callback app is none: what follows whsec_",
        ),
    ];
    for (change, expected) in wrong {
        let problem = of(change).expect_err(expected);
        assert!(problem.contains(expected), "{problem}");
        assert!(!problem.contains("geheim"), "{problem}");
    }
}

#[test]
fn no_secret_is_shown() {
    let callback = Callback::new(settings("app", "https://a.example")).unwrap();
    let (shown, given) = (
        format!("{callback:?}"),
        format!("{:?}", settings("app", "https://a.example")),
    );
    assert!(
        !shown.contains("MfKQ") && !given.contains("MfKQ"),
        "{shown} {given}"
    );
}

/// Each is this machine, this network, a network's metadata, or nobody.
const PRIVATE: [&str; 60] = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.0.0.1",
    "0X7F.1",
    "0177.0.0.1",
    "0177.0x0.0.1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "012.0.0.1",
    "100.64.0.1",
    "100.127.255.254",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
];
