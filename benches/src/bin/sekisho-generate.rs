//! `sekisho-generate SOURCE RECORDS [SEED]`: writes a made-up log to standard output.

use std::error::Error;
use std::io::{BufWriter, Write};

use sekisho_benches::{Log, Source};

/// What is written if no seed is given, and what is measured.
const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (source, records, seed) = match arguments.as_slice() {
        [source, records] => (source, records, SEED),
        [source, records, seed] => (source, records, seed.parse()?),
        _ => return Err("usage: sekisho-generate SOURCE|people RECORDS [SEED]".into()),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    if source == "people" {
        out.write_all(sekisho_benches::generate::people_csv().as_bytes())?;
        return Ok(out.flush()?);
    }
    let source = Source::by_id(source).ok_or_else(|| {
        let known = Source::ALL.map(Source::id).join(", ");
        format!("there is no source called {source:?}, expected one of {known}, or people")
    })?;
    for record in Log::new(source, seed).take(records.parse()?) {
        writeln!(out, "{}", record.line)?;
    }
    Ok(out.flush()?)
}
