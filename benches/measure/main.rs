//! Measures the speed of Sekisho: `cargo bench -p sekisho-benches [-- formats|decode|enrich|detect|judge|append …]`.
//!
//! Everything is told as a speed and as a share of a limit: the least that anybody would have to do
//! with the same bytes, measured in turns in the same run. The first depends on the machine, the
//! second hardly.

mod append;
mod clock;
mod formats;
mod setup;
mod stages;
mod table;

use std::error::Error;
use std::io::Write;

use setup::Context;

/// Whatever may go wrong; it ends the measurement.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A part of the measurements.
type Stage = fn(&Context) -> Result<(), Failure>;

fn main() -> Result<(), Failure> {
    // `cargo bench` adds options of its own, which begin with dashes.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let context = Context::load()?;
    let stages: [(&str, Stage); 5] = [
        ("formats", formats::formats),
        ("decode", stages::decode),
        ("enrich", stages::enrich),
        ("detect", stages::detect),
        ("judge", stages::judge),
    ];
    for (name, stage) in stages {
        if is_wanted(name) {
            stage(&context)?;
        }
    }
    if is_wanted("append") {
        append::append()?;
    }
    Ok(())
}

/// Prints a line of the report.
pub(crate) fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
