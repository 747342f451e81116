//! A plugin that keeps every promise is found to keep them, and one that breaks a promise is found to break it and no other.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::Setting;
use rbm_conform::{Judged, PROMISES, conform};
use rbm_host::{Engine, Limits};
use test_plugins::{ECHO, ROGUE, compilation_cache};

#[tokio::test]
async fn the_plugin_for_rbm_keeps_every_promise() {
    let judged = judge(
        rbm_component::COMPONENT,
        &[("agent-id", "demo"), ("client-token", "t0k3n")],
    )
    .await;
    assert_eq!(broken(&judged), [""; 0], "{judged:#?}");
}

#[tokio::test]
async fn the_smallest_plugin_keeps_every_promise() {
    let judged = judge(
        ECHO,
        &[("url", "https://echo.example"), ("secret", "s3cret")],
    )
    .await;
    assert_eq!(broken(&judged), [""; 0], "{judged:#?}");
    assert!(judged.iter().map(|judged| judged.promise).eq(&PROMISES));
}

#[tokio::test]
async fn each_promise_that_is_broken_is_found_to_be_and_no_other() {
    for promise in PROMISES.iter().map(|promise| promise.name) {
        // What a plugin says about itself cannot depend on a setting; it is tried beside its rule.
        if promise == "describes-itself" {
            continue;
        }
        let settings = [
            ("url", "https://echo.example"),
            ("secret", "s3cret"),
            ("breaks", promise),
        ];
        let judged = judge(ROGUE, &settings).await;
        assert_eq!(broken(&judged), [promise], "{judged:#?}");
    }
}

async fn judge(component: &[u8], settings: &[(&str, &str)]) -> Vec<Judged> {
    let plugin = Engine::with_cache(Limits::default(), &compilation_cache())
        .unwrap()
        .load(component)
        .unwrap();
    let setting = |(name, value): &(&str, &str)| Setting {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    conform(&plugin, settings.iter().map(setting).collect()).await
}

fn broken(judged: &[Judged]) -> Vec<&'static str> {
    judged
        .iter()
        .filter(|judged| !judged.broken.is_empty())
        .map(|judged| judged.promise.name)
        .collect()
}
