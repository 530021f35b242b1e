//! The tables of `data/`: CSV of a few columns, of which the last may hold commas.

use std::path::Path;

/// The rows of a table without its header; the last column is the rest of the line.
pub(super) fn rows<const N: usize>(name: &str) -> Vec<[String; N]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/others")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<String> = line.splitn(N, ',').map(|cell| cell.trim().to_owned()).collect();
            cells
                .try_into()
                .unwrap_or_else(|_| panic!("{name}: `{line}`, expected {N} columns"))
        })
        .collect()
}

/// The ids of our rules in a cell.
pub(super) fn ids(cell: &str) -> Vec<&str> {
    cell.split(';').map(str::trim).filter(|id| !id.is_empty()).collect()
}

/// What two products make of cases: whether theirs fires, and whether ours does.
#[derive(Debug, Default)]
pub(super) struct Score {
    pub(super) both: usize,
    pub(super) neither: usize,
    pub(super) missed: usize,
    pub(super) ours_alone: usize,
}

impl Score {
    /// Counts a case; whether the two differ.
    pub(super) fn count(&mut self, theirs: bool, ours: bool) -> bool {
        let slot = match (theirs, ours) {
            (true, true) => &mut self.both,
            (false, false) => &mut self.neither,
            (true, false) => &mut self.missed,
            (false, true) => &mut self.ours_alone,
        };
        *slot += 1;
        theirs != ours
    }
}

/// Fails on differences that no line of the table gives a reason for.
pub(super) fn explained(name: &str, reasons: &[[String; 2]], differences: &[String]) {
    let has = |case: &String| {
        reasons
            .iter()
            .any(|[known, reason]| known == case && !reason.is_empty())
    };
    let unexplained: Vec<&String> = differences.iter().filter(|case| !has(case)).collect();
    assert!(
        unexplained.is_empty(),
        "{name}: no reason is given for {unexplained:?}; mend the rule, or add a line"
    );
    for [case, _] in reasons.iter().filter(|[case, _]| !differences.contains(case)) {
        eprintln!("{name}: {case} agrees now; its line can go");
    }
}
