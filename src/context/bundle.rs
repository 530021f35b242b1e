//! The bytes of the context's files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sekisho_model::ids;

use super::ContextError;
use crate::feedback;
use crate::settings::ContextFiles;

/// The folder of the generations under the data folder.
const FOLDER: &str = "context";
/// Under which name the answers to alerts are kept.
pub(super) const ANSWERS: &str = "answers.json";
/// The most bytes of one file of the context. City databases reach about 150 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 30;

/// The name of a kept bundle: a hash of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation(String);

impl Generation {
    /// The generation of that name.
    pub(crate) fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

/// The files of the context, by the name they are kept under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle {
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// Reads the files that the settings name.
    pub(crate) fn collect(files: &ContextFiles) -> Result<Self, ContextError> {
        let mut bundle = Self::default();
        for (index, path) in files.geo.iter().enumerate() {
            bundle
                .files
                .insert(format!("geo/{index}/{}", file_name(path)), read(path)?);
        }
        for (name, path) in [
            ("people.csv", &files.people),
            ("networks.csv", &files.networks),
            ("notices.csv", &files.notices),
        ] {
            if let Some(path) = path {
                bundle.files.insert(name.to_owned(), read(path)?);
            }
        }
        for (source, path) in &files.maps {
            bundle.files.insert(format!("maps/{source}.toml"), read(path)?);
        }
        if let Some(rules) = &files.rules {
            bundle.add_folder("rules", rules)?;
        } else if let Some(rules) = files.usual_rules.as_ref().filter(|folder| folder.is_dir()) {
            bundle.add_folder("rules", rules)?;
        }
        if let Some(data) = &files.answers {
            bundle.add_answers(data)?;
        }
        Ok(bundle)
    }

    fn add_answers(&mut self, data: &Path) -> Result<(), ContextError> {
        let wrong = |error: &dyn std::fmt::Display| ContextError::Wrong(format!("the answers to alerts: {error:#}"));
        let answers = feedback::list(data).map_err(|error| wrong(&error))?;
        if !answers.is_empty() {
            let text = serde_json::to_vec(&feedback::counted(&answers)).map_err(|error| wrong(&error))?;
            self.files.insert(ANSWERS.to_owned(), text);
        }
        Ok(())
    }

    fn add_folder(&mut self, name: &str, folder: &Path) -> Result<(), ContextError> {
        let unreadable = |why| ContextError::Unreadable {
            path: folder.to_owned(),
            why,
        };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = format!("{name}/{}", file_name(&path));
            if path.is_dir() {
                self.add_folder(&name, &path)?;
            } else {
                self.files.insert(name, read(&path)?);
            }
        }
        Ok(())
    }

    /// Its name as a generation.
    pub(crate) fn generation(&self) -> Generation {
        let parts: Vec<&[u8]> = self
            .files
            .iter()
            .flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_slice()])
            .collect();
        Generation(ids::content_id(&parts))
    }

    /// Keeps it under the data folder; when this returns it is durable.
    pub(crate) fn keep(&self, data: &Path) -> io::Result<Generation> {
        let generation = self.generation();
        let folder = data.join(FOLDER);
        let target = folder.join(generation.name());
        if target.is_dir() {
            return Ok(generation);
        }
        let staging = folder.join(format!("{}.new", generation.name()));
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        fs::create_dir_all(&staging)?;
        for (name, bytes) in &self.files {
            let path = staging.join(name);
            let parent = path.parent().unwrap_or(&staging);
            fs::create_dir_all(parent)?;
            let mut file = fs::File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            sync_folder(parent)?;
        }
        sync_folder(&staging)?;
        fs::rename(&staging, &target)?;
        sync_folder(&folder)?;
        Ok(generation)
    }

    /// Reads a kept bundle.
    pub(crate) fn open(data: &Path, generation: &Generation) -> Result<Self, ContextError> {
        let folder = data.join(FOLDER).join(generation.name());
        let mut bundle = Self::default();
        bundle.add_folder("", &folder)?;
        bundle.files = bundle
            .files
            .into_iter()
            .map(|(name, bytes)| (name.trim_start_matches('/').to_owned(), bytes))
            .collect();
        Ok(bundle)
    }

    /// Gives up the generations that nothing refers to any more.
    pub(crate) fn prune(data: &Path, needed: &[&Generation]) -> io::Result<()> {
        let folder = data.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !needed.iter().any(|generation| name == generation.name()) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        sync_folder(&folder)
    }

    /// A file.
    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The files under a folder, with their names below it.
    pub(crate) fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files.iter().filter_map(move |(name, bytes)| {
            let name = name.strip_prefix(folder)?.strip_prefix('/')?;
            Some((name, bytes.as_slice()))
        })
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn read(path: &Path) -> Result<Vec<u8>, ContextError> {
    let unreadable = |why| ContextError::Unreadable {
        path: PathBuf::from(path),
        why,
    };
    let length = fs::metadata(path).map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(ContextError::TooLarge {
            path: path.to_owned(),
            bytes: length,
            bytes_max: FILE_BYTES_MAX,
        });
    }
    fs::read(path).map_err(unreadable)
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_nobody_needs_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let people = dir.path().join("people.csv");
        fs::write(&people, "user\nhana@example.co.jp\n").unwrap();
        let files = ContextFiles {
            people: Some(people.clone()),
            ..ContextFiles::default()
        };

        let first = Bundle::collect(&files).unwrap();
        let kept = first.keep(dir.path()).unwrap();
        assert_eq!(Bundle::open(dir.path(), &kept).unwrap(), first);

        fs::write(&people, "user\nken@example.co.jp\n").unwrap();
        let second = Bundle::collect(&files).unwrap().keep(dir.path()).unwrap();
        assert_ne!(kept, second);

        Bundle::prune(dir.path(), &[&second]).unwrap();
        assert!(Bundle::open(dir.path(), &kept).is_err());
        assert!(Bundle::open(dir.path(), &second).is_ok());
    }
}
