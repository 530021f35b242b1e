//! The settings of the doors: where the service listens, which files and topics it reads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use sekisho_formats::FORMATS;
use sekisho_sources::kafka::{KafkaSettings, SaslMechanism};
use toml::Spanned;

use super::place::Place;
use super::raw::{Raw, RawKafka, RawSource};
use super::secret::Secret;
use super::{SettingsError, beside};

/// Where the service listens. A door with `_tls` in its name speaks TLS only, the others plain text only.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    pub(crate) http: SocketAddr,
    pub(crate) syslog_udp: SocketAddr,
    pub(crate) syslog_tcp: SocketAddr,
    /// Doors that are closed unless they are named.
    pub(crate) more: Vec<(DoorKind, SocketAddr)>,
    pub(crate) tls: Option<Tls>,
    /// The key that Fluentd and Fluent Bit must know.
    pub(crate) forward_key: Option<Secret>,
}

/// A door that is closed unless it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DoorKind {
    HttpTls,
    SyslogTls,
    Lumberjack,
    LumberjackTls,
    Forward,
    ForwardTls,
}

impl DoorKind {
    /// The key in `[listen]`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::HttpTls => "http_tls",
            Self::SyslogTls => "syslog_tls",
            Self::Lumberjack => "lumberjack",
            Self::LumberjackTls => "lumberjack_tls",
            Self::Forward => "forward",
            Self::ForwardTls => "forward_tls",
        }
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_tls(self) -> bool {
        self.key().ends_with("_tls")
    }
}

/// The certificate of the doors that speak TLS, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Whose certificates a client must have one of, at every door but that of HTTP, which has tokens.
    pub(crate) client_ca: Option<PathBuf>,
}

/// A file to follow.
#[derive(Clone, Debug)]
pub(crate) struct FollowedFile {
    pub(crate) path: PathBuf,
    pub(crate) source: String,
}

impl FollowedFile {
    /// Why it cannot be read now, if it cannot; a pattern may have no file yet.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.path.to_string_lossy().contains('*') {
            return None;
        }
        let error = std::fs::File::open(&self.path).err()?;
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "; run as a user who may read it, such as one of the group adm",
            std::io::ErrorKind::NotFound => {
                "; where logs are in the journal only, install rsyslog, or systemd-journal-remote for its upload"
            }
            _ => "",
        };
        Some(format!("{}: {error}{hint}", self.path.display()))
    }
}

/// What is special about a source.
#[derive(Clone, Debug)]
pub(crate) struct SourceSettings {
    pub(crate) id: String,
    /// It sends old records, which are judged as if they were new.
    pub(crate) backfill: bool,
    /// The zone of its time stamps that have none.
    pub(crate) zone: Option<TimeZone>,
    /// A file that says which of its fields becomes which column.
    pub(crate) map: Option<PathBuf>,
}

/// Topics to read.
#[derive(Clone, Debug)]
pub(crate) struct KafkaDoor {
    pub(crate) brokers: Vec<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) source: String,
    pub(crate) group: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) tls: bool,
    pub(crate) ca: Option<PathBuf>,
    /// Our own certificate and its key, for brokers that want one.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    pub(crate) allow_plaintext: bool,
    pub(crate) sasl: Option<Sasl>,
}

/// Who we are to the brokers.
#[derive(Clone, Debug)]
pub(crate) struct Sasl {
    pub(crate) mechanism: SaslMechanism,
    pub(crate) user: String,
    pub(crate) password: Secret,
}

pub(super) fn listen(place: &Place<'_>, raw: &Raw) -> Result<Listen, SettingsError> {
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let listen = &raw.listen;
    let plaintext = listen.allow_plaintext;
    let tls = tls(place, raw)?;
    let forward_key = place.any_secret("FORWARD__KEY", listen.forward_key_file.as_ref());
    let named = [
        (DoorKind::HttpTls, &listen.http_tls),
        (DoorKind::SyslogTls, &listen.syslog_tls),
        (DoorKind::Lumberjack, &listen.lumberjack),
        (DoorKind::LumberjackTls, &listen.lumberjack_tls),
        (DoorKind::Forward, &listen.forward),
        (DoorKind::ForwardTls, &listen.forward_tls),
    ];
    let mut more = Vec::new();
    for (kind, value) in named {
        let Some(value) = value else { continue };
        let key = format!("listen.{}", kind.key());
        if kind.is_tls() && tls.is_none() {
            let expected = "[tls] with `certificate` and `key` for it";
            return Err(place.wrong(value.span(), &key, format!("\"{}\"", value.get_ref()), expected));
        }
        let address = place.address(&key, Some(value), local(0), plaintext || kind.is_tls())?;
        let knows_clients = match kind {
            DoorKind::LumberjackTls => tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
            DoorKind::ForwardTls => forward_key.is_some() || tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
            DoorKind::HttpTls | DoorKind::SyslogTls | DoorKind::Lumberjack | DoorKind::Forward => true,
        };
        if !knows_clients && !plaintext && !address.ip().is_loopback() {
            let expected = "a loopback address, or `client_ca` in [tls]: else anybody may send";
            return Err(place.wrong(value.span(), &key, format!("\"{}\"", value.get_ref()), expected));
        }
        more.push((kind, address));
    }
    Ok(Listen {
        http: place.address("listen.http", listen.http.as_ref(), local(8600), plaintext)?,
        syslog_udp: place.address("listen.syslog_udp", listen.syslog_udp.as_ref(), local(5514), plaintext)?,
        syslog_tcp: place.address("listen.syslog_tcp", listen.syslog_tcp.as_ref(), local(5514), plaintext)?,
        more,
        tls,
        forward_key,
    })
}

fn tls(place: &Place<'_>, raw: &Raw) -> Result<Option<Tls>, SettingsError> {
    let (certificate, key) = (&raw.tls.certificate, &raw.tls.key);
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Tls {
            certificate: beside(place.path, certificate.get_ref()),
            key: beside(place.path, key.get_ref()),
            client_ca: raw
                .tls
                .client_ca
                .as_ref()
                .map(|file| beside(place.path, file.get_ref())),
        })),
        (Some(one), None) => Err(place.wrong(one.span(), "tls.key", "missing", "the PEM file of the private key")),
        (None, Some(one)) => Err(place.wrong(
            one.span(),
            "tls.certificate",
            "missing",
            "the PEM file of the certificate and those above it",
        )),
    }
}

pub(super) fn files(place: &Place<'_>, raw: &Raw) -> Result<Vec<FollowedFile>, SettingsError> {
    raw.file
        .iter()
        .map(|file| {
            Ok(FollowedFile {
                path: beside(place.path, &file.path),
                source: place.source("file.source", &file.source)?,
            })
        })
        .collect()
}

pub(super) fn sources(
    place: &Place<'_>,
    raw: &BTreeMap<Spanned<String>, RawSource>,
) -> Result<Vec<SourceSettings>, SettingsError> {
    raw.iter().map(|(id, source)| one_source(place, id, source)).collect()
}

fn one_source(place: &Place<'_>, id: &Spanned<String>, raw: &RawSource) -> Result<SourceSettings, SettingsError> {
    let with_maps: Vec<&str> = FORMATS
        .iter()
        .filter(|spec| spec.takes_own_maps())
        .map(|spec| spec.id)
        .collect();
    if raw.map.is_some() && !with_maps.contains(&id.get_ref().as_str()) {
        let (found, expected) = (
            format!("\"{}\"", id.get_ref()),
            format!("one of {}", with_maps.join(", ")),
        );
        return Err(place.wrong(id.span(), "source.map", found, expected));
    }
    Ok(SourceSettings {
        id: place.source("source", id)?,
        backfill: raw.backfill,
        zone: raw
            .zone
            .as_ref()
            .map(|zone| place.zone("source.zone", zone))
            .transpose()?,
        map: raw.map.as_ref().map(|file| beside(place.path, file)),
    })
}

pub(super) fn kafka(place: &Place<'_>, raw: &[RawKafka]) -> Result<Vec<KafkaDoor>, SettingsError> {
    raw.iter()
        .zip(1..)
        .map(|(kafka, number)| kafka_door(place, kafka, number))
        .collect()
}

fn kafka_door(place: &Place<'_>, raw: &RawKafka, number: usize) -> Result<KafkaDoor, SettingsError> {
    let filled = |key: &str, value: &Spanned<Vec<String>>, expected: &str| {
        if value.get_ref().is_empty() {
            return Err(place.wrong(value.span(), key, "[]", expected));
        }
        Ok(value.get_ref().clone())
    };
    Ok(KafkaDoor {
        brokers: filled("kafka.brokers", &raw.brokers, "addresses such as [\"127.0.0.1:9092\"]")?,
        topics: filled("kafka.topics", &raw.topics, "names of topics")?,
        source: place.source("kafka.source", &raw.source)?,
        group: raw.group.clone().unwrap_or_else(|| KafkaSettings::GROUP.to_owned()),
        instance_id: raw.instance_id.clone(),
        tls: raw.tls,
        ca: raw.ca.as_ref().map(|file| beside(place.path, file)),
        client: client_certificate(place, raw)?,
        allow_plaintext: raw.allow_plaintext,
        sasl: sasl(place, raw, number)?,
    })
}

fn client_certificate(place: &Place<'_>, raw: &RawKafka) -> Result<Option<(PathBuf, PathBuf)>, SettingsError> {
    let missing =
        |one: &Spanned<PathBuf>, key: &str, expected: &str| Err(place.wrong(one.span(), key, "missing", expected));
    match (&raw.certificate, &raw.key) {
        (None, None) => Ok(None),
        (Some(certificate), _) if !raw.tls => Err(place.wrong(
            certificate.span(),
            "kafka.tls",
            "false",
            "true, since a certificate is named",
        )),
        (Some(certificate), Some(key)) => Ok(Some((
            beside(place.path, certificate.get_ref()),
            beside(place.path, key.get_ref()),
        ))),
        (Some(one), None) => missing(one, "kafka.key", "the PEM file of the private key"),
        (None, Some(one)) => missing(one, "kafka.certificate", "the PEM file of our certificate"),
    }
}

fn sasl(place: &Place<'_>, raw: &RawKafka, number: usize) -> Result<Option<Sasl>, SettingsError> {
    let Some(user) = &raw.user else { return Ok(None) };
    let password = place.any_secret(&format!("KAFKA__{number}__PASSWORD"), raw.password_file.as_ref());
    let password = password.ok_or_else(|| {
        let expected = format!("a file with the password, or SEKISHO__KAFKA__{number}__PASSWORD in the environment");
        place.wrong(user.span(), "kafka.password_file", "missing", expected)
    })?;
    Ok(Some(Sasl {
        mechanism: place.word("kafka.sasl", raw.sasl.as_ref(), MECHANISMS, SaslMechanism::Plain)?,
        user: user.get_ref().clone(),
        password,
    }))
}

const MECHANISMS: &[(&str, SaslMechanism)] = &[
    ("plain", SaslMechanism::Plain),
    ("scram-sha-256", SaslMechanism::ScramSha256),
    ("scram-sha-512", SaslMechanism::ScramSha512),
];
