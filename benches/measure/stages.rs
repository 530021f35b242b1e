//! What happens to a record in memory, on one processor: stage by stage, and together.

use std::hint::black_box;
use std::time::Duration;

use sekisho_formats::Dedupe;
use sekisho_model::{EventBatch, Findings, Snapshot};

use crate::clock::timed;
use crate::setup::{Context, Input, batches, count_only, work_of};
use crate::table::{RUNS, compare, head, median};
use crate::{Failure, say};

/// Records of one source in a run: eight batches.
const RECORDS: usize = 65_536;
/// Records of all sources in a run: some 16 hours of the firm, so that the state that is
/// kept between batches is as large as it is in the evening.
const MIX_RECORDS: usize = 262_144;

/// From the bytes of records to batches.
pub(crate) fn decode(context: &Context) -> Result<(), Failure> {
    say(&format!("\n### decode\n\n{}", head("records", "reading only")))?;
    for input in Input::all(RECORDS) {
        let ours = || {
            let mut decoder = context.decoder();
            Ok(timed(|| input.decode(&mut decoder, |batch| drop(black_box(batch))))?.0)
        };
        say(&compare(input.name, input.work(), ours, || input.read_only())?)?;
    }
    Ok(())
}

/// Dropping repetitions, and adding what follows from other columns.
pub(crate) fn enrich(context: &Context) -> Result<(), Failure> {
    say(&format!("\n### enrich\n\n{}", head("rows", "counting only")))?;
    let plain = batches(context, &Input::mix(MIX_RECORDS), false);
    let work = work_of(&plain);
    let each = |work: &mut dyn FnMut(EventBatch) -> EventBatch| {
        let rows = plain.clone();
        let all = || {
            for batch in rows {
                black_box(work(batch));
            }
        };
        Ok(timed(all)?.0)
    };
    let enrich = || each(&mut |batch| context.enricher.enrich(batch));
    say(&compare("place, network, person, calendar", work, enrich, || {
        count_only(&plain)
    })?)?;
    let dedupe = || {
        let mut dedupe = Dedupe::new();
        each(&mut |batch| dedupe.retain(batch).0)
    };
    say(&compare("repetitions", work, dedupe, || count_only(&plain))?)
}

/// Judging by the shipped rules, batch by batch.
pub(crate) fn detect(context: &Context) -> Result<(), Failure> {
    say(&format!("\n### detect\n\n{}", head("rows", "counting only")))?;
    let rows = batches(context, &Input::mix(MIX_RECORDS), true);
    let (mut found, mut slowest) = (Findings::default(), Vec::new());
    let judge = || {
        let (mut engine, mut whole, mut longest) = (context.engine(), Duration::ZERO, Duration::ZERO);
        found = Findings::default();
        for batch in &rows {
            let (time, findings) = timed(|| {
                let findings = engine.judge(batch);
                black_box(engine.forget());
                findings
            })?;
            (whole, longest) = (whole + time, longest.max(time));
            found.alerts.extend(findings.alerts);
            found.incidents.extend(findings.incidents);
        }
        slowest.push(longest.as_secs_f64());
        Ok(whole)
    };
    say(&compare("shipped rules", work_of(&rows), judge, || count_only(&rows))?)?;
    say(&format!(
        "\n{} batches of 8,192 rows, the slowest {:.1} ms; {} updates of alerts and {} of incidents.",
        rows.len(),
        1e3 * median(&mut slowest),
        found.alerts.len(),
        found.incidents.len(),
    ))?;

    let mut engine = context.engine();
    for batch in &rows {
        black_box((engine.judge(batch), engine.forget()));
    }
    let mut times = Vec::new();
    let mut bytes = 0.0;
    for _ in 0..RUNS {
        let (time, snapshot) = timed(|| engine.snapshot())?;
        times.push(time.as_secs_f64());
        bytes = size(&snapshot?);
    }
    say(&format!(
        "Saving the state at the end: {:.1} MB in {:.0} ms.",
        bytes / 1e6,
        1e3 * median(&mut times)
    ))
}

/// Bytes of a snapshot.
fn size(snapshot: &Snapshot) -> f64 {
    crate::table::number(
        snapshot
            .entries()
            .map(|(part, key, state)| part.len() + key.len() + state.len())
            .sum(),
    )
}

/// All of it: from the bytes of records to findings.
pub(crate) fn judge(context: &Context) -> Result<(), Failure> {
    say(&format!("\n### judge\n\n{}", head("records", "reading only")))?;
    let one = Input::all(RECORDS).filter(|input| !input.name.contains("mixed"));
    for input in one.chain(std::iter::once_with(|| Input::mix(MIX_RECORDS))) {
        let ours = || {
            let (mut decoder, mut dedupe, mut engine) = (context.decoder(), Dedupe::new(), context.engine());
            let judge = |batch| {
                black_box(engine.judge(&context.enricher.enrich(dedupe.retain(batch).0)));
                black_box(engine.forget());
            };
            Ok(timed(|| input.decode(&mut decoder, judge))?.0)
        };
        say(&compare(input.name, input.work(), ours, || input.read_only())?)?;
    }
    Ok(())
}
