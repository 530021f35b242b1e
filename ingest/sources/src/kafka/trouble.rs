//! What to do about an error of the library, in words.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

/// How often the same trouble is told.
const TOLD_EVERY: Duration = Duration::from_mins(5);

/// What the library and OpenSSL say of a handshake that failed, and what may help. The code is the same for most of
/// them, and whether it is that of TLS or of the connection depends on the moment.
const HANDSHAKES: [(&str, &str); 5] = [
    (
        "certificate verify failed",
        "the certificate of the broker is not accepted: if an authority of your own signed it, name its PEM file as \
         `ca`; and name the brokers as their certificates do, not by addresses or other names",
    ),
    (
        "alert bad certificate",
        "the brokers want a certificate of ours: name `certificate` and `key`, signed by an authority that they trust",
    ),
    (
        "alert certificate required",
        "the brokers want a certificate of ours: name `certificate` and `key`, signed by an authority that they trust",
    ),
    (
        "alert unknown ca",
        "the brokers do not trust the authority that signed our `certificate`",
    ),
    (
        "PLAINTEXT broker listener",
        "the port speaks no TLS: name the one that does, or set tls = false",
    ),
];

/// What may help. Every error is followed by another try, so what passes by itself needs no words.
pub(super) fn advice(code: Option<Code>, reason: &str) -> &'static str {
    let handshake = HANDSHAKES.iter().find(|(said, _)| reason.contains(said));
    handshake.map_or_else(|| code.map_or(AGAIN, of_code), |(_, advice)| advice)
}

/// Whether it only says that no broker can be reached, not why.
pub(super) fn is_a_consequence(code: Option<Code>, reason: &str) -> bool {
    matches!(code, Some(Code::AllBrokersDown | Code::BrokerTransportFailure))
        && !HANDSHAKES.iter().any(|(said, _)| reason.contains(said))
}

/// Where nothing is to be done.
const AGAIN: &str = "it is tried again";

fn of_code(code: Code) -> &'static str {
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "the brokers do not accept the user and password: check them (for Event Hubs the user is \
             $ConnectionString and the password the whole connection string)"
        }
        Code::SSL => "TLS failed: check that the port speaks TLS, and the authorities that are trusted",
        Code::TopicAuthorizationFailed => "the user may not read the topic: allow READ and DESCRIBE on it",
        Code::GroupAuthorizationFailed => "the user may not use the group: allow READ on it, or name another group",
        Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicOrPartition => {
            "there is no such topic: make it, or mend its name; it is read as soon as it is there"
        }
        Code::Resolve => "the name of a broker is not known: check brokers and the name server",
        Code::BrokerTransportFailure | Code::AllBrokersDown => {
            "no broker can be reached: check brokers and the network; one that expects TLS closes plain connections"
        }
        Code::InconsistentGroupProtocol => {
            "other members of the group share partitions in another way: name a group of its own"
        }
        Code::FencedInstanceId => "another member has the same instance_id: each process needs its own",
        Code::BadCompression => "a batch cannot be decompressed: it is damaged, or larger than is taken",
        _ => AGAIN,
    }
}

/// What was told and when, so that an error that lasts does not fill the log.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// One for each kind of error, of which there are about two hundred.
    last: Vec<(Option<Code>, Instant)>,
}

impl Told {
    /// Whether to tell of it now.
    pub(super) fn is_due(&mut self, code: Option<Code>, now: Instant) -> bool {
        match self.last.iter_mut().find(|(known, _)| *known == code) {
            Some((_, last)) if now.duration_since(*last) < TOLD_EVERY => return false,
            Some((_, last)) => *last = now,
            None => self.last.push((code, now)),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_told_now_and_then() {
        let mut told = Told::default();
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);

        assert!(told.is_due(Some(Code::AllBrokersDown), start));
        assert!(!told.is_due(Some(Code::AllBrokersDown), later(1)));
        assert!(told.is_due(Some(Code::Resolve), later(2)));
        assert!(!told.is_due(Some(Code::AllBrokersDown), later(299)));
        assert!(told.is_due(Some(Code::AllBrokersDown), later(300)));
    }
}
