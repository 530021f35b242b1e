//! Rows of an export in CSV, as the audit search of Purview and `Search-UnifiedAuditLog` with `Export-Csv` give them:
//! all that is to be known stands in the cell of `AuditData`, so a row needs no header to be read.

use memchr::memmem;
use sekisho_model::{Column, Raw};

use super::{ID, record};
use crate::Output;
use crate::json::Json;
use crate::mapped::cells;

/// What Excel puts between cells, by its language.
const DELIMITERS: [char; 3] = [',', ';', '\t'];
/// What a record has, as it stands in a cell, where quotes are written twice.
const WORDS: [&[u8]; 2] = [br#"""CreationTime"""#, br#"""RecordType"""#];
const NAME: &str = "AuditData";
/// Of the line of headers, beside that name.
const HEADERS: [&str; 2] = ["CreationDate", "Operation"];
/// What Windows' own PowerShell writes before the headers.
const TYPE: &str = "#TYPE ";

/// A line of such an export.
pub(super) enum Row {
    /// The record.
    Record(String),
    /// The line tells of the rows to come, and is none.
    Header,
}

/// Whether it is a row, or the line of headers.
pub(super) fn sniff(record: &[u8]) -> bool {
    let is_json = matches!(record.trim_ascii_start().first(), Some(b'{' | b'['));
    let has_words = WORDS.iter().all(|word| memmem::find(record, word).is_some());
    !is_json && (has_words || std::str::from_utf8(record).is_ok_and(is_header))
}

fn is_header(line: &str) -> bool {
    line.len() < 1024 && line.contains(NAME) && HEADERS.iter().all(|name| line.contains(name))
}

impl Row {
    /// `None` if the line is of no export.
    pub(super) fn of(line: &str) -> Option<Self> {
        if line.trim_start().starts_with(['{', '[']) {
            return None;
        }
        if line.starts_with(TYPE) || is_header(line) {
            return Some(Self::Header);
        }
        let is_record = |cell: &String| cell.starts_with('{') && cell.contains("\"CreationTime\"");
        let found = DELIMITERS.iter().find_map(|delimiter| {
            let mut cells = cells(line, *delimiter).into_iter();
            cells.find(is_record)
        });
        found.map(Self::Record)
    }

    /// Writes its row.
    pub(super) fn decode(&self, raw: &Raw<'_>, out: &mut Output) {
        let Self::Record(text) = self else { return };
        let read = Json::parse(text).map_err(|error| format!("`AuditData` is not JSON: {error}"));
        match read.and_then(|json| record::begin(raw, &json, &json, 0, &mut out.rows)) {
            Ok(()) => {
                out.rows.verbatim(Column::Native, text);
                out.rows.end();
            }
            Err(reason) => out.reject(raw, ID, reason),
        }
    }
}
