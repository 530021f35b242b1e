//! The order in which a lane does its steps, with parts that only write down what is asked of them.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_model::{Announcement, Findings, Occasion, Origin, Raw, Reject, Snapshot, Time};
use sekisho_pipeline::{
    BoxError, Committed, Epoch, EpochLimits, Frame, FrameBody, Judge, Judged, Lane, LaneParts, Log, Outbox, Progress,
    Records, Restart, Tables,
};
use tokio_util::sync::CancellationToken;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    Nothing,
    Keeping,
    Committing,
}

/// What was asked of the parts, in order.
type Diary = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
struct Script {
    diary: Diary,
    reads: VecDeque<Vec<Frame>>,
    end: CancellationToken,
}

impl Log for Script {
    async fn read(&mut self, from: i64, _records_max: usize) -> Result<Vec<Frame>, BoxError> {
        let Some(frames) = self.reads.pop_front() else {
            self.end.cancel();
            return std::future::pending().await;
        };
        self.diary.lock().unwrap().push(format!("read from {from}"));
        Ok(frames)
    }

    async fn truncate(&mut self, position: i64) -> Result<(), BoxError> {
        self.diary.lock().unwrap().push(format!("truncate to {position}"));
        Ok(())
    }
}

/// Records that nobody can read.
fn records(first: i64, count: usize) -> Frame {
    Frame {
        first,
        observed: Time(0),
        body: FrameBody::Records(Records {
            origin: origin(),
            cursor: None,
            records: vec![b"x".to_vec(); count],
        }),
    }
}

fn origin() -> Origin {
    Origin {
        tenant: Arc::from("default"),
        source: Arc::from("auto"),
        label: Arc::from("test"),
        log: Arc::from("test"),
        backfill: false,
    }
}

fn rejects(frame: &Frame) -> Vec<Reject> {
    let FrameBody::Records(records) = &frame.body else {
        return Vec::new();
    };
    let reject = |(offset, bytes): (i64, &Vec<u8>)| {
        let raw = Raw {
            origin: &records.origin,
            offset,
            observed: frame.observed,
            bytes,
        };
        Reject::new(&raw, "auto", "nobody can read it")
    };
    (frame.first..).zip(&records.records).map(reject).collect()
}

/// Finds something in every batch of frames.
#[derive(Debug)]
struct Suspicious {
    diary: Diary,
}

impl Judge for Suspicious {
    fn judge(&mut self, frames: &[Frame]) -> Judged {
        let range = match frames {
            [] => "nothing".to_owned(),
            [first, .., last] => format!("{}..{}", first.first, last.end()),
            [only] => format!("{}..{}", only.first, only.end()),
        };
        self.diary.lock().unwrap().push(format!("judge {range}"));
        let announcement = Announcement {
            incident_id: "1".to_owned(),
            occasion: Occasion::Opened,
            observed: Time(0),
            page: false,
        };
        let findings = Findings {
            announcements: vec![announcement],
            ..Findings::default()
        };
        Judged {
            findings,
            rejects: frames.iter().flat_map(rejects).collect(),
            ..Judged::default()
        }
    }

    fn snapshot(&self) -> Result<Snapshot, BoxError> {
        Ok(Snapshot::default())
    }
}

#[derive(Debug)]
struct Keeper {
    diary: Diary,
    fails: Fails,
}

impl Outbox for Keeper {
    async fn keep(&mut self, _findings: &Findings, position: i64) -> Result<(), BoxError> {
        self.diary.lock().unwrap().push(format!("keep at {position}"));
        if self.fails == Fails::Keeping {
            Err("the disk is full".into())
        } else {
            Ok(())
        }
    }
}

#[derive(Debug)]
struct Shelf {
    diary: Diary,
    fails: Fails,
}

impl Tables for Shelf {
    async fn commit(&mut self, epoch: Epoch) -> Result<Committed, BoxError> {
        let found: Vec<i64> = epoch.findings.iter().map(|(position, _)| *position).collect();
        self.diary
            .lock()
            .unwrap()
            .push(format!("commit at {} with findings at {found:?}", epoch.position));
        if self.fails == Fails::Committing {
            return Err("the disk is full".into());
        }
        Ok(Committed::default())
    }
}

fn ticks(range: std::ops::Range<i64>) -> Vec<Frame> {
    range
        .map(|first| Frame {
            first,
            observed: Time(0),
            body: FrameBody::Tick,
        })
        .collect()
}

/// Runs a lane over these reads until it has nothing more, and tells what was done.
async fn diary(reads: Vec<Vec<Frame>>, known: Vec<i64>, fails: Fails) -> (Vec<String>, Option<String>) {
    run(reads, known, fails, &Arc::default()).await
}

async fn run(
    reads: Vec<Vec<Frame>>,
    known: Vec<i64>,
    fails: Fails,
    progress: &Arc<Progress>,
) -> (Vec<String>, Option<String>) {
    let diary = Diary::default();
    let end = CancellationToken::new();
    let parts = LaneParts {
        log: Script {
            diary: Arc::clone(&diary),
            reads: reads.into(),
            end: end.clone(),
        },
        judge: Suspicious {
            diary: Arc::clone(&diary),
        },
        outbox: Keeper {
            diary: Arc::clone(&diary),
            fails,
        },
        tables: Shelf {
            diary: Arc::clone(&diary),
            fails,
        },
    };
    let limits = EpochLimits {
        age: Duration::from_hours(1),
        rows_max: 1_000,
        records_max: 100,
    };
    let lane = Lane::new(parts, Restart { position: 0, known }, limits);
    let mut lane = lane.counting(Arc::clone(progress));
    let ended = lane.run(end).await;
    let written = diary.lock().unwrap().clone();
    (written, ended.err().map(|error| error.to_string()))
}

#[tokio::test]
async fn what_is_found_is_kept_before_it_is_committed_and_committed_before_the_log_forgets() {
    let (done, error) = diary(vec![ticks(0..3), ticks(3..5)], Vec::new(), Fails::Nothing).await;

    assert_eq!(error, None);
    let expected = [
        "read from 0",
        "judge 0..3",
        "keep at 3",
        "read from 3",
        "judge 3..5",
        "keep at 5",
        "commit at 5 with findings at [3, 5]",
        "truncate to 5",
    ];
    assert_eq!(done, expected);
}

#[tokio::test]
async fn after_a_restart_frames_the_tables_know_are_judged_apart_from_new_ones() {
    let (done, _) = diary(vec![ticks(0..6)], vec![4, 2, 4], Fails::Nothing).await;

    let judged: Vec<&String> = done.iter().filter(|step| step.starts_with("judge")).collect();
    assert_eq!(judged, ["judge 0..2", "judge 2..4", "judge 4..6"]);
}

#[tokio::test]
async fn a_lane_that_cannot_keep_what_it_found_stops_before_anything_is_committed() {
    let (done, error) = diary(vec![ticks(0..3)], Vec::new(), Fails::Keeping).await;

    assert_eq!(error.expect("the lane stopped"), "failed to keep alerts in the outbox");
    assert_eq!(done, ["read from 0", "judge 0..3", "keep at 3"]);
}

#[tokio::test]
async fn a_frame_that_is_passed_over_shows_in_the_numbers() {
    let progress = Arc::<Progress>::default();
    run(vec![ticks(0..3), ticks(3..5)], Vec::new(), Fails::Nothing, &progress).await;
    assert_eq!((progress.get().skipped(), progress.get().epochs), (0, 1));

    run(vec![ticks(0..3), ticks(4..6)], Vec::new(), Fails::Nothing, &progress).await;
    let done = progress.get();
    assert_eq!((done.position, done.offsets, done.skipped()), (6, 5, 1));
}

#[tokio::test]
async fn what_the_tables_do_not_account_for_shows_in_the_numbers() {
    let progress = Arc::<Progress>::default();
    // The shelf of these tests says that it took nothing.
    let records = vec![records(0, 7)];
    run(vec![records.clone()], Vec::new(), Fails::Nothing, &progress).await;
    assert_eq!((progress.get().records, progress.get().unsettled()), (7, 7));

    // What was in hand when a lane failed is judged again, and is no loss.
    let progress = Arc::<Progress>::default();
    run(vec![records], Vec::new(), Fails::Committing, &progress).await;
    assert_eq!((progress.get().open, progress.get().unsettled()), (7, 0));
    run(Vec::new(), Vec::new(), Fails::Nothing, &progress).await;
    let done = progress.get();
    assert_eq!((done.open, done.given_up, done.unsettled()), (0, 7, 0));
}
