//! What every store must do with requests that were put aside.

use super::at;
use crate::store::Store;
use crate::store::quarantine::{
    EXCERPT_BYTES, QUARANTINE_LENGTH, QuarantineId, Quarantined, StoredQuarantined,
};
use gateway_channel::Header;

pub(super) async fn check(empty: &dyn Fn() -> Box<dyn Store>) {
    the_newest_are_kept_and_found_newest_first(&*empty()).await;
    a_list_tells_a_part_and_one_is_told_whole(&*empty()).await;
    what_is_released_is_gone_and_its_name_is_not_used_again(&*empty()).await;
}

async fn the_newest_are_kept_and_found_newest_first(store: &dyn Store) {
    let count = i64::try_from(QUARANTINE_LENGTH).expect("a small number") + 100;
    for second in 0..count {
        store.quarantine(refused(second, b"x")).await.expect("kept");
    }
    let kept = list(store, None, usize::MAX).await;
    assert_eq!(kept.len(), QUARANTINE_LENGTH);
    assert_eq!(
        kept.first().map(|stored| stored.request.at),
        Some(at(count - 1))
    );
    assert_eq!(kept.last().map(|stored| stored.request.at), Some(at(100)));
    let (first, rest) = (
        list(store, None, 2).await,
        list(store, Some(kept[1].id), usize::MAX).await,
    );
    assert_eq!((&first[..], &rest[..]), (&kept[..2], &kept[2..]));
    assert_eq!(
        store.health().await.expect("answer").quarantined,
        QUARANTINE_LENGTH as u64
    );
}

async fn a_list_tells_a_part_and_one_is_told_whole(store: &dyn Store) {
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(3 * EXCERPT_BYTES).collect();
    let whole = refused(1, &body);
    let cut = Quarantined {
        body_bytes: 9_999,
        ..refused(2, &body)
    };
    let without_headers = Quarantined {
        headers: None,
        ..refused(3, b"")
    };
    for request in [&whole, &cut, &without_headers] {
        store.quarantine(request.clone()).await.expect("kept");
    }
    let listed = list(store, None, 9).await;
    let told = |request: &Quarantined| {
        let body = request.body.iter().copied().take(EXCERPT_BYTES).collect();
        Quarantined {
            headers: None,
            body,
            ..request.clone()
        }
    };
    let expected = [(&without_headers, false), (&cut, false), (&whole, true)];
    for (stored, (request, is_whole)) in listed.iter().zip(expected) {
        assert_eq!(
            (&stored.request, stored.is_whole),
            (&told(request), is_whole)
        );
        let one = store.quarantined_one(stored.id).await.expect("answer");
        assert_eq!(
            one,
            Some(StoredQuarantined {
                id: stored.id,
                is_whole,
                request: request.clone()
            })
        );
    }
    assert_eq!(listed.len(), 3);
}

async fn what_is_released_is_gone_and_its_name_is_not_used_again(store: &dyn Store) {
    for second in 0..3 {
        store.quarantine(refused(second, b"x")).await.expect("kept");
    }
    let ids = async || -> Vec<u64> {
        list(store, None, 9)
            .await
            .into_iter()
            .map(|stored| stored.id.0)
            .collect()
    };
    assert_eq!(ids().await, [3, 2, 1]);
    for (id, was_there) in [
        (3, true),
        (3, false),
        (1, true),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(
            store.release(QuarantineId(id)).await.expect("answer"),
            was_there,
            "{id}"
        );
        assert_eq!(
            store
                .quarantined_one(QuarantineId(id))
                .await
                .expect("answer"),
            None,
            "{id}"
        );
    }
    store.quarantine(refused(3, b"x")).await.expect("kept");
    assert_eq!(ids().await, [4, 2]);
}

async fn list(
    store: &dyn Store,
    after: Option<QuarantineId>,
    most: usize,
) -> Vec<StoredQuarantined> {
    store.quarantined(after, most).await.expect("answer")
}

fn refused(second: i64, body: &[u8]) -> Quarantined {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: value.into(),
    };
    Quarantined {
        at: at(second),
        path: "/webhooks/rbm/demo".into(),
        rule: "signature-mismatch".into(),
        reason: "why".into(),
        headers: Some(vec![
            header("x-signature", "a"),
            header("x-signature", "\u{fffd}\u{e9}\""),
        ]),
        body: body.to_vec(),
        body_bytes: body.len() as u64,
    }
}
