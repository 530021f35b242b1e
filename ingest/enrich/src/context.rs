//! Lists that people keep in a spreadsheet: CSV with a header.
//!
//! Spreadsheets write byte order marks, carriage returns, other orders of columns and, in Japan,
//! `Shift_JIS`; all of that is read. What cannot be read is told with its line and field.

use std::borrow::Cow;
use std::fmt;

use csv::{Position, ReaderBuilder, StringRecord, Trim};

/// How many problems of one file are kept; a file of another kind would have one on each line.
const PROBLEMS_MAX: usize = 100;

/// A list that cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// The header lacks a column.
    #[error("{file}: the header is `{found}`, expected the columns `{expected}`")]
    Header {
        /// The file.
        file: String,
        /// The header as it stands there.
        found: String,
        /// The columns that are needed.
        expected: String,
    },
    /// The file is text in no known encoding.
    #[error("{file} is neither UTF-8 nor Shift_JIS, expected CSV saved as UTF-8")]
    Encoding {
        /// The file.
        file: String,
    },
}

/// Something in a list that was left out; the rest of the list is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextProblem {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
    /// The field, or empty if it is the line as a whole.
    pub field: &'static str,
    /// What was found, what was expected, and what was done.
    pub problem: String,
}

impl fmt::Display for ContextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, ", field {}", self.field)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    kept: Vec<ContextProblem>,
    more: u64,
}

impl Problems {
    pub(crate) fn add(&mut self, line: u64, field: &'static str, problem: impl Into<String>) {
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(ContextProblem {
                file: self.file.clone(),
                line,
                field,
                problem: problem.into(),
            });
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<ContextProblem> {
        if let (Some(last), 1..) = (self.kept.last_mut(), self.more) {
            last.problem = format!("{} (and {} more problems in this file)", last.problem, self.more);
        }
        self.kept
    }
}

/// The rows of a list.
#[derive(Debug)]
pub(crate) struct Table {
    places: Vec<Option<usize>>,
    /// Each with its line.
    rows: Vec<(u64, StringRecord)>,
}

/// One row of a list, with its fields in the order that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a, const N: usize> {
    pub(crate) line: u64,
    pub(crate) fields: [&'a str; N],
}

impl Table {
    /// Reads `text`, the content of `file`. The header must have the first `needed` of `columns`, in
    /// any order and case.
    pub(crate) fn read<const N: usize>(
        file: &str,
        text: &str,
        columns: [&str; N],
        needed: usize,
    ) -> Result<(Self, Problems), ContextError> {
        let text = one_line_end(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .comment(Some(b'#'))
            .trim(Trim::All)
            .from_reader(text.as_bytes());
        let header = reader.headers().cloned().unwrap_or_default();
        let places: Vec<Option<usize>> = columns
            .iter()
            .map(|column| header.iter().position(|name| name.eq_ignore_ascii_case(column)))
            .collect();
        if places.iter().take(needed).any(Option::is_none) {
            return Err(ContextError::Header {
                file: file.to_owned(),
                found: header.iter().collect::<Vec<_>>().join(",").chars().take(200).collect(),
                expected: columns.join(","),
            });
        }
        let mut problems = Problems {
            file: file.to_owned(),
            kept: Vec::new(),
            more: 0,
        };
        let mut rows = Vec::new();
        let mut lines = Lines {
            text: text.as_bytes(),
            byte: 0,
            line: 1,
        };
        for row in reader.records() {
            let line = match &row {
                Ok(row) => lines.of(row.position()),
                Err(error) => lines.of(error.position()),
            };
            match row {
                Ok(row) if row.iter().all(str::is_empty) => {}
                Ok(row) if row.len() > header.len() => problems.add(
                    line,
                    "",
                    format!(
                        "{} fields, expected {}; put a value that holds a comma in double quotes; the line is left out",
                        row.len(),
                        header.len()
                    ),
                ),
                Ok(row) => rows.push((line, row)),
                Err(error) => problems.add(line, "", format!("{error}, expected CSV; the line is left out")),
            }
        }
        Ok((Self { places, rows }, problems))
    }

    /// Its rows. A field that the header or the row lacks is empty.
    pub(crate) fn rows<const N: usize>(&self) -> impl Iterator<Item = Row<'_, N>> {
        self.rows.iter().map(|(line, row)| Row {
            line: *line,
            fields: std::array::from_fn(|field| {
                let place = self.places.get(field).copied().flatten();
                place.and_then(|place| row.get(place)).unwrap_or_default()
            }),
        })
    }
}

fn one_line_end(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Counts lines up to a row; the reader gives the position before the blank lines and comments that
/// it skipped on the way to it.
struct Lines<'a> {
    text: &'a [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&Position>) -> u64 {
        let begin = position
            .and_then(|position| usize::try_from(position.byte()).ok())
            .unwrap_or_default();
        while self.byte < begin {
            self.step();
        }
        while matches!(self.text.get(self.byte), Some(b'\n')) {
            self.step();
        }
        while matches!(self.text.get(self.byte), Some(b'#')) {
            while self.byte < self.text.len() && self.step() != Some(b'\n') {}
            while matches!(self.text.get(self.byte), Some(b'\n')) {
                self.step();
            }
        }
        self.line
    }

    fn step(&mut self) -> Option<u8> {
        let byte = self.text.get(self.byte).copied();
        self.line += u64::from(byte == Some(b'\n'));
        self.byte += 1;
        byte
    }
}

/// The text of a CSV file: UTF-8, or `Shift_JIS` as spreadsheets in Japan save it.
pub fn decode_csv<'a>(file: &str, bytes: &'a [u8]) -> Result<Cow<'a, str>, ContextError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(Cow::Borrowed(text));
    }
    encoding_rs::SHIFT_JIS
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| ContextError::Encoding { file: file.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(u64, String)> {
        let (table, problems) = Table::read("list.csv", text, ["name", "note"], 1).unwrap();
        assert!(problems.kept.is_empty(), "{problems:?}");
        table
            .rows()
            .map(
                |Row {
                     line,
                     fields: [name, note],
                 }| (line, format!("{name}/{note}")),
            )
            .collect()
    }

    #[test]
    fn a_spreadsheet_may_write_it_in_many_ways() {
        let expected = vec![(2, "hana/a".to_owned()), (3, "ken/".to_owned())];
        assert_eq!(names("name,note\nhana,a\nken,\n"), expected);
        assert_eq!(names("\u{feff}name,note\r\nhana,a\r\nken\r\n"), expected);
        assert_eq!(names("Note, NAME \na, hana\n,ken"), expected);
        let with_blanks = vec![(4, "hana/a".to_owned()), (7, "ken/".to_owned())];
        assert_eq!(
            names("# a list\n\nname,note\nhana,a\n\n# gone: tom\nken\n"),
            with_blanks
        );
        assert_eq!(names("name,note\r\r\rhana,a\r\r\rken"), with_blanks);
        assert_eq!(names("other,name,note\nx,\"hana\",a\n,ken,\n,,\n"), expected);
    }

    #[test]
    fn a_header_without_the_needed_column_is_refused() {
        let error = Table::read("list.csv", "user;note\nhana;a", ["name", "note"], 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "list.csv: the header is `user;note`, expected the columns `name,note`"
        );
        assert!(Table::read("list.csv", "", ["name", "note"], 1).is_err());
    }

    #[test]
    fn a_row_with_a_stray_comma_is_told_and_costs_no_other() {
        let (table, problems) = Table::read("list.csv", "name,note\nhana,a,b\nken,c", ["name", "note"], 1).unwrap();
        let problems = problems.into_vec();
        assert_eq!(table.rows::<2>().count(), 1);
        assert_eq!(
            problems.first().unwrap().to_string(),
            "list.csv line 2: 3 fields, expected 2; put a value that holds a comma in double quotes; the line is left out"
        );
    }

    #[test]
    fn of_very_many_problems_the_first_are_told() {
        let text = format!("name\n{}", "a,b\n".repeat(PROBLEMS_MAX + 7));
        let (_, problems) = Table::read("list.csv", &text, ["name"], 1).unwrap();
        let problems = problems.into_vec();
        assert_eq!(problems.len(), PROBLEMS_MAX);
        assert!(
            problems
                .last()
                .unwrap()
                .problem
                .ends_with("(and 7 more problems in this file)")
        );
    }

    #[test]
    fn shift_jis_is_read_and_other_bytes_are_refused() {
        assert_eq!(decode_csv("list.csv", "氏名".as_bytes()).unwrap(), "氏名");
        assert_eq!(decode_csv("list.csv", b"\x8e\x81\x96\xbc").unwrap(), "氏名");
        assert!(decode_csv("list.csv", b"\xff\xfe\x00\x80").is_err());
    }
}
