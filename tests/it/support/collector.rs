//! Whoever the program tells: takes every `POST` on the loopback address and remembers it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::Value;

use super::{PATIENCE, eventually};

/// The key that the webhook channels sign with.
pub(crate) const KEY: &str = "whsec_c2VraXNobyBlbmQtdG8tZW5kIHRlc3Qga2V5";

/// A message that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Post {
    /// A header that must be there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The incident that a webhook tells of.
    pub(crate) fn incident_id(&self) -> String {
        self.json()["data"]["incident"]["incident_id"]
            .as_str()
            .expect("a webhook names its incident")
            .to_owned()
    }

    /// Whether the signature is that of Standard Webhooks with [`KEY`].
    pub(crate) fn is_signed(&self) -> bool {
        let key = STANDARD
            .decode(KEY.trim_start_matches("whsec_"))
            .expect("the key is base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = format!(
            "{}.{}.{}",
            self.header("webhook-id"),
            self.header("webhook-timestamp"),
            self.body
        );
        self.header("webhook-signature").split(' ').any(|signature| {
            let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
            tag.is_some_and(|tag| hmac::verify(&key, signed.as_bytes(), &tag).is_ok())
        })
    }
}

/// A server for messages.
#[derive(Debug)]
pub(crate) struct Collector {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Collector {
    /// Starts to listen; it ends with the test.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let posts = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&posts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { address, posts }
    }

    /// Where a channel posts to.
    pub(crate) fn url(&self, channel: &str) -> String {
        format!("http://{}/{channel}", self.address)
    }

    /// What arrived for a channel so far.
    pub(crate) fn posts(&self, channel: &str) -> Vec<Post> {
        let path = format!("/{channel}");
        self.posts
            .lock()
            .expect("no thread failed")
            .iter()
            .filter(|post| post.path == path)
            .cloned()
            .collect()
    }

    /// Waits until what arrived for a channel is `enough`.
    pub(crate) fn wait(&self, channel: &str, what: &str, enough: impl Fn(&[Post]) -> bool) -> Vec<Post> {
        eventually(what, || Some(self.posts(channel)).filter(|posts| enough(posts)))
    }
}

/// A message counts as arrived when it was read whole, whether or not the sender is still there for
/// the answer.
fn serve(stream: TcpStream, posts: &Mutex<Vec<Post>>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    posts.lock().ok()?.push(Post { path, headers, body });
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
    reader.into_inner().write_all(answer).ok()
}
