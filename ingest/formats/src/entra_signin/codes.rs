//! What the error codes of Entra (AADSTS…) mean. The table is in `codes.csv`; the same codes come in
//! the unified audit log, there also by their names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// `status_id` of a success.
pub(crate) const SUCCESS: i64 = 1;
/// `status_id` of a failure.
pub(crate) const FAILURE: i64 = 2;
/// `status_id` of one step of a sign-in that went on.
pub(crate) const INTERRUPTED: i64 = 3;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// [`SUCCESS`], [`FAILURE`] or [`INTERRUPTED`].
    pub(crate) status: i64,
    /// The word of `status_reason`, or empty.
    pub(crate) reason: &'static str,
}

/// What every unlisted code means: the sign-in did not succeed.
const UNLISTED: Meaning = Meaning {
    status: FAILURE,
    reason: "other",
};

static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

struct Table {
    by_code: BTreeMap<&'static str, Meaning>,
    by_name: BTreeMap<String, Meaning>,
}

impl Table {
    fn read() -> Self {
        let mut table = Self {
            by_code: BTreeMap::new(),
            by_name: BTreeMap::new(),
        };
        for line in include_str!("codes.csv").lines().skip(1) {
            let mut cells = line.split(',').map(str::trim);
            let (Some(code), Some(status), Some(reason)) = (cells.next(), cells.next(), cells.next()) else {
                continue;
            };
            let status = if status == "interrupted" { INTERRUPTED } else { FAILURE };
            let meaning = Meaning { status, reason };
            table.by_code.insert(code, meaning);
            if let Some(name) = cells.next().filter(|name| !name.is_empty()) {
                table.by_name.insert(name.to_ascii_lowercase(), meaning);
            }
        }
        table
    }
}

/// What a code means; also a word (`Success`), as some exports have it. `None`: it says nothing.
pub(crate) fn by_code(code: &str) -> Option<Meaning> {
    let code = code.trim();
    let code = code.strip_prefix("AADSTS").unwrap_or(code);
    if !code.is_empty() && code.bytes().all(|byte| byte == b'0') {
        return Some(Meaning {
            status: SUCCESS,
            reason: "",
        });
    }
    if let Some(meaning) = TABLE.by_code.get(code) {
        return Some(*meaning);
    }
    if code.parse::<i64>().is_ok() {
        return Some(UNLISTED);
    }
    match code.to_ascii_lowercase().as_str() {
        "success" | "succeeded" => Some(Meaning {
            status: SUCCESS,
            reason: "",
        }),
        "failure" | "failed" => Some(UNLISTED),
        "interrupted" => Some(Meaning {
            status: INTERRUPTED,
            reason: "interrupted",
        }),
        _ => None,
    }
}

/// What an error means by its name, such as `InvalidUserNameOrPassword`.
pub(crate) fn by_name(name: &str) -> Meaning {
    let name = name.trim().to_ascii_lowercase();
    match TABLE.by_name.get(&name) {
        Some(meaning) => *meaning,
        None if name.ends_with("interrupt") => Meaning {
            status: INTERRUPTED,
            reason: "interrupted",
        },
        None => UNLISTED,
    }
}

/// The word of `mfa_result` that a reason tells.
pub(crate) fn mfa_result(reason: &str) -> Option<&'static str> {
    match reason {
        "mfa_denied" => Some("denied"),
        "mfa_failed" | "mfa_timeout" => Some("failed"),
        "mfa_required" => Some("required"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sekisho_model::{Column, words};

    use super::*;

    #[test]
    fn every_line_of_the_table_is_well_formed() {
        let reasons = words::of(Column::StatusReason).unwrap();
        let lines: Vec<&str> = include_str!("codes.csv").lines().skip(1).collect();
        for line in &lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), 4, "{line}");
            assert!(cells[0].parse::<u32>().is_ok(), "{line}");
            assert!(["failure", "interrupted"].contains(&cells[1]), "{line}");
            assert!(reasons.contains(&cells[2]), "{line}");
        }
        assert_eq!(TABLE.by_code.len(), lines.len(), "a code is listed twice");
    }

    #[test]
    fn a_code_means_success_a_failure_or_a_step() {
        assert_eq!(by_code("0").unwrap().status, SUCCESS);
        assert_eq!(by_code("Success").unwrap().status, SUCCESS);
        assert_eq!(
            by_code("50126"),
            Some(Meaning {
                status: FAILURE,
                reason: "bad_credentials"
            })
        );
        assert_eq!(by_code("AADSTS50126"), by_code("50126"));
        assert_eq!(by_code("50140").unwrap().status, INTERRUPTED);
        assert_eq!(by_code("99999999"), Some(UNLISTED));
        assert_eq!(by_code(""), None);
        assert_eq!(by_code("None"), None);
        assert_eq!(by_name("invalidUserNameOrPassword"), by_code("50126").unwrap());
        assert_eq!(by_name("SomeNewInterrupt").status, INTERRUPTED);
        assert_eq!(by_name("SomeNewError"), UNLISTED);
    }
}
