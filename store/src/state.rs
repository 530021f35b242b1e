//! The state of the judge, as files of `(part, key, state)`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use deltalake_core::parquet::arrow::ArrowWriter;
use deltalake_core::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sekisho_model::Snapshot;
use tracing::warn;

use crate::StoreError;
use crate::durable::write_file;
use crate::tables;

/// How many snapshots are kept: the one in use, and the one before it, should its file be damaged.
const KEPT: usize = 2;

/// Entries that are written at once; bounds the copy that is made in memory.
const BATCH_ENTRIES: usize = 8192;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let column = |name| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![column("part"), column("key"), column("state")]))
});

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The folder of the snapshots.
pub(crate) fn state_dir(dir: &Path) -> PathBuf {
    dir.join("state")
}

/// The name of the snapshot at `position`, relative to the data folder.
pub(crate) fn snapshot_name(position: i64) -> String {
    format!("state/{position:020}.parquet")
}

/// Writes a snapshot; when this returns, it is durable.
pub(crate) fn save(dir: &Path, position: i64, snapshot: &Snapshot) -> Result<(), StoreError> {
    let path = dir.join(snapshot_name(position));
    write_file::<BoxError>(&path, |file| {
        let mut writer = ArrowWriter::try_new(file, Arc::clone(&SCHEMA), Some(tables::writer_properties()))?;
        let entries: Vec<_> = snapshot.entries().collect();
        for chunk in entries.chunks(BATCH_ENTRIES) {
            let column =
                |of: fn(&(&str, &str, &str)) -> String| Arc::new(StringArray::from_iter_values(chunk.iter().map(of)));
            let columns: Vec<arrow_array::ArrayRef> = vec![
                column(|entry| entry.0.to_owned()),
                column(|entry| entry.1.to_owned()),
                column(|entry| entry.2.to_owned()),
            ];
            writer.write(&RecordBatch::try_new(Arc::clone(&SCHEMA), columns)?)?;
        }
        writer.close()?;
        Ok(())
    })
    .map_err(|source| StoreError::File {
        action: "write the state to",
        path,
        source,
    })
}

/// Reads the snapshot at `position`.
pub(crate) fn load(dir: &Path, position: i64) -> Result<Snapshot, StoreError> {
    let path = dir.join(snapshot_name(position));
    read(&path).map_err(|source| StoreError::File {
        action: "read the state from",
        path,
        source,
    })
}

fn read(path: &Path) -> Result<Snapshot, BoxError> {
    let mut snapshot = Snapshot::default();
    for batch in ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path)?)?.build()? {
        let batch = batch?;
        let text = |name: &str| -> Result<StringArray, BoxError> {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| format!("column {name} is missing"))?;
            let column = column
                .as_string_opt::<i32>()
                .ok_or_else(|| format!("column {name} is not of text"))?;
            Ok(column.clone())
        };
        let (parts, keys, states) = (text("part")?, text("key")?, text("state")?);
        for ((part, key), state) in parts.iter().zip(&keys).zip(&states) {
            let (part, key, state) = (
                part.unwrap_or_default(),
                key.unwrap_or_default(),
                state.unwrap_or_default(),
            );
            snapshot.put_json(part, key, state.to_owned());
        }
    }
    Ok(snapshot)
}

/// The positions of the snapshots that there are at or before `position`, latest first.
pub(crate) fn positions(dir: &Path, position: i64) -> io::Result<Vec<i64>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(state_dir(dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".parquet"))
            .and_then(|name| name.parse::<i64>().ok());
        found.extend(number.filter(|&found| found <= position));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Removes the snapshots that are no longer needed. What cannot be removed is left for the next time.
pub(crate) fn prune(dir: &Path, position: i64) {
    let old = positions(dir, i64::MAX).map(|all| {
        let mut kept = 0;
        all.into_iter().filter(move |&found| {
            kept += usize::from(found <= position);
            found > position || kept > KEPT
        })
    });
    match old {
        Ok(old) => {
            for found in old {
                let path = dir.join(snapshot_name(found));
                if let Err(error) = fs::remove_file(&path) {
                    warn!(path = %path.display(), %error, "failed to remove an old snapshot");
                }
            }
        }
        Err(error) => warn!(%error, "failed to list the snapshots"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot::default();
        for number in 0..=BATCH_ENTRIES {
            snapshot.put("profiles", format!("person {number}"), &[number]).unwrap();
        }
        snapshot.put("episodes", "SK-001", &"open").unwrap();
        snapshot
    }

    #[test]
    fn a_snapshot_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        for expected in [snapshot(), Snapshot::default()] {
            save(dir.path(), 7, &expected).unwrap();
            assert_eq!(load(dir.path(), 7).unwrap(), expected);
        }
        assert!(
            load(dir.path(), 8)
                .unwrap_err()
                .to_string()
                .contains("00000000000000000008.parquet")
        );
    }

    #[test]
    fn the_last_two_are_kept_and_none_of_the_future() {
        let dir = tempfile::tempdir().unwrap();
        for position in [10, 20, 30, 40] {
            save(dir.path(), position, &Snapshot::default()).unwrap();
        }
        prune(dir.path(), 30);
        assert_eq!(positions(dir.path(), i64::MAX).unwrap(), [30, 20]);
    }
}
