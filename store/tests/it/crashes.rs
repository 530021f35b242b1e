//! A crash at any step loses nothing and stores nothing twice.

use sekisho_store::{Step, Store};

use crate::fixture::{assert_exactly, position, work};

/// Records that the log holds in the end.
const END: i64 = 95;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_at_any_step_of_any_epoch_the_tables_are_exact() {
    for step in Step::ALL {
        for epoch in [1, 2] {
            recovers_from_a_crash(step, epoch).await;
        }
    }
}

async fn recovers_from_a_crash(step: Step, epoch: i32) {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path()).await.unwrap();
    let mut seen = 0;
    store.crash_after(move |done| {
        seen += i32::from(done == step);
        done == step && seen == epoch
    });
    let crash = work(&mut store, 0, END, 34, 10).await.unwrap_err();
    assert!(crash.contains("a test asked for a crash"), "{crash}");
    drop(store);

    // The epochs and batches are cut differently after the restart, so that one would reach over the end of an
    // epoch that was committed, just before which lies a finding.
    let (mut store, recovered) = Store::open(dir.path()).await.unwrap();
    let from = position(recovered.as_ref());
    assert!(
        from <= store.positions().events,
        "the state leads the tables: {step:?} {epoch}"
    );
    work(&mut store, from, END, 19, 7).await.unwrap();
    assert_exactly(dir.path(), END).await;

    let (_, recovered) = Store::open(dir.path()).await.unwrap();
    assert_eq!(position(recovered.as_ref()), END, "{step:?} {epoch}");
}

#[tokio::test(flavor = "multi_thread")]
async fn if_the_state_is_lost_what_is_stored_is_not_stored_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path()).await.unwrap();
    work(&mut store, 0, 50, 30, 10).await.unwrap();
    drop(store);
    std::fs::remove_file(dir.path().join("manifest.json")).unwrap();

    let (mut store, recovered) = Store::open(dir.path()).await.unwrap();
    assert!(recovered.is_none());
    assert_eq!(store.positions().furthest(), 50);
    work(&mut store, 0, END, 20, 9).await.unwrap();
    assert_exactly(dir.path(), END).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_rows_may_lag_and_still_takes_each_row_once() {
    let dir = tempfile::tempdir().unwrap();
    // Unreadable are 0 and 7, so that neither is an event; 3 and 13 are findings.
    for (end, expected) in [
        (3, (3, 3, 0)),
        (7, (7, 3, 7)),
        (8, (7, 8, 7)),
        (13, (13, 8, 7)),
        (14, (14, 8, 14)),
    ] {
        let (mut store, recovered) = Store::open(dir.path()).await.unwrap();
        work(&mut store, position(recovered.as_ref()), end, 100, 100)
            .await
            .unwrap();
        let positions = store.positions();
        assert_eq!((positions.events, positions.rejects, positions.alerts), expected);
    }
    std::fs::remove_file(dir.path().join("manifest.json")).unwrap();
    let (mut store, _) = Store::open(dir.path()).await.unwrap();
    work(&mut store, 0, END, 100, 100).await.unwrap();
    assert_exactly(dir.path(), END).await;
}
