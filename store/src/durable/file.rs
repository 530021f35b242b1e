//! Publishing one file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use sekisho_model::Time;
use uuid::Uuid;

/// How a staged file gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Publish {
    /// In place of the file that may be there.
    Replace,
    /// Only if there is none: the error is [`io::ErrorKind::AlreadyExists`].
    Create,
}

/// A file that has its bytes but not yet its name.
#[derive(Debug)]
pub(super) struct Staged {
    /// The bytes.
    pub(super) file: File,
    path: PathBuf,
    target: PathBuf,
}

impl Staged {
    /// Opens a staging file beside `target`, making the folders on the way.
    ///
    /// Its name ends in `#` and digits, which the object store neither lists nor opens.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
        let mut name = target.as_os_str().to_owned();
        name.push(OsString::from(format!("#{}", Uuid::new_v4().as_u128())));
        let path = PathBuf::from(name);
        let open = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_dirs(parent(target))?;
                open()?
            }
            opened => opened?,
        };
        Ok(Self {
            file,
            path,
            target: target.to_owned(),
        })
    }

    /// Syncs the bytes, gives them their name and syncs the folder.
    pub(super) fn publish(self, how: Publish) -> Result<(), PublishError> {
        let published = self.try_publish(how);
        if published.is_err() || how == Publish::Create {
            // What is left over is swept by maintenance.
            drop(fs::remove_file(&self.path));
        }
        published
    }

    fn try_publish(&self, how: Publish) -> Result<(), PublishError> {
        self.file.sync_all().map_err(PublishError::Sync)?;
        match how {
            Publish::Replace => fs::rename(&self.path, &self.target),
            Publish::Create => fs::hard_link(&self.path, &self.target),
        }
        .map_err(PublishError::Name)?;
        sync_dir(parent(&self.target)).map_err(PublishError::Sync)
    }

    /// Gives the file up.
    pub(super) fn discard(self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Why a file could not be published.
#[derive(Debug)]
pub(super) enum PublishError {
    /// The name could not be given; nothing is visible.
    Name(io::Error),
    /// It is not known what is on stable storage.
    Sync(io::Error),
}

impl From<PublishError> for io::Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Name(error) | PublishError::Sync(error) => error,
        }
    }
}

/// Writes a file that replaces the one of that name, whole or not at all.
pub fn write_file<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let staged = Staged::beside(path)?;
    let mut writer = BufWriter::new(&staged.file);
    let written = write(&mut writer).and_then(|()| writer.flush().map_err(E::from));
    drop(writer);
    if let Err(error) = written {
        staged.discard();
        return Err(error);
    }
    Ok(staged.publish(Publish::Replace).map_err(io::Error::from)?)
}

/// Syncs the names in a folder.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder and those above it; each new name is synced.
pub(crate) fn create_dirs(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    create_dirs(parent(path))?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => sync_dir(parent(path)),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

/// Removes staging files that a crash left under `root` and that nobody has touched for `age`; says how
/// many.
pub fn remove_stale_staging(root: &Path, now: Time, age: Duration) -> io::Result<usize> {
    let mut removed = 0;
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            if metadata.is_dir() {
                folders.push(path);
            } else if is_staging(&path) && modified(&metadata)?.plus(age) <= now {
                fs::remove_file(path)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn modified(metadata: &fs::Metadata) -> io::Result<Time> {
    let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}

fn is_staging(path: &Path) -> bool {
    path.to_str()
        .and_then(|path| path.rsplit_once('#'))
        .is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/folder/manifest.json");
        for text in ["one", "two"] {
            write_file::<io::Error>(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let failed = write_file::<io::Error>(&path, |file| {
            file.write_all(b"three")?;
            Err(io::Error::other("the power failed"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_exists_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000000000000000001.json");
        let mut first = Staged::beside(&path).unwrap();
        first.file.write_all(b"first").unwrap();
        first.publish(Publish::Create).unwrap();
        let second = Staged::beside(&path).unwrap();
        match second.publish(Publish::Create) {
            Err(PublishError::Name(error)) => assert_eq!(error.kind(), io::ErrorKind::AlreadyExists),
            other => panic!("{other:?}"),
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_old_staging_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("date=2026-10-01");
        fs::create_dir(&deep).unwrap();
        for name in ["part.parquet#123", "part.parquet", "notes#1a", "#"] {
            fs::write(deep.join(name), "x").unwrap();
        }
        let day = Duration::from_hours(24);
        assert_eq!(remove_stale_staging(dir.path(), Time(0), day).unwrap(), 0);
        assert_eq!(remove_stale_staging(dir.path(), Time(i64::MAX), day).unwrap(), 1);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 3);
    }
}
