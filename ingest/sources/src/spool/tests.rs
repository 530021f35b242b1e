use std::fs;
use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use proptest::prelude::*;
use sekisho_model::Origin;
use sekisho_pipeline::Log;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::codec::HEAD_BYTES;
use super::segment::SEGMENT_HEAD_BYTES;
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
}

#[tokio::test]
async fn after_a_failed_sync_nothing_more_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let lock = recovery::lock(folder.path()).unwrap();
    let active = Segment {
        first: 0,
        end: 0,
        bytes: SEGMENT_HEAD_BYTES,
    };
    let shared = Arc::new(Shared::new(
        folder.path().to_owned(),
        lock,
        vec![active],
        cursors::Cursors::default(),
    ));
    // A pipe takes what is written and cannot be synced.
    let (_read_end, pipe) = std::io::pipe().unwrap();
    let file = File::from(OwnedFd::from(pipe));
    let spool = with_writer(
        &shared,
        Writer::new(Arc::clone(&shared), SpoolSettings::new(folder.path()), file, active),
    );

    let first = spool.append(records(None, &[b"x"]), NOW).await;
    let second = spool.append_tick(NOW).await;

    assert!(matches!(first, Err(SpoolError::Failed(_))), "{first:?}");
    assert!(matches!(second, Err(SpoolError::Failed(_))), "{second:?}");
    assert!(spool.failure().is_some());
    assert!(spool.reader().read(0, 1).await.is_err());
    assert_eq!(spool.status().end, 0);
}

#[tokio::test]
async fn what_a_full_disk_took_of_a_write_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let lock = recovery::lock(folder.path()).unwrap();
    let mut file = segment::create(folder.path(), 0).unwrap();
    let active = Segment {
        first: 0,
        end: 0,
        bytes: SEGMENT_HEAD_BYTES,
    };
    let shared = Arc::new(Shared::new(
        folder.path().to_owned(),
        lock,
        vec![active],
        cursors::Cursors::default(),
    ));
    file.write_all(b"half of a fra").unwrap();
    let mut writer = Writer::new(Arc::clone(&shared), SpoolSettings::new(folder.path()), file, active);

    let error = writer.take_back(&ErrorKind::StorageFull.into());

    assert!(matches!(error, SpoolError::Full), "{error}");
    assert_eq!(
        fs::metadata(&segment_files(&folder)[0]).unwrap().len(),
        SEGMENT_HEAD_BYTES
    );
    let spool = with_writer(&shared, writer);
    spool.append(records(None, &[b"x"]), NOW).await.unwrap();
    assert_eq!(frames(&spool, 0).await.len(), 1);
}

fn with_writer(shared: &Arc<Shared>, writer: Writer) -> Spool {
    let (queue, appends) = mpsc::unbounded_channel();
    let handle = Handle {
        shared: Arc::clone(shared),
        room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
        torn_bytes: 0,
        queue: Mutex::new(Some(queue)),
        writer: Mutex::new(Some(std::thread::spawn(move || writer.run(appends)))),
    };
    Spool {
        handle: Arc::new(handle),
    }
}

/// The spool with three frames, and the places at which each begins and the last one ends.
fn three_frames(folder: &TempDir) -> (Vec<u8>, Vec<usize>) {
    let spool = open(folder);
    let mut places = vec![usize::try_from(SEGMENT_HEAD_BYTES).unwrap()];
    runtime().block_on(async {
        for (n, text) in [b"one".as_slice(), b"twotwo", b"three"].into_iter().enumerate() {
            spool
                .append(records(Some(&format!("file:1:2 {n}")), &[text, text]), NOW)
                .await
                .unwrap();
            places.push(usize::try_from(spool.status().bytes).unwrap());
        }
    });
    drop(spool);
    (fs::read(&segment_files(folder)[0]).unwrap(), places)
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
    let source = tempfile::tempdir().unwrap();
    let (bytes, places) = three_frames(&source);
    for torn in places[2]..places[3] {
        for garbage in [&b""[..], &[0; 40], &[0xff; 40]] {
            let folder = tempfile::tempdir().unwrap();
            let mut torn_bytes = bytes[..torn].to_vec();
            torn_bytes.extend_from_slice(garbage);
            fs::write(segment::path(folder.path(), 0), &torn_bytes).unwrap();

            let spool = open(&folder);

            let status = spool.status();
            assert_eq!((status.end, status.damaged), (4, 0), "torn at {torn}");
            assert_eq!(status.torn_bytes, u64::try_from(torn_bytes.len() - places[2]).unwrap());
            assert_eq!(spool.position("file:1:2").as_deref(), Some("1"));
            let frames = runtime().block_on(async {
                spool.append(records(None, &[b"next"]), NOW).await.unwrap();
                frames(&spool, 0).await
            });
            assert_eq!(frames.iter().map(|frame| frame.first).collect::<Vec<_>>(), [0, 2, 4]);
        }
    }
}

#[test]
fn a_segment_that_was_never_begun_is_begun_again() {
    for head in [&b""[..], b"SKSPOL01", &[0; 16]] {
        let folder = tempfile::tempdir().unwrap();
        three_frames(&folder);
        fs::write(segment::path(folder.path(), 6), head).unwrap();

        let spool = open(&folder);

        assert_eq!(spool.status().end, 6);
        runtime().block_on(async {
            assert_eq!(spool.append_tick(NOW).await.unwrap().first, 6);
            assert_eq!(frames(&spool, 0).await.len(), 4);
        });
    }
}

#[test]
fn a_segment_of_another_version_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(segment::path(folder.path(), 0), b"SKSPOL99........").unwrap();

    let error = Spool::open(SpoolSettings::new(folder.path())).unwrap_err();

    assert!(matches!(error, SpoolError::Unknown { .. }), "{error}");
    assert_eq!(fs::read(segment::path(folder.path(), 0)).unwrap(), b"SKSPOL99........");
}

#[test]
fn a_damaged_frame_costs_that_frame_and_is_counted() {
    for broken_length in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (mut bytes, places) = three_frames(&folder);
        let place = if broken_length {
            places[1] + 3
        } else {
            places[1] + HEAD_BYTES + 5
        };
        bytes[place] ^= 0x40;
        fs::write(segment::path(folder.path(), 0), &bytes).unwrap();
        // A segment after it, so that this one was closed.
        drop(segment::create(folder.path(), 6).unwrap());

        let spool = open(&folder);

        let read = runtime().block_on(async {
            spool.append_tick(NOW).await.unwrap();
            frames(&spool, 0).await
        });
        let firsts: Vec<i64> = read.iter().map(|frame| frame.first).collect();
        // With the length, the way to the next frame of the segment is lost too.
        assert_eq!(firsts, if broken_length { vec![0, 6] } else { vec![0, 4, 6] });
        assert_eq!(spool.status().damaged, 1);
    }
}

#[test]
fn damage_before_the_last_frame_does_not_cost_the_last_frame() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bytes, places) = three_frames(&folder);
    bytes[places[1] + HEAD_BYTES + 5] ^= 1;
    fs::write(segment::path(folder.path(), 0), &bytes).unwrap();

    let spool = open(&folder);

    let read = runtime().block_on(frames(&spool, 0));
    assert_eq!(read.iter().map(|frame| frame.first).collect::<Vec<_>>(), [0, 4]);
    assert_eq!(spool.status().damaged, 1);
    assert_eq!(spool.status().end, 6);
}

#[test]
fn unreadable_cursors_do_not_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    three_frames(&folder);
    fs::write(folder.path().join("cursors.json"), b"{").unwrap();

    let spool = open(&folder);

    assert_eq!(spool.position("file:1:2").as_deref(), Some("2"));
    assert!(folder.path().join("cursors.json.unreadable").exists());
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_history_is_read_back(steps in prop::collection::vec((0u8..6, 1usize..5, 0usize..900), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let mut spool = small(&folder, 256 * 1024);
        let mut expected: Vec<(i64, usize)> = Vec::new();
        let mut truncated = 0;
        for (kind, count, bytes) in steps {
            match kind {
                0 => {
                    drop(spool);
                    spool = small(&folder, 256 * 1024);
                }
                1 => {
                    truncated = expected.get(expected.len() / 2).map_or(0, |(first, _)| *first);
                    runtime.block_on(spool.reader().truncate(truncated)).unwrap();
                }
                2 => {
                    let first = runtime.block_on(spool.append_tick(NOW)).unwrap().first;
                    expected.push((first, 1));
                }
                _ => {
                    let record = vec![b'r'; bytes];
                    let group = records(None, &vec![record.as_slice(); count]);
                    expected.push((runtime.block_on(spool.append(group, NOW)).unwrap().first, count));
                }
            }
        }

        let read: Vec<(i64, usize)> = runtime
            .block_on(frames(&spool, truncated))
            .iter()
            .map(|frame| (frame.first, usize::try_from(frame.end() - frame.first).unwrap()))
            .collect();
        expected.retain(|(first, _)| *first >= truncated);
        prop_assert_eq!(read, expected);
    }
}
