//! The tables are open: other programs read the same from them.

use std::process::Command;

use crate::support::{Home, sample, sekisho};

/// Readers, each with what it imports and how it counts. A reader that is not installed is told.
const READERS: [(&str, &str, &str); 2] = [
    (
        "DuckDB",
        "import duckdb\n\
         try: import duckdb_extensions, duckdb_extension_delta; duckdb_extensions.import_extension('delta')\n\
         except ImportError: duckdb.sql('LOAD delta')",
        "print(*duckdb.sql(f\"SELECT count(*), count(DISTINCT event_uid) FROM delta_scan('{table}')\").fetchone())",
    ),
    (
        "Polars",
        "import polars, deltalake",
        "rows = polars.read_delta(table); print(rows.height, rows['event_uid'].n_unique())",
    ),
];

fn python(script: &str, table: &str) -> Option<Result<String, String>> {
    let output = Command::new("python3").args(["-c", script, table]).output().ok()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Some(if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    })
}

#[test]
fn other_programs_read_the_same_from_the_tables() {
    let home = Home::new("data = \"data\"\n");
    let data = home.path("data").to_str().expect("the path is UTF-8").to_owned();
    for (source, folder) in [
        ("m365.audit", "leaver"),
        ("web.combined", "server"),
        ("mail.postfix", "mail"),
    ] {
        let file = format!("{source}={}", sample(folder, source).path.display());
        sekisho(["replay", "--zone", "Asia/Tokyo", "--store", &data, &file]).ok();
    }
    let csv = home
        .sql("csv", "SELECT count(*), count(DISTINCT event_uid) FROM events")
        .ok();
    let expected = csv.lines().nth(1).expect("there is an answer").replace(',', " ");
    assert_ne!(expected, "0 0");

    let table = format!("{data}/tables/events");
    for (name, import, count) in READERS {
        match python(import, &table) {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                eprintln!("skipped {name}: {}", error.lines().last().unwrap_or_default());
                continue;
            }
            None => {
                eprintln!("skipped {name}: there is no python3");
                continue;
            }
        }
        let script = format!("import sys\n{import}\ntable = sys.argv[1]\n{count}");
        let found = python(&script, &table)
            .expect("it ran before")
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, expected, "{name} counts the same");
    }
}
