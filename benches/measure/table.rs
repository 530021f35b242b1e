//! Running something and its limit in turns, and telling the medians.

use std::time::Duration;

use crate::Failure;

/// How often each is run, after once to warm up; odd, so that there is a middle.
pub(crate) const RUNS: usize = 9;

/// How much is worked through in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Records or rows.
    pub(crate) records: usize,
    /// Bytes of their text.
    pub(crate) bytes: usize,
}

/// Runs `ours` and `limit` in turns, each saying how long it took, and gives a row of a table: how
/// fast ours is, how far the runs lie apart, and its speed as a share of the limit's.
pub(crate) fn compare(
    name: &str,
    work: Work,
    mut ours: impl FnMut() -> Result<Duration, Failure>,
    mut limit: impl FnMut() -> Result<Duration, Failure>,
) -> Result<String, Failure> {
    ours()?;
    limit()?;
    let (mut times, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (own, least) = (ours()?.as_secs_f64(), limit()?.as_secs_f64());
        times.push(own);
        shares.push(100.0 * least / own);
    }
    let seconds = median(&mut times);
    let apart = times
        .last()
        .zip(times.first())
        .map_or(0.0, |(last, first)| 100.0 * (last - first) / seconds);
    Ok(format!(
        "| {name} | {} | {:.1} | {:.2} | {apart:.0} % | {:.1} % |",
        thousands(number(work.records) / seconds),
        number(work.bytes) / 1e6 / seconds,
        seconds / number(work.records) * 1e6,
        median(&mut shares),
    ))
}

/// The head of a table of such rows.
pub(crate) fn head(records: &str, limit: &str) -> String {
    format!("| what | {records}/s | MB/s | µs each | apart | of {limit} |\n|---|--:|--:|--:|--:|--:|")
}

/// The one in the middle; the values are sorted afterwards.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    share(values, 50)
}

/// The value that so many of a hundred do not exceed; the values are sorted afterwards.
pub(crate) fn share(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = values.len().saturating_sub(1) * percent / 100;
    values.get(place).copied().unwrap_or_default()
}

/// A count as a number to divide by.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

/// A number in thousands, as people read it.
pub(crate) fn thousands(value: f64) -> String {
    format!("{:.0} k", value / 1e3)
}
