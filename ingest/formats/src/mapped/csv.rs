//! Tables that begin with a line of headers: whose they are, and their rows.

use std::borrow::Cow;

use sekisho_model::{Column, Raw};
use serde::{Deserialize, Serialize};

use super::Map;
use super::file::ShapeFile;
use super::format::write_row;
use super::shape::cells;
use crate::json::Json;
use crate::names;
use crate::{Output, Settings};

/// What stands between the columns of tables, the most usual first.
const DELIMITERS: [char; 3] = [',', '\t', ';'];
/// The most columns of a header. The widest export known has some forty.
const COLUMNS_MAX: usize = 256;
/// The longest line of headers, in bytes: it is remembered for every log.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// The line of headers of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The map that reads the rows.
    pub(crate) map: String,
    pub(crate) delimiter: char,
    /// The names of the columns, as the map calls them.
    names: Vec<String>,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableRow<'r> {
    /// Its bytes are UTF-8.
    pub(crate) raw: Raw<'r>,
    /// The parser id.
    pub(crate) source: &'r str,
    /// Tells apart the rows that one record completes.
    pub(crate) index: u32,
}

impl Header {
    /// The header that a line is, of the first map whose it is.
    pub(crate) fn of(line: &str, maps: &[&Map]) -> Option<Self> {
        DELIMITERS
            .iter()
            .filter(|delimiter| line.len() <= HEADER_BYTES_MAX && line.contains(**delimiter))
            .find_map(|delimiter| {
                let written: Vec<String> = cells(line, *delimiter)
                    .iter()
                    .take(COLUMNS_MAX)
                    .map(|cell| names::normalise(cell).into_owned())
                    .collect();
                maps.iter()
                    .filter(|map| map.is_csv() && map.record.delimiter.is_none_or(|wanted| wanted == *delimiter))
                    .find_map(|map| {
                        let names = map.names(&written);
                        let fits = map
                            .record
                            .keys
                            .iter()
                            .any(|group| group.iter().all(|key| names.contains(key)));
                        fits.then(|| Self {
                            map: map.id.clone(),
                            delimiter: *delimiter,
                            names,
                        })
                    })
            })
    }
}

impl Map {
    /// Whether it is of tables that begin with their headers.
    pub(crate) fn is_csv(&self) -> bool {
        self.record.shape == ShapeFile::Csv
    }

    /// Whether a line says that what was sent is not whole.
    pub(crate) fn is_cut(&self, line: &str) -> bool {
        self.cut.iter().any(|glob| glob.matches(line))
    }

    /// The names of columns as the map calls them; of two that mean the same, the second keeps its own.
    fn names(&self, written: &[String]) -> Vec<String> {
        let ours = |name: &String| self.aliases.name(name).into_owned();
        let mut names: Vec<String> = Vec::with_capacity(written.len());
        for name in written {
            let ours = ours(name);
            names.push(if names.contains(&ours) { name.clone() } else { ours });
        }
        names
    }

    /// Writes the row of a line of a table.
    pub(crate) fn write_csv(&self, header: &Header, row: &TableRow<'_>, settings: &Settings, out: &mut Output) {
        let TableRow { raw, source, index } = *row;
        let line = std::str::from_utf8(raw.bytes).unwrap_or_default();
        let cells = cells(line, header.delimiter);
        if cells.len() == 1 && header.names.len() > 1 {
            let expected = header.names.len();
            return out.reject(&raw, source, format!("one cell, expected {expected} as the header has"));
        }
        let pairs = header
            .names
            .iter()
            .zip(&cells)
            .filter(|(_, cell)| !cell.trim().is_empty());
        let members: Vec<(Cow<'_, str>, Json<'_>)> = pairs
            .map(|(name, cell)| (Cow::Borrowed(name.as_str()), Json::Text(Cow::Borrowed(cell.trim()))))
            .collect();
        let json = Json::Object(members);
        out.rows.begin(&raw, source, index);
        write_row(self, &mut out.rows, settings, &[&json], None);
        out.rows.verbatim(Column::Native, &json.to_string());
        out.rows.end();
    }
}
