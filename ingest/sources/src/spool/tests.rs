//! What a spool does while nothing is broken.

mod damage;
mod model;

use std::fs;
use std::time::Duration;

use sekisho_model::Origin;
use sekisho_pipeline::Log;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::testing::frames;

const NOW: Time = Time::from_secs(1_790_000_000);

fn records(cursor: Option<&str>, records: &[&[u8]]) -> Records {
    let origin = Origin {
        tenant: Arc::from("default"),
        source: Arc::from("linux.sshd"),
        label: Arc::from("file:/var/log/auth.log#0"),
        log: Arc::from("spool"),
        backfill: false,
    };
    Records {
        origin,
        cursor: cursor.map(Arc::from),
        records: records.iter().map(|record| record.to_vec()).collect(),
    }
}

fn open(folder: &TempDir) -> Spool {
    Spool::open(SpoolSettings::new(folder.path())).unwrap()
}

fn small(folder: &TempDir, quota_bytes: u64) -> Spool {
    Spool::open(SpoolSettings {
        quota_bytes,
        ..SpoolSettings::new(folder.path())
    })
    .unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn segment_files(folder: &TempDir) -> Vec<PathBuf> {
    segment::list(folder.path())
        .unwrap()
        .into_iter()
        .map(|first| segment::path(folder.path(), first))
        .collect()
}

#[tokio::test]
async fn what_is_appended_is_read_in_order_also_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let one = records(None, &[b"one", b"two"]);
    assert_eq!(
        spool.append(one.clone(), NOW).await.unwrap(),
        Appended {
            first: 0,
            repeated: false
        }
    );
    assert_eq!(spool.append_tick(NOW).await.unwrap().first, 2);
    assert_eq!(spool.append_context("rules 7", NOW).await.unwrap().first, 3);
    assert_eq!(
        spool.append(records(Some("file:1:2 9"), &[]), NOW).await.unwrap().first,
        4
    );
    let expected = frames(&spool, 0).await;
    drop(spool);

    let spool = open(&folder);

    assert_eq!(spool.append(one.clone(), NOW).await.unwrap().first, 5);
    let frames = frames(&spool, 0).await;
    assert_eq!(frames[..4], expected[..]);
    assert_eq!(frames[0].body, FrameBody::Records(one));
    assert_eq!(frames[1].body, FrameBody::Tick);
    assert_eq!(frames[2].body, FrameBody::Context(Arc::from("rules 7")));
    assert_eq!(frames[4].end(), 7);
}

#[tokio::test]
async fn reading_begins_within_a_frame_if_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    spool
        .append(records(None, &[b"one", b"two", b"three"]), NOW)
        .await
        .unwrap();

    let frames = frames(&spool, 2).await;

    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].first, 2);
    assert_eq!(frames[0].body, FrameBody::Records(records(None, &[b"three"])));
}

#[tokio::test]
async fn a_reader_waits_for_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let mut reader = spool.reader();
    let nothing = tokio::time::timeout(Duration::from_millis(20), reader.read(0, 10)).await;
    assert!(nothing.is_err());

    let reading = tokio::spawn(async move { reader.read(0, 10).await.unwrap() });
    spool.append(records(None, &[b"late"]), NOW).await.unwrap();

    assert_eq!(reading.await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_second_process_is_told_that_the_spool_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder);

    let second = Spool::open(SpoolSettings::new(folder.path()));

    assert!(matches!(second, Err(SpoolError::Locked(_))));
    drop(first);
    open(&folder);
}

#[tokio::test]
async fn a_body_is_taken_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let body = || records(Some("http:abc"), &[b"x"]);

    let (one, two) = tokio::join!(spool.append(body(), NOW), spool.append(body(), NOW));

    assert_eq!(
        one.unwrap(),
        Appended {
            first: 0,
            repeated: false
        }
    );
    assert_eq!(
        two.unwrap(),
        Appended {
            first: 0,
            repeated: true
        }
    );
    drop(spool);
    let spool = open(&folder);
    assert!(spool.append(body(), NOW).await.unwrap().repeated);
    let tomorrow = NOW.plus(Duration::from_hours(24));
    assert_eq!(
        spool.append(body(), tomorrow).await.unwrap(),
        Appended {
            first: 1,
            repeated: false
        }
    );
}

#[tokio::test]
async fn a_full_spool_refuses_records_but_not_ticks_until_it_is_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let spool = small(&folder, 64 * 1024);
    let record = vec![b'x'; 4096];
    let mut taken = 0;
    let refused = loop {
        match spool
            .append(records(Some(&format!("file:1:2 {taken}")), &[&record]), NOW)
            .await
        {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, SpoolError::Full));
    assert!((12..=16).contains(&taken), "{taken}");
    assert!(spool.status().bytes <= 64 * 1024);
    let end = spool.append_tick(NOW).await.unwrap().first + 1;

    spool.reader().truncate(end).await.unwrap();

    assert!(spool.append(records(None, &[&record]), NOW).await.is_ok());
    assert_eq!(
        spool.position("file:1:2").as_deref(),
        Some(format!("{}", taken - 1).as_str())
    );
}

#[tokio::test]
async fn truncation_gives_up_whole_segments_before_the_position_and_keeps_their_cursors() {
    let folder = tempfile::tempdir().unwrap();
    let spool = small(&folder, 16 * 1024);
    spool
        .append(records(Some("file:1:1 77"), &[b"first"]), NOW)
        .await
        .unwrap();
    spool.append(records(Some("http:abc"), &[b"body"]), NOW).await.unwrap();
    for n in 0..10 {
        spool
            .append(records(Some(&format!("file:1:2 {n}")), &[&[b'x'; 1000]]), NOW)
            .await
            .unwrap();
    }
    let before = segment_files(&folder);
    assert_eq!(before.len(), 3);
    let second = segment::list(folder.path()).unwrap()[1];

    spool.reader().truncate(second + 1).await.unwrap();

    assert_eq!(segment_files(&folder), before[1..]);
    assert_eq!(spool.status().begin, second);
    assert_eq!(frames(&spool, 0).await.first().map(|frame| frame.first), Some(second));
    drop(spool);
    let spool = small(&folder, 16 * 1024);
    assert_eq!(spool.position("file:1:1").as_deref(), Some("77"));
    assert_eq!(spool.position("file:1:2").as_deref(), Some("9"));
    assert!(
        spool
            .append(records(Some("http:abc"), &[b"body"]), NOW)
            .await
            .unwrap()
            .repeated
    );
    assert_eq!(spool.append(records(None, &[b"next"]), NOW).await.unwrap().first, 12);
}

#[tokio::test]
async fn offsets_are_not_given_twice_when_segments_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || SpoolSettings {
        next_offset_min: 500,
        ..SpoolSettings::new(folder.path())
    };
    let spool = Spool::open(settings()).unwrap();

    assert_eq!(spool.append(records(None, &[b"x"]), NOW).await.unwrap().first, 500);
    drop(spool);
    let spool = Spool::open(settings()).unwrap();
    assert_eq!(spool.append(records(None, &[b"x"]), NOW).await.unwrap().first, 501);
    assert_eq!(frames(&spool, 0).await.len(), 2);
    assert_eq!(
        spool.unused_offsets(480, 502),
        20,
        "a lane that was not as far as the tables"
    );
    assert_eq!(spool.unused_offsets(500, 502), 0);
    assert_eq!(spool.status().appended, 1);
}

/// Sends one record after the other; returns where each went.
async fn send_some(spool: Spool, sender: usize) -> Vec<(i64, Vec<u8>)> {
    let mut sent = Vec::new();
    for n in 0..20 {
        let text = format!("{sender} {n} {}", "x".repeat(700)).into_bytes();
        let appended = spool.append(records(None, &[&text]), NOW).await.unwrap();
        assert!(appended.first < spool.status().end, "acknowledged before it was synced");
        sent.push((appended.first, text));
    }
    sent
}

/// Reads until it has as many records as that, each in a frame of its own.
async fn read_some(mut reader: SpoolReader, count: usize) -> Vec<(i64, Vec<u8>)> {
    let mut read: Vec<(i64, Vec<u8>)> = Vec::new();
    while read.len() < count {
        let from = read.last().map_or(0, |(first, _)| first + 1);
        let record = |frame: Frame| match frame.body {
            FrameBody::Records(records) => (frame.first, records.records[0].clone()),
            other => panic!("{other:?} was not sent"),
        };
        read.extend(reader.read(from, 7).await.unwrap().into_iter().map(record));
    }
    read
}

#[test]
fn many_senders_share_a_sync_and_a_reader_beside_them_sees_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = small(&folder, 1024 * 1024);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let (read, mut expected) = runtime.block_on(async {
        let mut senders = tokio::task::JoinSet::new();
        for sender in 0..16 {
            senders.spawn(send_some(spool.clone(), sender));
        }
        let reading = tokio::spawn(read_some(spool.reader(), 320));
        (reading.await.unwrap(), senders.join_all().await.concat())
    });
    expected.sort();

    assert_eq!(read, expected);
}
