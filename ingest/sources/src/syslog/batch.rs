//! From messages to records of the spool.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_model::Origin;
use sekisho_pipeline::Records;

use super::SyslogDoor;
use crate::door::log_name;

/// The most messages in one append.
pub(super) const BATCH_MESSAGES_MAX: usize = 512;

/// The most bytes in one append; a batch may exceed it by one message.
pub(super) const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Messages that came together, grouped by where they came from and what reads them. The order
/// within a group is that in which they came.
#[derive(Debug, Default)]
pub(super) struct Batch {
    groups: Vec<Group>,
    pub(super) messages: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Group {
    peer: IpAddr,
    source: &'static str,
    records: Vec<Vec<u8>>,
}

impl Batch {
    pub(super) fn push(&mut self, peer: IpAddr, source: &'static str, message: Vec<u8>) {
        self.messages += 1;
        self.bytes += message.len();
        let known = self
            .groups
            .iter_mut()
            .rev()
            .find(|group| group.peer == peer && group.source == source);
        match known {
            Some(group) => group.records.push(message),
            None => self.groups.push(Group {
                peer,
                source,
                records: vec![message],
            }),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        BATCH_MESSAGES_MAX <= self.messages || BATCH_BYTES_MAX <= self.bytes
    }

    /// The records of each group and whose they are; `protocol` is what the origin begins with.
    pub(super) fn into_records(self, door: &SyslogDoor, protocol: &str) -> Vec<(IpAddr, Records)> {
        let records = |group: Group| {
            let origin = Origin {
                tenant: Arc::clone(&door.tenant),
                source: Arc::from(group.source),
                label: Arc::from(format!("{protocol}:{}", group.peer)),
                log: log_name(),
                backfill: false,
            };
            (
                group.peer,
                Records {
                    origin,
                    cursor: None,
                    records: group.records,
                },
            )
        };
        self.groups.into_iter().map(records).collect()
    }
}
