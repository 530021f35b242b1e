//! Every bound there is, in the order of a record's way.

use sekisho_model::bounds::{Bound, size};

use crate::{context, service};

/// What the program itself bounds.
const OWN: &[Bound] = &[
    Bound::count(
        "records that are judged at once",
        size(service::RECORDS_MAX),
        "the rest is judged next",
    ),
    Bound::count(
        "rows of an epoch",
        size(service::EPOCH_ROWS_MAX),
        "committed before its time",
    ),
    Bound::bytes(
        "a list, map, rule or geo database",
        context::FILE_BYTES_MAX,
        "not taken",
    ),
    Bound::seconds(
        "how long a stop waits for what is in hand",
        service::STOP_MAX.as_secs(),
        "it stays in the spool",
    ),
    Bound::bytes(
        "what is kept of a record that cannot be read",
        size(sekisho_model::record::REJECT_RAW_BYTES_MAX),
        "cut",
    ),
    Bound::count(
        "rows of a batch",
        size(sekisho_model::batch::BATCH_ROWS_MAX),
        "the next begins",
    ),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static Bound> {
    let parts = [
        sekisho_sources::BOUNDS,
        sekisho_formats::BOUNDS,
        OWN,
        sekisho_detect::BOUNDS,
        sekisho_alert::BOUNDS,
        sekisho_store::BOUNDS,
    ];
    parts.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page for people who run the service.
    const PAGE: &str = include_str!("../docs/operations.md");

    #[test]
    fn the_page_names_every_bound() {
        let rows: Vec<String> = all()
            .map(|bound| format!("| {} | {} | {} |", bound.what, bound.amount(), bound.then))
            .collect();
        let missing: Vec<&String> = rows.iter().filter(|row| !PAGE.contains(row.as_str())).collect();
        assert!(
            missing.is_empty(),
            "docs/operations.md lacks:\n{missing:#?}\nall of them:\n{}",
            rows.join("\n")
        );
        let (_, table) = PAGE.split_once("## Bounds").unwrap();
        let written = table.lines().filter(|line| line.starts_with("| ")).count();
        assert_eq!(written, rows.len() + 1, "the page has a row that no bound has");
    }
}
