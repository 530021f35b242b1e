//! The one way out: where requests may go, and how long they may take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, redirect};
use sekisho_model::Time;
use url::{Host, Url};

use super::retry::{Retry, judge};
use crate::channel::webhook::NotAKey;
use crate::secret::Secret;

/// The most time for a connection: beyond, the other end is down or a firewall is silent.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// The most time for a request, from connecting to the end of the answer: the specification of
/// webhooks asks for 15 to 30 s.
const REQUEST_MAX: Duration = Duration::from_secs(15);

/// The most bytes that are read of an answer. Chats answer with a word.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The most characters of an answer that are told.
const ANSWER_CHARS_MAX: usize = 64;

/// A channel cannot be used as it is set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is none.
    #[error("channel {0}: the address is not a URL that begins with https://")]
    NotAUrl(String),
    /// The address is not encrypted.
    #[error("channel {0}: the address begins with http://, and `allow_plaintext` is not set")]
    Plaintext(String),
    /// The address names a host that nothing is sent to.
    #[error("channel {channel}: nothing is sent to {host}")]
    Forbidden {
        /// The channel.
        channel: String,
        /// The host.
        host: String,
    },
    /// A key cannot be used.
    #[error("channel {channel}: {source}")]
    Key {
        /// The channel.
        channel: String,
        /// Why.
        source: NotAKey,
    },
    /// The HTTP client cannot be built.
    #[error("channel {channel}: cannot set up the HTTP client: {reason}")]
    Client {
        /// The channel.
        channel: String,
        /// Why.
        reason: String,
    },
}

/// A message did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} {what}")]
pub struct DeliveryError {
    /// The host, without the rest of the address.
    pub host: String,
    /// What it answered, or why it could not.
    pub what: String,
    /// What to do about it.
    pub retry: Retry,
}

/// A checked address with a client for it.
#[derive(Clone)]
pub(super) struct Egress {
    url: Url,
    host: String,
    client: Client,
}

/// Without the address, which is a secret.
impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Egress {
    pub(super) fn new(channel: &str, url: &Secret, allow_plaintext: bool) -> Result<Self, SetupError> {
        let url = check(channel, url, allow_plaintext)?;
        let client = Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(REQUEST_MAX)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .https_only(url.scheme() == "https")
            .dns_resolver(Arc::new(Filtered))
            .user_agent(concat!("sekisho/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SetupError::Client {
                channel: channel.to_owned(),
                reason: innermost(&error),
            })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self { url, host, client })
    }

    /// Posts a body; `now` is for reading a `Retry-After` that is a date.
    pub(super) async fn post(
        &self,
        body: String,
        headers: &[(&'static str, String)],
        now: Time,
    ) -> Result<(), DeliveryError> {
        let headers = self.headers(headers)?;
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        match judge(status, retry_after, now) {
            None => Ok(()),
            Some(retry) => {
                let word = answer_word(response)
                    .await
                    .map(|word| format!(": {word}"))
                    .unwrap_or_default();
                Err(DeliveryError {
                    host: self.host.clone(),
                    what: format!("answered {status}{word}"),
                    retry,
                })
            }
        }
    }

    fn headers(&self, pairs: &[(&'static str, String)]) -> Result<HeaderMap, DeliveryError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in pairs {
            let value = HeaderValue::from_str(value).map_err(|_| DeliveryError {
                host: self.host.clone(),
                what: format!("cannot be sent the header {name}"),
                retry: Retry::Never,
            })?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    fn unreachable(&self, error: &reqwest::Error) -> DeliveryError {
        let what = if error.is_timeout() {
            "did not answer in time".to_owned()
        } else if error.is_connect() {
            format!("cannot be reached: {}", innermost(error))
        } else {
            format!("broke off: {}", innermost(error))
        };
        DeliveryError {
            host: self.host.clone(),
            what,
            retry: Retry::WithBackoff,
        }
    }
}

/// The cause at the bottom; those above it name the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<reqwest::Error>() {
        "the request cannot be made".to_owned()
    } else {
        cause.to_string()
    }
}

/// The word that an answer consists of, such as Slack's `no_service`. Anything longer might repeat the
/// address that was posted to, and is not told.
async fn answer_word(mut response: Response) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if ANSWER_BYTES_MAX < bytes.len().saturating_add(chunk.len()) {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    let word = String::from_utf8(bytes).ok()?;
    let is_word =
        (1..=ANSWER_CHARS_MAX).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_word.then_some(word)
}

/// The address, if requests may go there.
fn check(channel: &str, url: &Secret, allow_plaintext: bool) -> Result<Url, SetupError> {
    let not_a_url = || SetupError::NotAUrl(channel.to_owned());
    let url = Url::parse(url.expose()).map_err(|_| not_a_url())?;
    let (host, is_loopback) = match url.host().ok_or_else(not_a_url)? {
        Host::Domain(name) => (None, name == "localhost" || name.ends_with(".localhost")),
        Host::Ipv4(ip) => (Some(IpAddr::V4(ip)), ip.is_loopback()),
        Host::Ipv6(ip) => (Some(IpAddr::V6(ip)), ip.to_canonical().is_loopback()),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback || allow_plaintext => {}
        "http" => return Err(SetupError::Plaintext(channel.to_owned())),
        _ => return Err(not_a_url()),
    }
    match host.filter(|ip| is_forbidden(*ip)) {
        Some(ip) => Err(SetupError::Forbidden {
            channel: channel.to_owned(),
            host: ip.to_string(),
        }),
        None => Ok(url),
    }
}

/// The address at which clouds give out the credentials of a machine.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// The same, of one cloud that does not use a link-local address.
const METADATA_ALIBABA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);

/// Whether nothing is sent to an address: those that speak to machines and not to chats. Private
/// networks are not among them: a chat may stand in the office.
fn is_forbidden(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_multicast()
                || ip.octets().first() == Some(&0)
                || ip == METADATA_ALIBABA
        }
        IpAddr::V6(ip) => {
            let translated = match ip.segments() {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    let [a, b] = high.to_be_bytes();
                    let [c, d] = low.to_be_bytes();
                    is_forbidden(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
                }
                _ => false,
            };
            translated || ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast() || ip == METADATA_V6
        }
    }
}

/// Names are resolved here, and the connection goes to the addresses that are left: a name that means
/// something else a moment later gains nothing.
#[derive(Debug)]
struct Filtered;

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !is_forbidden(address.ip())).collect();
            if allowed.is_empty() {
                return Err("its name has no address that anything is sent to".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str, allow_plaintext: bool) -> &'static str {
        match check("it", &Secret::new(url), allow_plaintext) {
            Ok(_) => "ok",
            Err(SetupError::NotAUrl(_)) => "no url",
            Err(SetupError::Plaintext(_)) => "plaintext",
            Err(SetupError::Forbidden { .. }) => "forbidden",
            Err(_) => "other",
        }
    }

    #[test]
    fn addresses_are_checked_before_anything_is_sent() {
        for (url, expected) in [
            ("https://hooks.example.com/services/T0/B0/x", "ok"),
            ("https://192.168.1.20:8443/hook", "ok"),
            ("http://127.0.0.1:8080/", "ok"),
            ("http://[::1]:8080/", "ok"),
            ("http://localhost:8080/", "ok"),
            ("http://hooks.example.com/", "plaintext"),
            ("http://192.168.1.20/", "plaintext"),
            ("http://localhost.example.com/", "plaintext"),
            ("https://169.254.169.254/latest/meta-data", "forbidden"),
            ("https://2852039166/", "forbidden"),
            ("https://0xa9fea9fe/", "forbidden"),
            ("https://0251.0376.0251.0376/", "forbidden"),
            ("https://[::ffff:169.254.169.254]/", "forbidden"),
            ("https://[::ffff:a9fe:a9fe]/", "forbidden"),
            ("https://[64:ff9b::a9fe:a9fe]/", "forbidden"),
            ("https://[fd00:ec2::254]/", "forbidden"),
            ("https://[fe80::1]/", "forbidden"),
            ("https://100.100.100.200/", "forbidden"),
            ("https://0.0.0.0/", "forbidden"),
            ("https://0.1.2.3/", "forbidden"),
            ("https://[::]/", "forbidden"),
            ("https://224.0.0.1/", "forbidden"),
            ("https://255.255.255.255/", "forbidden"),
            ("file:///etc/passwd", "no url"),
            ("gopher://example.com/", "no url"),
            ("hooks.example.com", "no url"),
            ("https://", "no url"),
            ("", "no url"),
        ] {
            assert_eq!(checked(url, false), expected, "{url}");
        }
        assert_eq!(checked("http://192.168.1.20/", true), "ok");
        assert_eq!(checked("http://169.254.169.254/", true), "forbidden");
    }

    #[test]
    fn an_error_does_not_tell_the_address() {
        let secret = "https://hooks.example.com:99999/services/T0/B0/verysecret";

        let error = check("it", &Secret::new(secret), false).unwrap_err();

        assert!(!format!("{error} {error:?}").contains("verysecret"));
    }
}
