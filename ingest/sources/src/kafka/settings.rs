//! What is read from which brokers, and how they are reached.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

/// The longest name of a topic that Kafka takes.
const TOPIC_BYTES_MAX: usize = 249;

/// How much librdkafka reads ahead, in KiB. What waits there is fetched again after a crash.
const AHEAD_KIB: &str = "16384";

/// The largest answer of a broker that is read, in bytes. A batch must fit into one, as it was compressed.
const ANSWER_BYTES_MAX: &str = "67108864";

/// How often positions that are durable are told to the group, in milliseconds.
const COMMIT_MILLIS: &str = "1000";

/// How often the lag is counted, in milliseconds.
const LAG_MILLIS: &str = "5000";

/// How often brokers are asked for topics and partitions that are new, in milliseconds. Event Hubs
/// closes connections that are idle for four minutes, so metadata is asked for more often than that.
const METADATA_MILLIS: &str = "60000";

/// What is read.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Where to begin to ask for brokers: `host:port`.
    pub brokers: Vec<String>,
    /// The topics; no patterns.
    pub topics: Vec<String>,
    /// The consumer group. Members of one group share the partitions.
    pub group: String,
    /// The parser id of what is in the topics, or `auto`.
    pub source: Arc<str>,
    /// Whose records they are.
    pub tenant: Arc<str>,
    /// Whether the topics hold old records, which are judged as if they were new.
    pub backfill: bool,
    /// A name of this member that outlives it (`group.instance.id`): a restart within 45 seconds keeps
    /// its partitions. Each member needs its own.
    pub instance_id: Option<String>,
    /// How to reach the brokers.
    pub security: KafkaSecurity,
}

/// How brokers are reached; by default without either.
#[derive(Clone, Debug, Default)]
pub struct KafkaSecurity {
    /// TLS, which needs the feature `kafka-tls`.
    pub tls: Option<KafkaTls>,
    /// Who we are.
    pub sasl: Option<KafkaSasl>,
    /// Whether a password may go over the network without TLS. To the loopback it always may.
    pub allow_plaintext: bool,
}

/// TLS to the brokers.
#[derive(Clone, Debug, Default)]
pub struct KafkaTls {
    /// PEM file of the authorities to trust; by default those of the system.
    pub ca: Option<PathBuf>,
    /// PEM files of our own certificate and its key.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// A user and a password.
#[derive(Clone, Debug)]
pub struct KafkaSasl {
    /// How the password is shown to be known.
    pub mechanism: SaslMechanism,
    /// The user; for Event Hubs `$ConnectionString`.
    pub user: String,
    /// The password; for Event Hubs the connection string.
    pub password: KafkaPassword,
}

/// How a password is shown to be known. SCRAM needs the feature `kafka-tls`, which brings OpenSSL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// It is sent.
    Plain,
    /// RFC 5802 with SHA-256.
    ScramSha256,
    /// RFC 5802 with SHA-512.
    ScramSha512,
}

/// A password; it does not print.
#[derive(Clone)]
pub struct KafkaPassword(String);

impl KafkaPassword {
    /// The password without the line end that an editor puts behind it.
    pub fn new(text: &str) -> Self {
        Self(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl fmt::Debug for KafkaPassword {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KafkaPassword(…)")
    }
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaSettingsError {
    /// Something that must be there is not.
    #[error("{key} is empty, expected {expected}")]
    Empty {
        /// The key.
        key: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// Not the name of a topic.
    #[error("{0:?} cannot be a topic: expected 1 to {TOPIC_BYTES_MAX} of the letters a-z A-Z 0-9 . _ -")]
    Topic(String),
    /// A topic that would be read twice.
    #[error("the topic {0} is named twice, expected each topic once: how far it was read is kept by its name")]
    Twice(String),
    /// This program was built without TLS.
    #[error("{0} is not in this build: build it with `--features kafka-tls` (needs perl), or use a package")]
    NeedsTls(&'static str),
    /// A password would be readable on the network.
    #[error("the password would go to {0} in the clear: use TLS, or set allow_plaintext = true")]
    Plaintext(String),
    /// The Kafka library refused them.
    #[error("Kafka settings: {0}")]
    Refused(String),
}

impl KafkaSettings {
    /// The group of whoever names no other.
    pub const GROUP: &'static str = "sekisho";

    /// Whether each can be used, and all of them together.
    pub fn check(all: &[Self]) -> Result<(), KafkaSettingsError> {
        for settings in all {
            settings.client()?;
        }
        let mut topics = BTreeSet::new();
        match all
            .iter()
            .flat_map(|settings| &settings.topics)
            .find(|topic| !topics.insert(*topic))
        {
            Some(topic) => Err(KafkaSettingsError::Twice(topic.clone())),
            None => Ok(()),
        }
    }

    /// The settings of the library.
    pub(super) fn client(&self) -> Result<ClientConfig, KafkaSettingsError> {
        self.check_names()?;
        self.security.check(&self.brokers)?;
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "sekisho")
            .set("group.id", &self.group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            // Only what is durable is stored, and only what is stored is committed: now and then, when
            // a partition is given back, and at the end.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", COMMIT_MILLIS)
            .set("allow.auto.create.topics", "false")
            .set("queued.max.messages.kbytes", AHEAD_KIB)
            .set("receive.message.max.bytes", ANSWER_BYTES_MAX)
            .set("socket.keepalive.enable", "true")
            .set("topic.metadata.refresh.interval.ms", METADATA_MILLIS)
            .set("statistics.interval.ms", LAG_MILLIS)
            .set_log_level(RDKafkaLogLevel::Info);
        if let Some(id) = &self.instance_id {
            client.set("group.instance.id", id);
        }
        self.security.apply(&mut client);
        client
            .create_native_config()
            .map_err(|error| KafkaSettingsError::Refused(error.to_string()))?;
        Ok(client)
    }

    fn check_names(&self) -> Result<(), KafkaSettingsError> {
        for (key, is_empty, expected) in [
            ("brokers", self.brokers.is_empty(), "one or more of host:port"),
            ("topics", self.topics.is_empty(), "one or more topics"),
            ("group", self.group.is_empty(), "the name of a consumer group"),
        ] {
            if is_empty {
                return Err(KafkaSettingsError::Empty { key, expected });
            }
        }
        match self.topics.iter().find(|topic| !is_topic(topic)) {
            Some(topic) => Err(KafkaSettingsError::Topic(topic.clone())),
            None => Ok(()),
        }
    }
}

impl KafkaSecurity {
    fn check(&self, brokers: &[String]) -> Result<(), KafkaSettingsError> {
        let scram = self
            .sasl
            .as_ref()
            .is_some_and(|sasl| sasl.mechanism != SaslMechanism::Plain);
        if !cfg!(feature = "kafka-tls") && self.tls.is_some() {
            return Err(KafkaSettingsError::NeedsTls("Kafka over TLS"));
        }
        if !cfg!(feature = "kafka-tls") && scram {
            return Err(KafkaSettingsError::NeedsTls("SCRAM for Kafka"));
        }
        let is_open = self.tls.is_none() && self.sasl.is_some() && !self.allow_plaintext;
        match brokers.iter().find(|broker| is_open && !is_loopback(broker)) {
            Some(broker) => Err(KafkaSettingsError::Plaintext(broker.clone())),
            None => Ok(()),
        }
    }

    fn apply(&self, client: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        client.set("security.protocol", protocol);
        if let Some(sasl) = &self.sasl {
            let mechanism = match sasl.mechanism {
                SaslMechanism::Plain => "PLAIN",
                SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            client
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", &sasl.user)
                .set("sasl.password", &sasl.password.0);
        }
        if let Some(tls) = &self.tls {
            let ca = tls.ca.as_ref().map(|path| path.display().to_string());
            // An OpenSSL that is linked in does not know where the system keeps its authorities.
            client.set("ssl.ca.location", ca.as_deref().unwrap_or("probe"));
            if let Some((certificate, key)) = &tls.client {
                client
                    .set("ssl.certificate.location", certificate.display().to_string())
                    .set("ssl.key.location", key.display().to_string());
            }
        }
    }
}

/// Names that begin with `^` would be patterns to the library.
fn is_topic(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=TOPIC_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_letter)
}

fn is_loopback(broker: &str) -> bool {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
