//! Other programs read the tables. Those that are not installed are skipped, and it is said.

use std::path::Path;
use std::process::Command;

use sekisho_store::maintain::maintain;

use crate::fixture::{START, is_finding, rows_of, stored};

/// Each reader with the modules it needs, and a program that prints the number of rows and the number of distinct users of a table.
const READERS: [(&str, &str, &str); 3] = [
    (
        "deltalake",
        "deltalake, pyarrow",
        "import sys, deltalake\n\
         t = deltalake.DeltaTable(sys.argv[1]).to_pyarrow_table()\n\
         print(t.num_rows, len(t.column('tenant').unique()))",
    ),
    (
        "polars",
        "polars, deltalake",
        "import sys, polars\n\
         t = polars.read_delta(sys.argv[1])\n\
         print(t.height, t['tenant'].n_unique())",
    ),
    (
        "duckdb",
        "duckdb, duckdb_extensions",
        "import sys, duckdb, duckdb_extensions\n\
         duckdb_extensions.import_extension('delta')\n\
         print(*duckdb.sql(f\"SELECT count(*), count(DISTINCT tenant) FROM delta_scan('{sys.argv[1]}')\").fetchone())",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_count_the_same_rows_before_and_after_maintenance() {
    let dir = tempfile::tempdir().unwrap();
    stored(dir.path(), 100, 30).await.unwrap();
    compare(dir.path());
    maintain(dir.path(), START, u16::MAX).await.unwrap();
    compare(dir.path());
}

fn compare(dir: &Path) {
    let events: u32 = (0..100).map(rows_of).sum();
    let rejects = (0..100).filter(|&offset| rows_of(offset) == 0).count();
    let alerts = (0..100).filter(|&offset| is_finding(offset)).count();
    for (reader, modules, program) in READERS {
        let installed = Command::new("python3")
            .args(["-c", &format!("import {modules}")])
            .output();
        if !installed.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped {reader}: python3 does not have {modules}");
            continue;
        }
        for (table, expected) in [
            ("events", usize::try_from(events).unwrap()),
            ("rejects", rejects),
            ("alerts", alerts),
        ] {
            let path = dir.join("tables").join(table);
            let output = Command::new("python3")
                .args(["-c", program])
                .arg(path)
                .output()
                .unwrap();
            let found = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(found.trim(), format!("{expected} 1"), "{reader}, {table}: {errors}");
        }
    }
}
