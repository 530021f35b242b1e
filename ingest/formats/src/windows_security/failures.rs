//! What the codes of failures mean; the table is in `failures.csv`. The codes are those of
//! [MS-ERREF] 2.3 (`ntstatus`), of RFC 4120 7.5.9 (`kerberos`), and the numbers of Windows' own texts,
//! written `%%2313` (`text`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::reading::Status;

/// Whose codes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    NtStatus,
    Kerberos,
    Text,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: Status,
    /// The word of `status_reason`.
    pub(super) reason: &'static str,
}

static TABLE: LazyLock<BTreeMap<(Kind, u32), Failure>> =
    LazyLock::new(|| include_str!("failures.csv").lines().skip(1).filter_map(line).collect());

fn line(line: &'static str) -> Option<((Kind, u32), Failure)> {
    let mut cells = line.split(',');
    let kind = match cells.next()? {
        "ntstatus" => Kind::NtStatus,
        "kerberos" => Kind::Kerberos,
        "text" => Kind::Text,
        _ => return None,
    };
    let code = number(cells.next()?)?;
    let status = match cells.next()? {
        "failure" => Status::Failure,
        "interrupted" => Status::Interrupted,
        _ => return None,
    };
    let reason = cells.next()?;
    Some(((kind, code), Failure { status, reason }))
}

/// What a code means; one that is not listed is a failure.
pub(super) fn meaning(kind: Kind, code: u32) -> Failure {
    TABLE.get(&(kind, code)).copied().unwrap_or(Failure {
        status: Status::Failure,
        reason: "other",
    })
}

/// A code: `0xC000006D`, or the same as a decimal number, with a sign (`-1073741715`) or without; a
/// text's number, `%%2313`.
pub(super) fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    let text = text.strip_prefix("%%").unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok();
    }
    let signed = || text.parse().ok().map(i32::cast_unsigned);
    text.parse().ok().or_else(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_well_formed() {
        let lines = include_str!("failures.csv").lines().skip(1).count();
        assert_eq!(TABLE.len(), lines, "a line is wrong, or a code is listed twice");
    }

    #[test]
    fn a_code_is_read_in_every_form() {
        for text in ["0xC000006D", "0xc000006d", "3221225581", "-1073741715", " 0XC000006D "] {
            assert_eq!(number(text), Some(0xc000_006d), "{text}");
        }
        assert_eq!(number("%%2313"), Some(2313));
        for text in ["", "-", "0x", "0x1c000006d", "Unknown user name"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
