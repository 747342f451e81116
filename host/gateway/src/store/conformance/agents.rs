//! That what is kept of an agent stays its own, whatever it is called in a configuration. Field case G9.

use super::{accept, event, ingest};
use crate::store::{AgentIdentity, Store};
use gateway_channel::Fact as Heard;

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    an_agent_goes_by_the_platforms_id(&*empty()).await;
    rows_that_are_older_keep_the_names_of_the_first_configuration(&*empty()).await;
    for older in [true, false] {
        any_row_has_legacy_rows(&*empty(), older).await;
    }
}

async fn an_agent_goes_by_the_platforms_id(store: &dyn Store) {
    let id = |id: &str| (id.to_owned(), id.to_owned());
    let known = register(store, &[("shop", "shop@rbm.goog")]).await;
    assert_eq!(known, [id("shop@rbm.goog")]);
    accept(store, "m1", 1).await;
    for configured in [
        &[("store", "shop@rbm.goog")][..],
        &[("shop", "other@rbm.goog")],
        &[],
    ] {
        register(store, configured).await;
    }
    let known = register(store, &[]).await;
    assert_eq!(known, [id("other@rbm.goog"), id("shop@rbm.goog")]);
}

async fn rows_that_are_older_keep_the_names_of_the_first_configuration(store: &dyn Store) {
    accept(store, "m1", 1).await;
    let first = [("demo", "demo@rbm.goog"), ("shop", "shop@rbm.goog")];
    let owned = |(key, id): (&str, &str)| (key.to_owned(), id.to_owned());
    assert_eq!(register(store, &first).await, first.map(owned));
    // Renamed, exchanged, and one more under a name that others' rows go by.
    let second = [
        ("renamed", "demo@rbm.goog"),
        ("demo", "shop@rbm.goog"),
        ("shop", "new@rbm.goog"),
    ];
    let expected = [first[0], ("new@rbm.goog", "new@rbm.goog"), first[1]];
    assert_eq!(register(store, &second).await, expected.map(owned));
    // An agent that was left out at first, and has rows.
    let mut new = super::sending::new("m2", None);
    new.agent = "late".into();
    store.accept(new).await.expect("accepted");
    let late = register(
        store,
        &[("late", "late@rbm.goog"), ("later", "later@rbm.goog")],
    )
    .await;
    assert!(late.contains(&owned(("late", "late@rbm.goog"))), "{late:?}");
    assert!(
        late.contains(&owned(("later@rbm.goog", "later@rbm.goog"))),
        "{late:?}"
    );
}

async fn any_row_has_legacy_rows(store: &dyn Store, older: bool) {
    if older {
        ingest(store, vec![event("k1", Heard::Typing)]).await;
    }
    let key = if older { "demo" } else { "demo@rbm.goog" };
    let known = register(store, &[("demo", "demo@rbm.goog")]).await;
    assert_eq!(known, [(key.to_owned(), "demo@rbm.goog".to_owned())]);
}

/// The keys and ids of all agents, by key.
async fn register(store: &dyn Store, agents: &[(&str, &str)]) -> Vec<(String, String)> {
    let identity = |(name, id): &(&str, &str)| AgentIdentity {
        key: (*name).to_owned(),
        platform_id: (*id).to_owned(),
    };
    let known = store
        .register_agents(agents.iter().map(identity).collect())
        .await;
    let mut known: Vec<(String, String)> = known
        .expect("answer")
        .into_iter()
        .map(|it| (it.key, it.platform_id))
        .collect();
    known.sort_unstable();
    known
}
