//! The settings as written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// A value that knows its line.
pub(super) type At<T> = Option<Spanned<T>>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) data: Option<PathBuf>,
    pub(super) tenant: Option<String>,
    pub(super) zone: At<String>,
    pub(super) lang: At<String>,
    #[serde(default)]
    pub(super) listen: RawListen,
    #[serde(default)]
    pub(super) file: Vec<RawFile>,
    #[serde(default)]
    pub(super) source: BTreeMap<Spanned<String>, RawSource>,
    #[serde(default)]
    pub(super) geo: RawGeo,
    #[serde(default)]
    pub(super) context: RawContext,
    #[serde(default)]
    pub(super) calendar: RawCalendar,
    #[serde(default)]
    pub(super) channel: Vec<RawChannel>,
    #[serde(default)]
    pub(super) store: RawStore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    pub(super) http: At<String>,
    pub(super) syslog_udp: At<String>,
    pub(super) syslog_tcp: At<String>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) path: PathBuf,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    #[serde(default)]
    pub(super) backfill: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGeo {
    pub(super) city: Option<PathBuf>,
    pub(super) asn: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContext {
    pub(super) people: Option<PathBuf>,
    pub(super) networks: Option<PathBuf>,
    pub(super) rules: Option<PathBuf>,
    #[serde(default)]
    pub(super) trusted_proxies: Vec<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCalendar {
    pub(super) hours: At<String>,
    pub(super) days: At<Vec<String>>,
    pub(super) holidays: At<String>,
    pub(super) closed: At<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannel {
    pub(super) name: Spanned<String>,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    pub(super) url: At<String>,
    pub(super) url_file: At<PathBuf>,
    pub(super) secret: At<String>,
    pub(super) secret_file: At<PathBuf>,
    pub(super) min_level: At<String>,
    pub(super) lang: At<String>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    pub(super) epoch_secs: At<i64>,
    pub(super) retain_days: At<i64>,
}
