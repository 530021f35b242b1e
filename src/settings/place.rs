//! Messages about values: which file, line and key, what was found, and what was expected.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use toml::Spanned;

use super::raw::RawChannel;
use super::secret::Secret;
use super::{Environment, SettingsError, beside, line_of};

/// Where a message about a value points to.
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) environment: &'a Environment,
}

impl Place<'_> {
    pub(super) fn wrong(
        &self,
        span: Range<usize>,
        key: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> SettingsError {
        SettingsError::Value {
            path: self.path.to_owned(),
            line: line_of(self.text, span.start),
            key: key.to_owned(),
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// A text that must be one of some words.
    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        value: Option<&Spanned<String>>,
        words: &[(&str, T)],
        default: T,
    ) -> Result<T, SettingsError> {
        let Some(value) = value else { return Ok(default) };
        self.one_of(key, value, words)
    }

    pub(super) fn one_of<T: Copy>(
        &self,
        key: &str,
        value: &Spanned<String>,
        words: &[(&str, T)],
    ) -> Result<T, SettingsError> {
        words
            .iter()
            .find(|(word, _)| word == value.get_ref())
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| {
                let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                self.wrong(
                    value.span(),
                    key,
                    format!("\"{}\"", value.get_ref()),
                    format!("one of {}", known.join(", ")),
                )
            })
    }

    pub(super) fn address(
        &self,
        key: &str,
        value: Option<&Spanned<String>>,
        default: SocketAddr,
        plaintext: bool,
    ) -> Result<SocketAddr, SettingsError> {
        let Some(value) = value else { return Ok(default) };
        let found = || format!("\"{}\"", value.get_ref());
        let address: SocketAddr = value.get_ref().parse().map_err(|_| {
            self.wrong(
                value.span(),
                key,
                found(),
                "an address and port such as \"127.0.0.1:8600\"",
            )
        })?;
        if address.ip().is_loopback() || plaintext {
            return Ok(address);
        }
        let expected = "a loopback address, or `allow_plaintext = true` in [listen] where the network is trusted";
        Err(self.wrong(value.span(), key, found(), expected))
    }

    pub(super) fn at_least_one(
        &self,
        key: &str,
        value: Option<&Spanned<i64>>,
        default: i64,
    ) -> Result<u64, SettingsError> {
        let Some(value) = value else {
            return Ok(default.unsigned_abs());
        };
        match u64::try_from(*value.get_ref()) {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(self.wrong(value.span(), key, value.get_ref().to_string(), "1 or more")),
        }
    }

    pub(super) fn source(&self, key: &str, id: &Spanned<String>) -> Result<String, SettingsError> {
        if sekisho_formats::format_by_id(id.get_ref()).is_some() || id.get_ref() == "auto" {
            return Ok(id.get_ref().clone());
        }
        let known: Vec<_> = sekisho_formats::FORMATS.iter().map(|spec| spec.id).collect();
        Err(self.wrong(
            id.span(),
            key,
            format!("\"{}\"", id.get_ref()),
            format!("one of auto, {}", known.join(", ")),
        ))
    }

    pub(super) fn zone(&self, key: &str, value: &Spanned<String>) -> Result<TimeZone, SettingsError> {
        let wrong = |_| {
            let found = format!("\"{}\"", value.get_ref());
            let expected = "a zone of the IANA database such as \"Asia/Tokyo\"";
            self.wrong(value.span(), key, found, expected)
        };
        TimeZone::get(value.get_ref()).map_err(wrong)
    }

    /// A secret of the environment, else of a file.
    pub(super) fn any_secret(&self, name: &str, file: Option<&PathBuf>) -> Option<Secret> {
        match self.environment.get(&format!("SEKISHO__{name}")) {
            Some(value) => Some(Secret::Text(value.clone())),
            None => file.map(|file| Secret::File(beside(self.path, file))),
        }
    }

    pub(super) fn secret(
        &self,
        channel: &RawChannel,
        part: &str,
        text: Option<&Spanned<String>>,
        file: Option<&Spanned<PathBuf>>,
    ) -> Option<Secret> {
        let name = channel.name.get_ref().to_uppercase().replace('-', "_");
        if let Some(value) = self.environment.get(&format!("SEKISHO__CHANNEL__{name}__{part}")) {
            return Some(Secret::Text(value.clone()));
        }
        file.map(|file| Secret::File(beside(self.path, file.get_ref())))
            .or_else(|| text.map(|text| Secret::Text(text.get_ref().clone())))
    }
}
