//! Laws that hold for any bytes. Each takes bytes from outside and panics if a law is broken.
//!
//! The tests of this crate run them on made-up bytes, and `targets/` gives them to a fuzzer:
//! `cargo fuzz run --fuzz-dir tests/fuzz/targets decode`.

use sekisho_formats::{Decoder, FORMATS, Settings, YearPolicy};
use sekisho_model::schema::COLUMNS;
use sekisho_model::{EventBatch, Origin, Projection, Raw, Time};
use sekisho_sources::lines::lines;
use sekisho_sources::unwrap::records;

/// Paths that some rule asks for.
const PATHS: [&str; 4] = ["properties.status.errorCode", "parameters.name", "method", "a.b"];

/// A body read as any source, its first byte says which: each record becomes a row or a reject, or part of
/// a row, and the rows do not depend on how the body is cut.
///
/// # Panics
/// If that does not hold.
pub fn decode(bytes: &[u8]) {
    let Some((first, body)) = bytes.split_first() else {
        return;
    };
    let place = usize::from(*first);
    let source = FORMATS.get(place).map_or("auto", |spec| spec.id);
    let found: Vec<&[u8]> = lines(body).collect();
    let whole = rows(source, &found, usize::MAX);
    let single = rows(source, &found, 1);
    assert_eq!(whole, single, "{source}: the rows depend on how the body is cut");
    // Lines of a mail are joined, and the head of a table is none of its rows.
    let joins = ["auto", "mail.postfix", "csv.map"].contains(&source);
    assert!(
        joins || found.len() <= whole.len(),
        "{source}: {} records became {} rows and rejects",
        found.len(),
        whole.len(),
    );
}

/// Everything that came of the records, read so many at a time.
fn rows(source: &str, records: &[&[u8]], at_once: usize) -> Vec<String> {
    let settings = Settings {
        zone: jiff::tz::TimeZone::UTC,
        year: YearPolicy::Nearest,
        ..Settings::default()
    };
    let mut decoder = Decoder::new(settings, Projection::new(PATHS));
    let origin = Origin {
        tenant: "default".into(),
        source: source.into(),
        label: "fuzz".into(),
        log: "fuzz".into(),
        backfill: false,
    };
    let mut out = decoder.output();
    let mut texts = Vec::new();
    for (bytes, offset) in records.iter().zip(0..) {
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_secs(1_780_000_000),
            bytes,
        };
        decoder.decode(&raw, &mut out);
        if out.rows.len() >= at_once {
            texts.extend(texts_of(&out.rows.finish()));
        }
    }
    decoder.flush(&mut out);
    texts.extend(texts_of(&out.rows.finish()));
    texts.extend(out.rejects.iter().map(|reject| format!("{reject:?}")));
    texts
}

fn texts_of(batch: &EventBatch) -> Vec<String> {
    let cell = |row| move |column| batch.display(column, row);
    let row = |row| {
        COLUMNS
            .iter()
            .map(|spec| spec.column)
            .map(cell(row))
            .collect::<Vec<_>>()
    };
    (0..batch.len()).map(|number| format!("{:?}", row(number))).collect()
}

/// A body taken apart: its records are parts of it, in order, and hold all that is no wrapping.
///
/// # Panics
/// If that does not hold.
pub fn unwrap(bytes: &[u8]) {
    let mut end = bytes.as_ptr();
    for record in records(bytes) {
        let range = record.as_ptr_range();
        assert!(
            bytes.as_ptr_range().start <= range.start && range.end <= bytes.as_ptr_range().end,
            "not a part of it"
        );
        assert!(end <= range.start, "records overlap or change places");
        assert!(!record.trim_ascii().is_empty(), "a record without text");
        end = range.end;
    }
}
