//! Failing disks, torn and damaged segments.

use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;

use proptest::prelude::*;

use super::*;
use crate::spool::codec::HEAD_BYTES;
use crate::spool::segment::SEGMENT_HEAD_BYTES;

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

/// What is taken back must be so on the disk: the next segment may begin at the offsets that were refused, and after a
/// power cut the old frames must not stand beside its own.
#[test]
fn what_cannot_be_taken_back_durably_is_the_end() {
    // The kernel lets this file be cut and not be synced.
    let Ok(file) = File::options().write(true).open("/proc/self/comm") else {
        return;
    };
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
    let mut writer = Writer::new(Arc::clone(&shared), SpoolSettings::new(folder.path()), file, active);

    let error = writer.take_back(&ErrorKind::StorageFull.into());

    assert!(matches!(error, SpoolError::Failed(_)), "{error}");
    assert!(shared.failure().is_some());
}

fn with_writer(shared: &Arc<Shared>, writer: Writer) -> Spool {
    let (queue, appends) = mpsc::unbounded_channel();
    let handle = Handle {
        shared: Arc::clone(shared),
        room: Arc::new(Semaphore::new(QUEUE_BYTES_MAX)),
        torn_bytes: 0,
        quota_bytes: QUOTA_BYTES,
        begins_anew: 0,
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
    // Cut within its head, or grown and not written: all of it, its second half, a part of that.
    for head in [
        &b""[..],
        b"SKSPOL",
        b"SKSPOL0",
        b"SKSPOL01",
        b"SKSPOL01\x06",
        b"SKSPOL01\x06\0\0\0\0\0\0",
        b"SKSPOL01\0\0\0\0\0\0\0\0",
        &[0; 7],
        &[0; 16],
        &[0; 4096],
    ] {
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

/// Records for the frames of a history: how many each has, and of how many bytes.
fn any_frames() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((1_usize..4, prop_oneof![0_usize..200, 0_usize..4_000]), 1..30)
}

/// What the power cut did to one segment.
#[derive(Clone, Debug)]
struct Cut {
    place: prop::sample::Index,
    lost: Vec<u8>,
    garbage: Vec<u8>,
}

/// One for each of the segments a history can have.
fn any_cuts() -> impl Strategy<Value = Vec<Cut>> {
    let cut = (
        any::<prop::sample::Index>(),
        prop::collection::vec(0_u8..12, 1..40),
        prop::collection::vec(any::<u8>(), 0..100),
    );
    prop::collection::vec(cut.prop_map(|(place, lost, garbage)| Cut { place, lost, garbage }), 8)
}

/// What a disk may hold of a file after the power failed: all that was synced, and of the sectors that were
/// written after it some, in any order; where one is missing there are zeros, or what was there before.
fn after_power_cut(bytes: &[u8], synced: usize, cut: &Cut) -> Vec<u8> {
    const SECTOR_BYTES: usize = 512;
    let place = synced + cut.place.index(bytes.len() - synced + 1);
    let mut left = bytes[..place].to_vec();
    let sectors = synced / SECTOR_BYTES..=place / SECTOR_BYTES;
    for (sector, lost) in sectors.zip(cut.lost.iter().cycle()).filter(|(_, lost)| **lost < 3) {
        let begin = (sector * SECTOR_BYTES).clamp(synced, place);
        let end = ((sector + 1) * SECTOR_BYTES).min(place);
        left[begin..end].fill(if *lost == 0 { 0xAA } else { 0 });
    }
    // A head is in one sector: it is there, or not, or cut short, but not half another's.
    if usize::try_from(SEGMENT_HEAD_BYTES).unwrap() <= place {
        left.extend_from_slice(&cut.garbage);
    }
    left
}

const CUT_QUOTA_BYTES: u64 = 64 * 1024;

/// Appends frames, in several segments if there are many; returns them, and in which segment each ends, and
/// where.
fn sent_frames(folder: &TempDir, history: &[(usize, usize)]) -> (Vec<Frame>, Vec<(i64, usize)>) {
    let runtime = runtime();
    let spool = small(folder, CUT_QUOTA_BYTES);
    let mut places = Vec::new();
    for (n, (count, bytes)) in history.iter().enumerate() {
        let record = vec![u8::try_from(n).unwrap(); *bytes];
        let records = records(Some(&format!("file:1:{n} 1")), &vec![record.as_slice(); *count]);
        match runtime.block_on(spool.append(records, NOW)) {
            Ok(_) => {}
            Err(SpoolError::Full) => break,
            Err(error) => panic!("{error}"),
        }
        let first = *segment::list(folder.path()).unwrap().last().unwrap();
        let bytes = fs::metadata(segment::path(folder.path(), first)).unwrap().len();
        places.push((first, usize::try_from(bytes).unwrap()));
    }
    (runtime.block_on(frames(&spool, 0)), places)
}

/// Opens the spool, appends one more frame and reads all; the frames before the one, and the one. There may be
/// a gap before it, at which a reader would wait.
fn opened_and_gone_on(folder: &TempDir) -> Result<(Vec<Frame>, Frame), TestCaseError> {
    let runtime = runtime();
    let spool = small(folder, 4 * CUT_QUOTA_BYTES);
    let end = spool.status().end;
    let next = runtime.block_on(spool.append(records(None, &[b"next"]), NOW)).unwrap();
    prop_assert_eq!(next.first, end);
    let mut found = runtime.block_on(frames(&spool, 0));
    let last = found.pop().unwrap();
    prop_assert_eq!(last.first, end);
    prop_assert!(
        found.iter().all(|frame| frame.end() <= end),
        "an offset was given twice"
    );
    Ok((found, last))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also when a later segment reached the disk and the end of an earlier one did not.
    #[test]
    fn a_power_cut_loses_nothing_that_was_acknowledged_and_invents_nothing(
        history in any_frames(),
        acknowledged: prop::sample::Index,
        cuts in any_cuts(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (sent, places) = sent_frames(&folder, &history);
        let acknowledged = acknowledged.index(places.len() + 1);
        for (first, cut) in segment::list(folder.path()).unwrap().into_iter().zip(&cuts) {
            let synced = places[..acknowledged].iter().rev().find(|(segment, _)| *segment == first);
            // The first segment was begun when the spool was made.
            let begun = if first == 0 { usize::try_from(SEGMENT_HEAD_BYTES).unwrap() } else { 0 };
            let synced = synced.map_or(begun, |(_, place)| *place);
            let path = segment::path(folder.path(), first);
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, after_power_cut(&bytes, synced, cut)).unwrap();
        }

        let (found, next) = opened_and_gone_on(&folder)?;

        prop_assert!(found.len() >= acknowledged);
        prop_assert_eq!(&found[..acknowledged], &sent[..acknowledged]);
        prop_assert!(found.iter().all(|frame| sent.contains(frame)));
        prop_assert!(found.windows(2).all(|pair| pair[0].end() <= pair[1].first));
        // The power may fail again right after.
        drop(small(&folder, CUT_QUOTA_BYTES));
        let (again, _) = opened_and_gone_on(&folder)?;
        prop_assert_eq!(again.split_last(), Some((&next, &found[..])));
        let spool = small(&folder, CUT_QUOTA_BYTES);
        for n in 0..acknowledged {
            let key = format!("file:1:{n}");
            prop_assert!(spool.position(&key).is_some(), "{}", key);
        }
    }
}

#[test]
fn what_follows_a_damaged_segment_is_kept_though_the_next_one_was_never_begun() {
    for broken_length in [false, true] {
        for frame in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let (mut bytes, places) = three_frames(&folder);
            let place = places[frame] + if broken_length { 3 } else { HEAD_BYTES + 5 };
            bytes[place] ^= 0x40;
            fs::write(segment::path(folder.path(), 0), &bytes).unwrap();
            fs::write(segment::path(folder.path(), 6), b"").unwrap();

            let spool = open(&folder);
            runtime().block_on(async {
                let appended = spool.append(records(None, &[b"next"]), NOW).await.unwrap();
                assert_eq!(appended.first, 6, "an offset was given twice");
            });
            drop(spool);
            let spool = open(&folder);

            let read = runtime().block_on(frames(&spool, 0));
            assert_eq!(read.last().map(|frame| frame.first), Some(6));
        }
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
