//! Which files a path with a `*` means.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// The endings of compressed files, which are not read.
const COMPRESSED: [&str; 4] = ["gz", "xz", "bz2", "zst"];

/// A folder and what the names in it look like.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    path: PathBuf,
    name: String,
}

impl Pattern {
    pub(super) fn new(path: &Path) -> Self {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned();
        Self {
            path: path.to_owned(),
            name,
        }
    }

    /// The files it means now, in order of their names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        if self.name.contains('*') {
            self.list(|name| matches(&self.name, name))
        } else {
            vec![self.path.clone()]
        }
    }

    /// Files that may have had such a name before they were rotated: theirs begins with it, as in
    /// `auth.log.1` and `auth.log-20261121`.
    pub(super) fn rotated(&self) -> Vec<PathBuf> {
        let longer = format!("{}*", self.name);
        self.list(|name| matches(&longer, name) && !matches(&self.name, name))
    }

    fn list(&self, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // A folder that is not there yet has no files; it is looked at again.
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_str().is_some_and(&wanted))
            .map(|entry| entry.path())
            .filter(|path| {
                !path
                    .extension()
                    .and_then(OsStr::to_str)
                    .is_some_and(|end| COMPRESSED.contains(&end))
            })
            .collect();
        paths.sort();
        paths
    }
}

/// Whether `name` is like `pattern`, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("auth.log", "auth.log", true),
            ("auth.log", "auth.log.1", false),
            ("*.log", "auth.log", true),
            ("*.log", "auth.log.1", false),
            ("a*", "a", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("ab*ba", "aba", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
