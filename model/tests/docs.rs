//! The documentation of the columns is the table of columns.

use std::path::Path;

#[test]
fn the_columns_are_documented_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/columns.md");
    let head = "# Columns of the `events` table\n\nDerived from `model/src/schema.rs` and `words.rs`; `UPDATE_DOCS=1 cargo test -p sekisho-model` writes it anew.\n\n";
    let (columns, words) = (
        sekisho_model::schema::to_markdown(),
        sekisho_model::words::to_markdown(),
    );
    let expected = format!("{head}{columns}\nThese columns take no other words:\n\n{words}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        found, expected,
        "docs/columns.md is not as the schema: run with UPDATE_DOCS=1"
    );
}
