//! Decoding, format by format, of the sample logs of every source.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use sekisho_formats::FORMATS;
use sekisho_model::{Origin, Raw, Time};

use crate::clock::timed;
use crate::setup::{Context, ROOT};
use crate::table::{Work, compare, head};
use crate::{Failure, say};

/// Records in a run: a sample is repeated so often.
const RECORDS: usize = 16_384;

/// Each format with its sample log, beside a plain parse of the same bytes.
pub(crate) fn formats(context: &Context) -> Result<(), Failure> {
    say(&format!("\n### formats\n\n{}", head("records", "a plain parse")))?;
    for spec in FORMATS.iter() {
        let folder = Path::new(ROOT).join("sample-logs").join(spec.id);
        let Some(sample) = read(&folder, spec.id)? else {
            continue;
        };
        let lines: Vec<&[u8]> = sample
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .collect();
        let records: Vec<&[u8]> = lines.iter().copied().cycle().take(RECORDS).collect();
        let work = Work {
            records: records.len(),
            bytes: records.iter().map(|record| record.len()).sum(),
        };
        say(&compare(
            spec.id,
            work,
            || decode(context, spec.id, &records),
            || plain_parse(&records),
        )?)?;
    }
    Ok(())
}

/// The sample of a source, if there is one.
fn read(folder: &Path, source: &str) -> Result<Option<Vec<u8>>, Failure> {
    for extension in ["ndjson", "log", "csv"] {
        let path = folder.join(format!("{source}.{extension}"));
        if path.exists() {
            return Ok(Some(fs::read(path)?));
        }
    }
    Ok(None)
}

fn decode(context: &Context, source: &str, records: &[&[u8]]) -> Result<Duration, Failure> {
    let origin = Origin {
        tenant: "default".into(),
        source: source.into(),
        label: "http:bench".into(),
        log: "spool".into(),
        backfill: true,
    };
    let mut decoder = context.decoder();
    let mut out = decoder.output();
    let all = || {
        for (offset, bytes) in (0..).zip(records) {
            let raw = Raw {
                origin: &origin,
                offset,
                observed: Time::from_secs(1_782_000_000),
                bytes,
            };
            decoder.decode(&raw, &mut out);
        }
        decoder.flush(&mut out);
        black_box(out.rows.finish());
    };
    Ok(timed(all)?.0)
}

/// What anybody would do first: a tree of values of JSON, and of text its words.
fn plain_parse(records: &[&[u8]]) -> Result<Duration, Failure> {
    let all = || {
        for record in records {
            if record.first() == Some(&b'{') {
                drop(black_box(serde_json::from_slice::<serde_json::Value>(record)));
            } else {
                let text = String::from_utf8_lossy(record);
                drop(black_box(
                    text.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                ));
            }
        }
    };
    Ok(timed(all)?.0)
}
