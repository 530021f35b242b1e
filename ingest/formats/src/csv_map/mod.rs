//! Tables with a line of headers (CSV, TSV), such as services let administrators download them.
//!
//! The header tells whose table it is; maps (`*.toml` beside this file, and the user's own) tell what its
//! columns mean. Header and charset are learnt anew wherever a line of headers comes, since one sender
//! sends many files.
//!
//! # Invariants
//! * A line becomes a row, part of one, or a reject. Lines of headers alone become nothing: they are no
//!   records.
//! * What one log taught is not used for another: logs are told apart by tenant, log and sender or file.

mod charset;
mod log;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sekisho_model::{Origin, Raw, Snapshot, Time};

use crate::{Format, Map, Output, Settings};
use log::Log;

pub(crate) const ID: &str = "csv.map";
/// The part of a snapshot that holds what is known of the logs.
const LOGS: &str = "csv.map.logs";
/// How many logs are remembered: files and senders of tables are few, and each may keep a header and a row of
/// some KiB. One more costs the first by name its place, and its rows become rejects
/// until their header comes again.
const LOGS_MAX: usize = 256;
/// How long a row waits for the rest of it. A file is read on at once, a sender may be slow.
const WAIT_MAX: Duration = Duration::from_mins(10);

/// The maps that are shipped, in the order in which a header is shown to them: the general one last.
#[expect(
    clippy::expect_used,
    reason = "the texts are constants, so the first test finds a mistake"
)]
static SHIPPED: LazyLock<Vec<Arc<Map>>> = LazyLock::new(|| {
    let texts = [
        include_str!("cybozu.toml"),
        include_str!("hennge.toml"),
        include_str!("hennge_archive.toml"),
        include_str!("line_works.toml"),
        include_str!("general.toml"),
    ];
    texts
        .iter()
        .map(|text| Arc::new(Map::read(text).expect("a map")))
        .collect()
});

/// The maps of tables, the user's own first.
fn maps(settings: &Settings) -> impl Iterator<Item = &Map> {
    settings
        .maps
        .iter()
        .chain(SHIPPED.iter())
        .map(|map| &**map)
        .filter(|map| map.is_csv())
}

/// Reads tables.
#[derive(Debug, Default)]
pub(crate) struct CsvMap {
    logs: BTreeMap<String, Log>,
}

impl Format for CsvMap {
    fn decode(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        let key = key(raw.origin);
        if !self.logs.contains_key(&key)
            && LOGS_MAX <= self.logs.len()
            && let Some((_, mut log)) = self.logs.pop_first()
        {
            log.give_up(Some(raw.offset), out);
        }
        self.logs.entry(key).or_default().take(raw, settings, out);
    }

    fn tick(&mut self, now: Time, offset: i64, out: &mut Output) {
        for log in self.logs.values_mut() {
            if log.waits_since().is_some_and(|since| since.plus(WAIT_MAX) <= now) {
                log.give_up(Some(offset), out);
            }
        }
    }

    fn flush(&mut self, out: &mut Output) {
        for log in self.logs.values_mut() {
            log.give_up(None, out);
        }
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.logs.iter().try_for_each(|(key, log)| into.put(LOGS, key, log))
    }

    fn restore(&mut self, from: &Snapshot) {
        let logs = from.part(LOGS).iter();
        self.logs = logs
            .filter_map(|(key, log)| Some((key.clone(), serde_json::from_str(log).ok()?)))
            .collect();
    }
}

/// What tells logs apart. The place in a file is no part of it.
fn key(origin: &Origin) -> String {
    let label = origin.label.rsplit_once('#').map_or(&*origin.label, |(label, _)| label);
    format!("{}\n{}\n{label}", origin.tenant, origin.log)
}
