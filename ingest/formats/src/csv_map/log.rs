//! What is remembered of one log: its charset, its header, and a row that is not whole yet.

use std::collections::VecDeque;
use std::sync::Arc;

use sekisho_model::{Origin, Raw, Time};
use serde::{Deserialize, Serialize};

use super::charset::{self, Charset};
use super::{ID, maps};
use crate::mapped::{Header, TableRow, is_open};
use crate::{Map, Output, Settings};

/// The most lines of one row. Notes in a cell have a handful; a quote that is not closed must not swallow
/// more than this.
const LINES_MAX: usize = 32;
/// The most bytes of one row. The longest known have some KiB.
const ROW_BYTES_MAX: usize = 64 * 1024;

/// How a log has come so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Log {
    charset: Option<Charset>,
    header: Option<Header>,
    /// The lines of a row that ends within quotes, in order.
    open: Vec<Line>,
    /// Where they came from: tenant, label and log.
    from: Option<(Arc<str>, Arc<str>, Arc<str>)>,
}

/// A line that waits for the rest of its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    text: String,
    offset: i64,
    observed: Time,
}

impl Log {
    /// Takes the next line.
    pub(super) fn take(&mut self, raw: &Raw<'_>, settings: &Settings, out: &mut Output) {
        if let Some(reason) = no_text(raw.bytes) {
            return out.reject(raw, ID, reason);
        }
        let text = charset::text(&mut self.charset, crate::syslog::without_end(raw.bytes)).into_owned();
        let mut lines = VecDeque::from([Line {
            text,
            offset: raw.offset,
            observed: raw.observed,
        }]);
        let mut rows = Rows {
            raw,
            index: 0,
            settings,
            maps: maps(settings).collect(),
            out,
        };
        while let Some(line) = lines.pop_front() {
            self.open.push(line);
            let text = join(&self.open);
            let delimiter = self.header.as_ref().map_or(',', |header| header.delimiter);
            if !is_open(&text, delimiter) {
                self.open.clear();
                self.row(&text, &mut rows);
            } else if self.open.len() >= LINES_MAX || text.len() >= ROW_BYTES_MAX {
                // The quote was none: its line alone is unreadable, the others may be rows.
                let mut rest = VecDeque::from(std::mem::take(&mut self.open));
                rest.pop_front()
                    .iter()
                    .for_each(|first| rows.reject(&first.text, UNCLOSED));
                rest.append(&mut lines);
                lines = rest;
            }
        }
        let origin = raw.origin;
        self.from = (!self.open.is_empty()).then(|| {
            (
                Arc::clone(&origin.tenant),
                Arc::clone(&origin.label),
                Arc::clone(&origin.log),
            )
        });
    }

    fn row(&mut self, text: &str, rows: &mut Rows<'_, '_>) {
        if text.trim().is_empty() {
            return rows.reject(text, "a blank line");
        }
        if let Some(header) = Header::of(text, &rows.maps) {
            self.header = Some(header);
            return;
        }
        if rows.maps.iter().any(|map| map.is_cut(text)) {
            return rows.reject(text, "the sender says that the download was cut: fetch it again");
        }
        let map = self
            .header
            .as_ref()
            .and_then(|header| Some((header, *rows.maps.iter().find(|map| map.id == header.map)?)));
        let Some((header, map)) = map else {
            return rows.reject(text, "no line of headers that a map knows came before this row");
        };
        let row = TableRow {
            raw: Raw {
                bytes: text.as_bytes(),
                ..*rows.raw
            },
            source: ID,
            index: rows.index,
        };
        map.write_csv(header, &row, rows.settings, rows.out);
        rows.index = rows.index.saturating_add(1);
    }

    /// When the last line of a row came that is not whole yet.
    pub(super) fn waits_since(&self) -> Option<Time> {
        self.open.last().map(|line| line.observed)
    }

    /// Gives up the row that is not whole: no more lines came. Its rejects stand at `offset`, or
    /// where its lines stood.
    pub(super) fn give_up(&mut self, offset: Option<i64>, out: &mut Output) {
        let (Some((tenant, label, log)), lines) = (self.from.take(), std::mem::take(&mut self.open)) else {
            return;
        };
        let origin = Origin {
            tenant,
            source: ID.into(),
            label,
            log,
            backfill: false,
        };
        for line in lines {
            let raw = Raw {
                origin: &origin,
                offset: offset.unwrap_or(line.offset),
                observed: line.observed,
                bytes: line.text.as_bytes(),
            };
            out.reject(&raw, ID, UNCLOSED);
        }
    }
}

const UNCLOSED: &str = "a quote is not closed: expected `\"` at the end of a cell";

/// Where the rows go that one record completes. All of them stand at its position.
struct Rows<'r, 'o> {
    raw: &'r Raw<'r>,
    /// Tells them apart.
    index: u32,
    settings: &'r Settings,
    maps: Vec<&'r Map>,
    out: &'o mut Output,
}

impl Rows<'_, '_> {
    fn reject(&mut self, text: &str, reason: &str) {
        let raw = Raw {
            bytes: text.as_bytes(),
            ..*self.raw
        };
        self.out.reject(&raw, ID, reason);
    }
}

fn join(lines: &[Line]) -> String {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    texts.join("\n")
}

/// What people send in place of a table in a charset that can be read line by line.
fn no_text(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"PK\x03\x04") {
        Some("a workbook or archive, expected CSV: save it as `CSV UTF-8`")
    } else if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") || memchr::memchr(0, bytes).is_some() {
        Some("UTF-16 or no text, expected CSV: save it as `CSV UTF-8`")
    } else {
        None
    }
}
