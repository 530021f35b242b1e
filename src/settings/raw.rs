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
    pub(super) tls: RawTls,
    #[serde(default)]
    pub(super) file: Vec<RawFile>,
    #[serde(default)]
    pub(super) kafka: Vec<RawKafka>,
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
    pub(super) digest: RawDigest,
    #[serde(default)]
    pub(super) store: RawStore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListen {
    pub(super) http: At<String>,
    pub(super) syslog_udp: At<String>,
    pub(super) syslog_tcp: At<String>,
    pub(super) http_tls: At<String>,
    pub(super) syslog_tls: At<String>,
    pub(super) lumberjack: At<String>,
    pub(super) lumberjack_tls: At<String>,
    pub(super) forward: At<String>,
    pub(super) forward_tls: At<String>,
    pub(super) forward_key_file: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
    pub(super) client_ca: At<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKafka {
    pub(super) brokers: Spanned<Vec<String>>,
    pub(super) topics: Spanned<Vec<String>>,
    pub(super) source: Spanned<String>,
    pub(super) group: Option<String>,
    pub(super) instance_id: Option<String>,
    #[serde(default)]
    pub(super) tls: bool,
    pub(super) ca: Option<PathBuf>,
    pub(super) certificate: At<PathBuf>,
    pub(super) key: At<PathBuf>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
    pub(super) sasl: At<String>,
    pub(super) user: At<String>,
    pub(super) password_file: Option<PathBuf>,
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
    pub(super) zone: At<String>,
    pub(super) map: Option<PathBuf>,
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
    pub(super) notices: Option<PathBuf>,
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
    pub(super) messages_per_day: At<i64>,
    pub(super) digest: Option<bool>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
    #[serde(default)]
    pub(super) operator: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDigest {
    pub(super) at: At<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStore {
    pub(super) epoch_secs: At<i64>,
    pub(super) retain_days: At<i64>,
}
