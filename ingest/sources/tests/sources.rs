//! The spool, and the door for Kafka, under `kill -9`: this test binary starts itself again as the process that
//! is killed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod kafka;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use sekisho_model::{Origin, Time};
use sekisho_pipeline::{Frame, FrameBody, Log, Records};
use sekisho_sources::{Spool, SpoolSettings};

/// Names the folder of the spool to the process that is to be killed.
const FOLDER_VARIABLE: &str = "SEKISHO_TEST_SPOOL";

/// How many senders that process has.
const SENDERS: u64 = 8;

/// How often it is started and killed.
const RUNS: usize = 6;

fn settings(folder: PathBuf) -> SpoolSettings {
    SpoolSettings {
        quota_bytes: 256 * 1024 * 1024,
        ..SpoolSettings::new(folder)
    }
}

/// One record that begins with `sender n`, which is also its cursor.
fn records(sender: u64, n: u64) -> Records {
    let origin = Origin {
        tenant: Arc::from("default"),
        source: Arc::from("auto"),
        label: Arc::from("test"),
        log: Arc::from("spool"),
        backfill: false,
    };
    // Some are long, so that the kill also falls into the middle of a write.
    let padding = "x".repeat(if n.is_multiple_of(7) { 200_000 } else { 300 });
    let record = format!("{sender} {n} {padding}").into_bytes();
    Records {
        origin,
        cursor: Some(Arc::from(format!("file:1:{sender} {n}"))),
        records: vec![record],
    }
}

/// Only does something as the process that is to be killed.
#[test]
fn child_appends_and_tells_what_is_acknowledged() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else {
        return;
    };
    let spool = Spool::open(settings(folder.into())).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn_on(append_on_and_on(spool.clone(), sender), runtime.handle());
    }
    runtime.block_on(senders.join_all());
}

async fn append_on_and_on(spool: Spool, sender: u64) {
    let begin = spool
        .position(&format!("file:1:{sender}"))
        .map_or(0, |n| n.parse::<u64>().unwrap() + 1);
    for n in begin.. {
        let appended = spool.append(records(sender, n), Time(1)).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "acked {} {sender} {n} .", appended.first).unwrap();
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_appends_and_tells_what_is_acknowledged", "--nocapture"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Offset, sender and number of an acknowledged record, if the line was told to its end.
fn parse(line: &str) -> Option<(i64, u64, u64)> {
    let mut words = line.split_once("acked ")?.1.split(' ');
    let told = (
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    );
    (words.next() == Some(".")).then_some(told)
}

/// Runs the child until it told `acks` times, kills it, and returns all it told.
fn run_and_kill(folder: &Path, acks: usize) -> Vec<(i64, u64, u64)> {
    let mut child = start(folder);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acked = Vec::new();
    for told in lines.map_while(Result::ok).filter_map(|line| parse(&line)) {
        acked.push(told);
        if acked.len() == acks {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    acked
}

#[tokio::test]
async fn whatever_was_acknowledged_before_a_kill_is_there_once_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut acked = Vec::new();
    for run in 0..RUNS {
        acked.extend(run_and_kill(folder.path(), 40 + run * 37));
    }

    let spool = Spool::open(settings(folder.path().to_owned())).unwrap();

    assert!(RUNS * 40 <= acked.len());
    assert_eq!(spool.status().damaged, 0);
    let found = read_all(&spool).await;
    for (offset, sender, n) in &acked {
        let text = format!("{sender} {n} ");
        assert!(
            found[offset].starts_with(text.as_bytes()),
            "record {n} of {sender} was acknowledged, but is lost"
        );
    }
    for sender in 0..SENDERS {
        let (_, _, last) = acked.iter().rfind(|(_, acked, _)| *acked == sender).unwrap();
        let position: u64 = spool.position(&format!("file:1:{sender}")).unwrap().parse().unwrap();
        assert!(*last <= position);
        // Each run went on where the one before it was, so every number is there once.
        let text = format!("{sender} ");
        let count = found
            .values()
            .filter(|record| record.starts_with(text.as_bytes()))
            .count();
        assert_eq!(u64::try_from(count).unwrap(), position + 1);
    }
}

/// Every record by its offset; the offsets have no gap.
async fn read_all(spool: &Spool) -> BTreeMap<i64, Vec<u8>> {
    let mut reader = spool.reader();
    let mut found = BTreeMap::new();
    let mut from = 0;
    while from < spool.status().end {
        let frames = reader.read(from, 1_000).await.unwrap();
        assert_eq!(frames[0].first, from);
        from = frames.last().map_or(from, Frame::end);
        found.extend(frames.into_iter().map(record));
    }
    assert!(found.keys().copied().eq(0..spool.status().end));
    found
}

fn record(frame: Frame) -> (i64, Vec<u8>) {
    match frame.body {
        FrameBody::Records(mut records) => (frame.first, records.records.remove(0)),
        FrameBody::Tick | FrameBody::Context(_) => (frame.first, Vec::new()),
    }
}
