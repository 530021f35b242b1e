//! Regular expressions that are part of the program.

use regex::{Captures, Regex};

/// How many bytes of a message are matched: whole messages have at most 8 KiB, and a pattern costs up to
/// half a microsecond a byte. The row keeps all of them.
const MATCHED_BYTES_MAX: usize = 16 * 1024;

/// The beginning of a message, as much as patterns may be matched with.
pub(crate) fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MATCHED_BYTES_MAX))
        .unwrap_or_default()
}

/// Compiles a pattern that is a constant of the program.
///
/// # Panics
/// If it is not a regular expression: a mistake in the program, found by the first test that reads a
/// line.
#[expect(
    clippy::expect_used,
    reason = "the text is a constant, so the first test finds a mistake"
)]
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// The text of a named group, if it took part in the match.
pub(crate) fn group<'a>(captures: &Captures<'a>, name: &str) -> Option<&'a str> {
    captures.name(name).map(|found| found.as_str())
}
