//! Questions get answers within limits, and nothing else happens.

use std::path::Path;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use sekisho_store::{Answer, Limits, Sql, SqlError};

use crate::fixture::{ask, rows_of, stored};

async fn query(dir: &Path, limits: Limits, question: &str) -> Result<Answer, SqlError> {
    let sql = Sql::open(dir, limits);
    let question = question.to_owned();
    tokio::task::spawn_blocking(move || sql.query(&question)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_the_stored_tables() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = query(dir.path(), Limits::default(), "SELECT 1").await.unwrap_err();
    assert_eq!(
        nothing.to_string(),
        format!("nothing is stored yet under {}", dir.path().display())
    );
    stored(dir.path(), 40, 10).await.unwrap();

    the_views_show_the_latest(dir.path()).await;
    the_columns_are_in_the_documented_order(dir.path()).await;
    errors_say_what_to_do(dir.path()).await;
    no_file_is_read_or_written(dir.path()).await;
    limits_hold(dir.path()).await;
}

async fn the_views_show_the_latest(dir: &Path) {
    let rows: u32 = (0..40).map(rows_of).sum();
    assert_eq!(ask(dir, "SELECT count(*) AS n FROM events_latest").await[0]["n"], rows);
    let alerts = ask(
        dir,
        "SELECT alert_id, evidence_count FROM alerts_latest ORDER BY alert_id",
    )
    .await;
    let found: Vec<_> = alerts
        .iter()
        .map(|row| row["evidence_count"].as_i64().unwrap())
        .collect();
    // The findings are at 3, 13, 23 and 33; their alerts are the offsets modulo 3.
    assert_eq!(found, [33, 13, 23]);
    let plan = ask(
        dir,
        "EXPLAIN SELECT count(*) FROM events WHERE date = DATE '2026-09-21'",
    )
    .await;
    assert!(!plan.is_empty());
    let tables = ask(dir, "SHOW TABLES").await;
    assert!(
        tables.iter().any(|row| row["table_name"] == "alerts_latest"),
        "{tables:?}"
    );
}

async fn the_columns_are_in_the_documented_order(dir: &Path) {
    for name in ["events", "events_latest"] {
        let answer = query(dir, Limits::default(), &format!("SELECT * FROM {name} LIMIT 1"))
            .await
            .unwrap();
        let found: Vec<_> = answer
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        let expected: Vec<_> = sekisho_model::schema::stored_columns().map(|spec| spec.name).collect();
        assert_eq!(found, expected);
    }
}

async fn errors_say_what_to_do(dir: &Path) {
    for (question, expected) in [
        (
            "SELECT * FROM signins",
            "there is no table signins; there are: events, events_latest, rejects, alerts, alerts_latest",
        ),
        ("SELECT nonsense FROM events", "nonsense"),
        ("SELECT repeat('x', 2000000000)", "repeat"),
        ("SELECT * FROM range(0, 300000000)", "range"),
        ("SELECT * FROM generate_series(1, 300000000)", "generate_series"),
        ("DROP TABLE events", "nothing is changed"),
        ("SELECT count(", "not SQL"),
    ] {
        let error = query(dir, Limits::default(), question).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{question}: {error}");
        assert_eq!(error.lines().count(), 1, "{question}: {error}");
    }
}

async fn no_file_is_read_or_written(dir: &Path) {
    let secret = dir.join("secret.csv");
    std::fs::write(&secret, "word\nsesame\n").unwrap();
    let secret = secret.to_str().unwrap();
    for question in [
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM \"{secret}\""),
        format!("SELECT * FROM \"file://{secret}\""),
        format!("SELECT * FROM read_csv('{secret}')"),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{secret}'"),
        format!("COPY (SELECT 1) TO '{secret}'"),
        format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{secret}'"),
        format!("SELECT * FROM parquet_metadata('{secret}')"),
    ] {
        assert!(query(dir, Limits::default(), &question).await.is_err(), "{question}");
    }
    assert_eq!(std::fs::read_to_string(secret).unwrap(), "word\nsesame\n");
}

async fn limits_hold(dir: &Path) {
    let few = Limits {
        rows: 7,
        ..Limits::default()
    };
    let answer = query(dir, few, "SELECT * FROM events").await.unwrap();
    assert_eq!(
        (
            answer.batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            answer.cut
        ),
        (7, Some("rows"))
    );

    let quick = Limits {
        time: Duration::from_millis(500),
        ..Limits::default()
    };
    let started = Instant::now();
    let joined = "SELECT count(*) FROM events a, events b, events c, events d, events e, events f WHERE a.raw > b.raw";
    let slow = query(dir, quick, joined).await.unwrap_err();
    assert!(matches!(slow, SqlError::TooLong(_)), "{slow}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    // As much as the guard lets through, in every shape it knows, is answered and overflows no stack.
    for question in [
        format!("SELECT {} AS x", vec!["1"; 400].join("+")),
        format!(
            "SELECT count(*) AS x FROM events WHERE {}",
            vec!["status_id > 1"; 240].join(" AND ")
        ),
        format!(
            "SELECT count(*) AS x FROM events WHERE {}",
            vec!["raw LIKE 'a%'"; 240].join(" OR ")
        ),
        format!("SELECT {}1{} AS x", "abs(".repeat(40), ")".repeat(40)),
    ] {
        assert_eq!(ask(dir, &question).await.len(), 1, "{question}");
    }
}
