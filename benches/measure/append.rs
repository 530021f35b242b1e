//! Appending to the spool on a disk: what a sender waits for.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use sekisho_benches::{Log, Source};
use sekisho_model::{Origin, Time};
use sekisho_pipeline::Records;
use sekisho_sources::{Spool, SpoolSettings};
use tokio::task::JoinSet;

use crate::clock::all_threads;
use crate::setup::SEED;
use crate::table::{RUNS, median, number, share, thousands};
use crate::{Failure, say};

/// How many senders there are at once.
const SENDERS: usize = 64;
/// How many bodies each of them sends, one after the other.
const BODIES: usize = 20;
/// How many records a body has.
const BODY_RECORDS: usize = 100;

/// What a run took.
#[derive(Default)]
struct Times {
    seconds: Vec<f64>,
    cpu: Vec<f64>,
    /// Of each append, in seconds.
    waits: Vec<f64>,
    shares: Vec<f64>,
}

/// Appends from many senders at once, and writes the same bytes without a spool.
pub(crate) fn append() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let bodies = bodies();
    let bytes: usize = bodies
        .iter()
        .flatten()
        .flat_map(|body| &body.records)
        .map(Vec::len)
        .sum();
    let mut times = Times::default();
    for run in 0..=RUNS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let least = write_only(&bodies, folder.path())?;
        let before = all_threads()?;
        let (seconds, waits) = runtime.block_on(spool(bodies.clone(), folder.path()))?;
        let cpu = all_threads()?.saturating_sub(before).as_secs_f64();
        if 0 < run {
            times.seconds.push(seconds);
            times.cpu.push(cpu);
            times.waits.extend(waits);
            times.shares.push(100.0 * least / seconds);
        }
    }
    let records = SENDERS * BODIES * BODY_RECORDS;
    let (seconds, cpu) = (median(&mut times.seconds), median(&mut times.cpu));
    say("\n### append\n")?;
    say("| what | records/s | MB/s | p50 | p99 | µs of CPU each | of writing only |\n|---|--:|--:|--:|--:|--:|--:|")?;
    say(&format!(
        "| {SENDERS} senders, {BODY_RECORDS} records a body | {} | {:.1} | {:.1} ms | {:.1} ms | {:.2} | {:.0} % |",
        thousands(number(records) / seconds),
        number(bytes) / 1e6 / seconds,
        1e3 * share(&mut times.waits, 50),
        1e3 * share(&mut times.waits, 99),
        1e6 * cpu / number(records),
        median(&mut times.shares),
    ))
}

/// The bodies of each sender.
fn bodies() -> Vec<Vec<Records>> {
    let mut lines = Log::new(Source::LinuxSshd, SEED).map(|record| record.line.into_bytes());
    let origin = Origin {
        tenant: "default".into(),
        source: Source::LinuxSshd.id().into(),
        label: "http:bench".into(),
        log: "spool".into(),
        backfill: false,
    };
    let mut body = || Records {
        origin: origin.clone(),
        cursor: None,
        records: lines.by_ref().take(BODY_RECORDS).collect(),
    };
    (0..SENDERS).map(|_| (0..BODIES).map(|_| body()).collect()).collect()
}

/// Appends everything to a new spool: seconds in all, and of each append.
async fn spool(bodies: Vec<Vec<Records>>, folder: &Path) -> Result<(f64, Vec<f64>), Failure> {
    let spool = Spool::open(SpoolSettings::new(folder.join("spool")))?;
    let mut senders = JoinSet::new();
    let begun = Instant::now();
    for bodies in bodies {
        let spool = spool.clone();
        senders.spawn(async move {
            let mut waits = Vec::with_capacity(bodies.len());
            for body in bodies {
                let sent = Instant::now();
                spool.append(body, Time::from_secs(1_790_000_000)).await?;
                waits.push(sent.elapsed().as_secs_f64());
            }
            Ok::<_, sekisho_sources::SpoolError>(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(sender) = senders.join_next().await {
        waits.extend(sender??);
    }
    Ok((begun.elapsed().as_secs_f64(), waits))
}

/// Writes the same bytes with a sync for as many bodies as there are senders: seconds.
fn write_only(bodies: &[Vec<Records>], folder: &Path) -> Result<f64, Failure> {
    let group = |place: usize| -> Vec<u8> {
        let of = bodies.iter().filter_map(|bodies| bodies.get(place));
        of.flat_map(|body| body.records.iter().flatten().copied()).collect()
    };
    let groups: Vec<Vec<u8>> = (0..BODIES).map(group).collect();
    let path = folder.join("plain");
    let mut file = File::create(&path)?;
    let begun = Instant::now();
    for group in &groups {
        file.write_all(group)?;
        file.sync_data()?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(seconds)
}
