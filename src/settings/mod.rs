//! The settings of the service: `sekisho.toml` as written ([`raw`]), and as checked ([`Settings`]).
//!
//! Every key has a default, so an empty file runs. Checking reads nothing but its argument and the
//! environment it is given; files that settings name are opened later.

mod checked;
mod doors;
mod error;
mod place;
mod raw;
mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) use checked::{ChannelKind, ChannelSettings, ContextFiles, Settings};
pub(crate) use doors::{DoorKind, FollowedFile, KafkaDoor, Sasl, Tls};
pub(crate) use error::SettingsError;
pub(crate) use secret::Secret;

/// The environment, read once in `main`.
pub(crate) type Environment = BTreeMap<String, String>;

/// Reads and checks the settings of `path`; without a path, the defaults.
pub(crate) fn load(path: Option<&Path>, environment: &Environment) -> Result<Settings, SettingsError> {
    let Some(path) = path else {
        return Settings::check(&raw::Raw::default(), "", Path::new("(defaults)"), environment);
    };
    let text = std::fs::read_to_string(path).map_err(|why| SettingsError::Unreadable {
        path: path.to_owned(),
        why,
    })?;
    parse(&text, path, environment)
}

/// Checks the text of a settings file; relative paths in it are relative to its folder.
pub(crate) fn parse(text: &str, path: &Path, environment: &Environment) -> Result<Settings, SettingsError> {
    let raw: raw::Raw = toml::from_str(text).map_err(|error| SettingsError::Syntax {
        path: path.to_owned(),
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        message: error.message().to_owned(),
    })?;
    Settings::check(&raw, text, path, environment)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn beside(file: &Path, relative: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(relative)
}

#[cfg(test)]
mod tests;
