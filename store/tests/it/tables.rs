//! What the tables are, and who may write to them.

use std::collections::HashMap;
use std::path::Path;

use deltalake_core::DeltaTableBuilder;
use futures::TryStreamExt;
use sekisho_model::{Column, Time};
use sekisho_pipeline::{Epoch, Tables};
use sekisho_store::{Store, StoreError, events_since};
use url::Url;

use crate::fixture::{START, ask, assert_exactly, epoch, rows_of, stored, work};

fn first_commit(dir: &Path, table: &str) -> Vec<serde_json::Value> {
    let path = dir
        .join("tables")
        .join(table)
        .join("_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_of_the_oldest_protocol_and_of_types_that_all_readers_know() {
    let dir = tempfile::tempdir().unwrap();
    stored(dir.path(), 20, 20).await.unwrap();
    for table in ["events", "rejects", "alerts"] {
        let actions = first_commit(dir.path(), table);
        let action = |name: &str| actions.iter().find_map(|action| action.get(name)).unwrap().clone();
        let protocol = action("protocol");
        assert_eq!(
            (
                protocol["minReaderVersion"].as_i64(),
                protocol["minWriterVersion"].as_i64()
            ),
            (Some(1), Some(2))
        );
        let metadata = action("metaData");
        assert_eq!(metadata["partitionColumns"], serde_json::json!(["date"]));
        let schema: serde_json::Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
        let known = [
            "date",
            "timestamp",
            "string",
            "integer",
            "long",
            "short",
            "byte",
            "double",
            "boolean",
        ];
        for field in schema["fields"].as_array().unwrap() {
            assert!(known.contains(&field["type"].as_str().unwrap()), "{field}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    stored(dir.path(), 20, 20).await.unwrap();
    assert_exactly(dir.path(), 20).await;

    let row = &ask(dir.path(), "SELECT * FROM events WHERE raw = 'record 4'").await[0];
    let received = START.plus(std::time::Duration::from_mins(4));
    assert_eq!(row["ingest_time"], received.to_string());
    assert_eq!(row["user_name"], "hana@example.co.jp");
    assert_eq!(row["status_id"], 2);
    assert_eq!(row["source"], "linux.sshd");

    let alert = &ask(dir.path(), "SELECT * FROM alerts WHERE evidence_count = 13").await[0];
    assert_eq!(
        alert["change_time"],
        START.plus(std::time::Duration::from_mins(13)).to_string()
    );
    assert_eq!(alert["title_ja"], "失敗の連続");
    assert_eq!(alert["attack"], r#"["T1110"]"#);
    assert_eq!(alert["facts"], r#"{"count":13}"#);
    assert_eq!(
        (&alert["severity"], &alert["incident_severity"]),
        (&"high".into(), &"critical".into())
    );
    let evidence: serde_json::Value = serde_json::from_str(alert["evidence"].as_str().unwrap()).unwrap();
    assert_eq!(evidence[0]["event_uid"], "evidence 13");

    let reject = &ask(dir.path(), "SELECT * FROM rejects WHERE \"offset\" = 7").await[0];
    assert_eq!(
        (&reject["raw"], &reject["reason"]),
        (&"record 7".into(), &"expected a line of sshd".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_the_second_is_refused_until_it_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut first, _) = Store::open(dir.path()).await.unwrap();
    let (mut second, _) = Store::open(dir.path()).await.unwrap();
    work(&mut first, 0, 20, 20, 10).await.unwrap();

    let refused = second.commit(epoch(0, 30, 10, 0)).await.unwrap_err();
    let refused = refused.downcast_ref::<StoreError>().unwrap();
    assert!(
        matches!(
            refused,
            StoreError::AnotherWriter {
                table: "events",
                expected: 0,
                found: 20
            }
        ),
        "{refused}"
    );

    let (mut second, _) = Store::open(dir.path()).await.unwrap();
    work(&mut second, 20, 40, 20, 10).await.unwrap();
    assert_exactly(dir.path(), 40).await;
    let refused = first.commit(epoch(20, 60, 10, 20)).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("another process writes to the table events"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_the_service_has_its_own_positions_and_leaves_its_state_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = stored(dir.path(), 20, 20).await.unwrap();
    let manifest = std::fs::read(dir.path().join("manifest.json")).unwrap();

    let mut replay = Store::open_for_replay(dir.path()).await.unwrap();
    work(&mut replay, 0, 5, 5, 5).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("manifest.json")).unwrap(), manifest);
    work(&mut service, 20, 40, 20, 10).await.unwrap();

    let rows = ask(dir.path(), "SELECT count(*) AS n FROM events").await[0]["n"]
        .as_u64()
        .unwrap();
    let expected: u32 = (0..40).chain(0..5).map(rows_of).sum();
    assert_eq!(rows, u64::from(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_forgets_what_it_holds_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    stored(dir.path(), 20, 20).await.unwrap();
    let url = Url::from_directory_path(dir.path().join("tables/rejects")).unwrap();
    let table = DeltaTableBuilder::from_url(url).unwrap().load().await.unwrap();
    table
        .set_tbl_properties()
        .with_properties(HashMap::from([(
            "delta.setTransactionRetentionDuration".to_owned(),
            "interval 1 days".to_owned(),
        )]))
        .await
        .unwrap();
    let refused = Store::open(dir.path()).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Forgetful { table: "rejects", .. }),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_beyond_its_epoch_is_an_error_and_nothing_is_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(dir.path()).await.unwrap();
    let beyond = Epoch {
        position: 5,
        ..epoch(0, 9, 9, 0)
    };
    let refused = store.commit(beyond).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("a row of the table events has offset 5, but its epoch ends at 5"),
        "{refused}"
    );
    assert_eq!(store.positions().furthest(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_events_come_back_in_the_normal_form_and_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    let none: Vec<_> = events_since(dir.path(), Time(0))
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(none.is_empty());

    stored(dir.path(), 100, 30).await.unwrap();
    let since = START.plus(std::time::Duration::from_secs(50 * 60 - 30));
    let batches: Vec<_> = events_since(dir.path(), since)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let rows: Vec<_> = batches
        .iter()
        .flat_map(|batch| (0..batch.len()).map(move |row| (batch, row)))
        .collect();
    let expected: Vec<_> = (50..100)
        .flat_map(|offset| vec![format!("record {offset}"); usize::try_from(rows_of(offset)).unwrap()])
        .collect();
    let found: Vec<_> = rows
        .iter()
        .map(|(batch, row)| batch.text(Column::Raw, *row).unwrap().to_owned())
        .collect();
    assert_eq!(found, expected);
    for (place, (batch, row)) in rows.iter().enumerate() {
        assert_eq!(batch.int(Column::Offset, *row), i64::try_from(place).ok());
        assert_eq!(batch.text(Column::Log, *row), Some("events"));
        assert_eq!(batch.int(Column::StatusId, *row), Some(2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_new_in_this_version_is_added_to_an_old_table() {
    let dir = tempfile::tempdir().unwrap();
    drop(stored(dir.path(), 10, 10).await.unwrap());
    // The table as a version made it that did not know `person`.
    let path = dir.path().join("tables/events/_delta_log/00000000000000000000.json");
    let old = std::fs::read_to_string(&path).unwrap();
    let column = r#"{\"name\":\"person\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}},"#;
    assert!(old.contains(column), "{old}");
    std::fs::write(&path, old.replace(column, "")).unwrap();

    let (mut store, _) = Store::open(dir.path()).await.unwrap();
    work(&mut store, 10, 20, 10, 10).await.unwrap();
    assert_exactly(dir.path(), 20).await;
    assert_eq!(
        ask(dir.path(), "SELECT count(*) AS n, count(person) AS p FROM events").await[0]["p"],
        0
    );
}
