//! Maintenance changes how the rows are stored, not which.

use std::path::Path;
use std::time::Duration;

use sekisho_model::Time;
use sekisho_store::Store;
use sekisho_store::maintain::{RETAIN_DAYS_DEFAULT, SMALL_FILES_MAX, compact_if_due, maintain};

use crate::fixture::{START, ask, assert_exactly, position, stored, work};

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn files(dir: &Path, table: &str, ending: &str) -> usize {
    let mut count = 0;
    let mut folders = vec![dir.join("tables").join(table)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                count += usize::from(entry.path().to_str().unwrap().ends_with(ending));
            }
        }
    }
    count
}

/// A time at which everything that was written by this test is old.
fn long_after() -> Time {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    Time(i64::try_from(now.as_micros()).unwrap()).plus(days(3))
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_beside_a_writer_loses_nothing_and_stores_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = stored(dir.path(), 40, 10).await.unwrap();
    assert_eq!(
        compact_if_due(dir.path()).await.unwrap(),
        0,
        "a few files are left alone"
    );

    let many = 40 + 2 * i64::try_from(SMALL_FILES_MAX).unwrap();
    work(&mut store, 40, many, 2, 2).await.unwrap();
    assert_eq!(
        compact_if_due(dir.path()).await.unwrap(),
        1,
        "events alone have many files"
    );
    // The writer still has the files before compaction in mind.
    work(&mut store, many, many + 20, 10, 10).await.unwrap();
    assert_eq!(compact_if_due(dir.path()).await.unwrap(), 0);
    assert_exactly(dir.path(), many + 20).await;

    // And both at the same moment.
    let (compacted, written) = tokio::join!(
        maintain(dir.path(), START, u16::MAX),
        work(&mut store, many + 20, many + 80, 5, 5)
    );
    assert!(compacted.unwrap()[0].1.compacted > 0);
    written.unwrap();
    assert_exactly(dir.path(), many + 80).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_removes_what_nobody_needs_and_keeps_the_positions() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = stored(dir.path(), 40, 10).await.unwrap();
    // What a crash leaves: a file that no commit speaks of, and one that has no name yet.
    let partition = std::fs::read_dir(dir.path().join("tables/events"))
        .unwrap()
        .map(Result::unwrap);
    let partition = partition
        .map(|entry| entry.path())
        .find(|path| path.to_str().unwrap().contains("date="))
        .unwrap();
    std::fs::write(partition.join("orphan.parquet"), "x").unwrap();
    std::fs::write(partition.join("part.parquet#123"), "x").unwrap();

    let report = maintain(dir.path(), long_after(), u16::MAX).await.unwrap();
    let (table, events) = report[0];
    assert_eq!(table, "events");
    assert_eq!(
        (events.dropped, events.compacted > events.into, events.swept),
        (0, true, 1)
    );
    assert!(
        events.vacuumed > usize::try_from(events.compacted).unwrap(),
        "{events:?}"
    );
    assert_eq!(
        files(dir.path(), "events", "orphan.parquet") + files(dir.path(), "events", "#123"),
        0
    );
    assert_eq!(files(dir.path(), "events", ".checkpoint.parquet"), 1);
    assert_exactly(dir.path(), 40).await;

    work(&mut store, 40, 60, 10, 10).await.unwrap();
    let (store, recovered) = Store::open(dir.path()).await.unwrap();
    assert_eq!((position(recovered.as_ref()), store.positions().events), (60, 60));
    assert_exactly(dir.path(), 60).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_past_their_age_are_dropped_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    // A record a minute: two days and a bit.
    let mut store = stored(dir.path(), 3000, 1000).await.unwrap();
    let first_day = START.minus(Duration::from_secs(30)).date();
    let now = Time::from_secs(i64::from(first_day + 1) * 86_400).plus(days(RETAIN_DAYS_DEFAULT.into()));
    let report = maintain(dir.path(), now, RETAIN_DAYS_DEFAULT).await.unwrap();
    assert!(report.iter().all(|(_, upkeep)| upkeep.dropped > 0), "{report:?}");

    let row = &ask(
        dir.path(),
        "SELECT min(date) AS first, count(DISTINCT date) AS days FROM events",
    )
    .await[0];
    let expected = Time::from_secs(i64::from(first_day + 1) * 86_400).to_string();
    assert_eq!(row["first"].as_str().unwrap(), expected.split_once('T').unwrap().0);
    assert_eq!(row["days"], 2);
    // The writer, who has the old days in mind, goes on.
    work(&mut store, 3000, 3010, 10, 10).await.unwrap();
}
