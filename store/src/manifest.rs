//! The file that says where everything stands.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sekisho_model::Snapshot;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::StoreError;
use crate::durable::write_file;
use crate::state;

/// The form of the manifest and of the snapshot it names. Raised when either cannot be read as before; the state is
/// then learnt again from the stored events.
const FORM: u32 = 1;

/// What is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    form: u32,
    /// Everything before it may be forgotten by the log.
    pub(crate) position: i64,
    snapshot: String,
    /// For people who look: the versions of the tables at that position.
    tables: BTreeMap<String, u64>,
}

/// Where to go on.
#[derive(Debug)]
pub struct Recovered {
    /// The position up to which everything is durable.
    pub position: i64,
    /// The state there.
    pub snapshot: Snapshot,
}

impl Manifest {
    pub(crate) fn new(position: i64, tables: BTreeMap<String, u64>) -> Self {
        Self {
            form: FORM,
            position,
            snapshot: state::snapshot_name(position),
            tables,
        }
    }

    /// Writes it; when this returns, it is durable.
    pub(crate) fn save(&self, dir: &Path) -> Result<(), StoreError> {
        let path = path(dir);
        write_file::<io::Error>(&path, |file| Ok(serde_json::to_writer_pretty(file, self)?))
            .map_err(StoreError::file("write", path))
    }

    /// Reads it, if there is one of this form.
    fn load(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = path(dir);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(StoreError::file("read", &path))?,
        };
        match serde_json::from_slice::<Self>(&text) {
            Ok(manifest) if manifest.form == FORM => Ok(Some(manifest)),
            Ok(manifest) => {
                warn!(path = %path.display(), found = manifest.form, expected = FORM, "the state is of another form");
                Ok(None)
            }
            Err(error) => {
                warn!(path = %path.display(), %error, "the manifest cannot be read");
                Ok(None)
            }
        }
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("manifest.json")
}

/// Where to go on, if that is known. If the latest state is damaged, the one before it is taken: it lacks what the
/// last epoch taught it.
pub(crate) fn recover(dir: &Path) -> Result<Option<Recovered>, StoreError> {
    let Some(manifest) = Manifest::load(dir)? else {
        return Ok(None);
    };
    let position = manifest.position;
    let found = state::positions(dir, position).map_err(StoreError::file("list", state::state_dir(dir)))?;
    for at in found {
        match state::load(dir, at) {
            Ok(snapshot) => {
                if at != position {
                    warn!(
                        position,
                        state = at,
                        "the latest state is missing; going on with an older one"
                    );
                }
                return Ok(Some(Recovered { position, snapshot }));
            }
            Err(error) => warn!(%error, reason = ?std::error::Error::source(&error), "a snapshot cannot be read"),
        }
    }
    warn!(position, "no state can be read");
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(position: i64) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for at in [position - 1, position] {
            let mut snapshot = Snapshot::default();
            snapshot.put("part", "position", &at).unwrap();
            state::save(dir.path(), at, &snapshot).unwrap();
        }
        Manifest::new(position, BTreeMap::new()).save(dir.path()).unwrap();
        dir
    }

    fn state_of(recovered: Option<Recovered>) -> Option<(i64, String)> {
        recovered.map(|recovered| (recovered.position, recovered.snapshot.part("part")[0].1.clone()))
    }

    #[test]
    fn what_was_saved_is_recovered() {
        let dir = saved(10);
        assert_eq!(state_of(recover(dir.path()).unwrap()), Some((10, "10".to_owned())));
    }

    #[test]
    fn a_damaged_state_gives_way_to_the_one_before() {
        let dir = saved(10);
        fs::write(dir.path().join(state::snapshot_name(10)), "not Parquet").unwrap();
        assert_eq!(state_of(recover(dir.path()).unwrap()), Some((10, "9".to_owned())));
    }

    #[test]
    fn without_a_manifest_of_this_form_nothing_is_recovered() {
        for text in ["", "{}", r#"{"form":0,"position":1,"snapshot":"x","tables":{}}"#] {
            let dir = saved(10);
            fs::write(path(dir.path()), text).unwrap();
            assert!(recover(dir.path()).unwrap().is_none(), "{text}");
        }
        assert!(recover(tempfile::tempdir().unwrap().path()).unwrap().is_none());
    }
}
