//! What earlier lines of a connection said, by the address of the peer.

use std::collections::{BTreeMap, HashMap};

use sekisho_model::{Raw, Snapshot};
use serde::{Deserialize, Serialize};

/// How many connections are remembered: those of some minutes of a large server; the oldest gives way.
pub(crate) const PEERS_MAX: usize = 4096;
/// How many bytes of a name are kept: a common name has at most 64, a mail address 320.
const NAME_BYTES_MAX: usize = 512;
/// The part of a snapshot that holds the connections.
const PART: &str = "openvpn.log.peers";

/// Tenant, log, host and address: addresses of several servers are told apart.
type Key = (String, String, String, String);

/// What is known of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Peer {
    /// The user name that was given, or the common name of the certificate.
    pub(super) name: Option<String>,
    /// Whether a failure of it was counted.
    pub(super) failed: bool,
}

/// What a line teaches about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson<'a> {
    Nothing,
    Name(&'a str),
    Failed,
    Ended,
}

/// The connections, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Peers {
    in_order: BTreeMap<u64, (Key, Peer)>,
    by_key: HashMap<Key, u64>,
    next: u64,
}

impl Peers {
    /// What is known of the connection from `address`.
    pub(super) fn of(&self, raw: &Raw<'_>, host: &str, address: &str) -> Peer {
        let place = self.by_key.get(&key(raw, host, address));
        let found = place.and_then(|place| self.in_order.get(place));
        found.map(|(_, peer)| peer.clone()).unwrap_or_default()
    }

    /// Remembers what a line taught.
    pub(super) fn learn(&mut self, raw: &Raw<'_>, host: &str, address: &str, lesson: Lesson<'_>) {
        if address.is_empty() || lesson == Lesson::Nothing {
            return;
        }
        let mut peer = self.of(raw, host, address);
        let key = key(raw, host, address);
        if let Some(place) = self.by_key.remove(&key) {
            self.in_order.remove(&place);
        }
        match lesson {
            Lesson::Name(name) => peer.name = Some(cut(name)),
            Lesson::Failed => peer.failed = true,
            Lesson::Ended | Lesson::Nothing => return,
        }
        self.insert(key, peer);
    }

    fn insert(&mut self, key: Key, peer: Peer) {
        self.by_key.insert(key.clone(), self.next);
        self.in_order.insert(self.next, (key, peer));
        self.next += 1;
        if self.in_order.len() > PEERS_MAX
            && let Some((_, (oldest, _))) = self.in_order.pop_first()
        {
            self.by_key.remove(&oldest);
        }
    }

    /// Saves the connections, the oldest first.
    pub(super) fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.in_order
            .iter()
            .try_for_each(|(place, entry)| into.put(PART, place.to_string(), entry))
    }

    /// Goes on from a snapshot.
    pub(super) fn restore(&mut self, from: &Snapshot) {
        *self = Self::default();
        let entries = from.part(PART).iter();
        for (key, peer) in entries.filter_map(|(_, entry)| serde_json::from_str(entry).ok()) {
            self.insert(key, peer);
        }
    }
}

fn key(raw: &Raw<'_>, host: &str, address: &str) -> Key {
    let origin = &raw.origin;
    (
        origin.tenant.to_string(),
        origin.log.to_string(),
        cut(host),
        cut(address),
    )
}

/// The beginning of a name.
fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(NAME_BYTES_MAX))
        .unwrap_or_default()
        .to_owned()
}
