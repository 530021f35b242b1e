//! `docs/sources.md` is derived from the list of formats; `UPDATE_DOCS=1 cargo test -p sekisho-formats --test docs` writes it
//! anew.

use std::fmt::Write as _;
use std::path::Path;

use sekisho_formats::FORMATS;

const HEAD: &str = "# Sources

Derived from the formats in `ingest/formats`; `UPDATE_DOCS=1 cargo test -p sekisho-formats --test docs` writes it anew. The id
goes into `/ingest/{source}`, `--source` and `source = \"…\"`; `auto` tells most of them apart by itself. A record may be late by
so much and still be judged with its neighbours. `sample-logs/<id>/` has records of each, with the rows that they become.

| id | what it reads | how it comes | late by | what to switch on |
|---|---|---|--:|---|
";

const TAIL: &str = "
WireGuard writes no log of sign-ins: a peer is its key, and there is no moment at which it signs in.
";

#[test]
fn the_table_of_sources_is_what_is_read() {
    let mut text = HEAD.to_owned();
    let mut specs: Vec<_> = FORMATS.iter().collect();
    specs.sort_by_key(|spec| spec.id);
    for spec in specs {
        let cells = [spec.title, spec.transports, &spec.late_by(), spec.prepare].map(|cell| cell.replace('|', "\\|"));
        writeln!(text, "| `{}` | {} |", spec.id, cells.join(" | ")).unwrap();
    }
    text.push_str(TAIL);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sources.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/sources.md is not as the formats are; UPDATE_DOCS=1 writes it anew"
    );
}
