//! From messages to records of the spool.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sekisho_model::Origin;
use sekisho_pipeline::Records;

use super::KafkaSettings;
use super::progress::Mark;
use crate::door::log_name;
use crate::http::{BODY_BYTES_MAX, RECORDS_MAX};
use crate::lines::cut;
use crate::unwrap;

/// The most bytes of messages in one append; a batch may exceed it by one message.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// The most messages in one append: small ones cost memory beside their bytes.
const BATCH_MESSAGES_MAX: usize = 8_192;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Partition {
    pub(super) topic: Arc<str>,
    pub(super) number: i32,
}

impl Partition {
    pub(super) fn new(topic: &str, number: i32) -> Self {
        Self {
            topic: Arc::from(topic),
            number,
        }
    }

    /// The first word of its cursors.
    pub(super) fn cursor_key(&self) -> String {
        format!("kafka:{self}")
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.topic, self.number)
    }
}

/// The records of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// These, of which there may be none.
    Records(Vec<Vec<u8>>),
    /// It is too large to be taken apart. Its beginning is a record, so that it is seen what was lost.
    Oversize(Vec<u8>),
}

/// Takes a value apart, as the body of an HTTP request is. A message that comes again must not be half
/// taken, so all of its records are of one frame.
pub(super) fn open(value: &[u8]) -> Value {
    if BODY_BYTES_MAX < value.len() {
        return Value::Oversize(cut(value).to_vec());
    }
    let mut records = Vec::new();
    for record in unwrap::records(value) {
        if records.len() == RECORDS_MAX {
            return Value::Oversize(cut(value).to_vec());
        }
        records.push(cut(record).to_vec());
    }
    Value::Records(records)
}

/// Messages that came together, by partition. A frame has one cursor, so each partition has its own.
#[derive(Debug, Default)]
pub(super) struct Batch {
    groups: BTreeMap<Partition, Group>,
    messages: usize,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Group {
    /// The offset of its first message.
    first: i64,
    mark: Mark,
    records: Vec<Vec<u8>>,
}

impl Batch {
    /// Adds the records of one message, after which the partition is at `mark`.
    pub(super) fn push(&mut self, partition: &Partition, mark: Mark, records: Vec<Vec<u8>>) {
        self.messages += 1;
        self.bytes = records
            .iter()
            .fold(self.bytes, |bytes, record| bytes.saturating_add(record.len()));
        if let Some(group) = self.groups.get_mut(partition) {
            group.mark = mark;
            group.records.extend(records);
            return;
        }
        let group = Group {
            first: mark.next.saturating_sub(1),
            mark,
            records,
        };
        self.groups.insert(partition.clone(), group);
    }

    /// The partition begins anew at `from`. What is in hand of it stays, but its position must not be told:
    /// it would be one of the new log.
    pub(super) fn rewind(&mut self, partition: &Partition, from: i64) {
        if let Some(group) = self.groups.get_mut(partition) {
            group.mark = Mark {
                next: from,
                last: String::new(),
            };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        BATCH_MESSAGES_MAX <= self.messages || BATCH_BYTES_MAX <= self.bytes
    }

    /// Leaves the messages of a partition to whoever reads it now.
    pub(super) fn forget(&mut self, partition: &Partition) {
        self.take(partition);
    }

    /// The partitions without records, and where each is now: there is nothing to append.
    pub(super) fn take_empty(&mut self) -> Vec<(Partition, i64)> {
        let is_empty = |group: &Group| group.records.is_empty();
        let empty: Vec<Partition> = self
            .groups
            .iter()
            .filter(|(_, group)| is_empty(group))
            .map(|(partition, _)| partition.clone())
            .collect();
        empty
            .into_iter()
            .filter_map(|partition| self.take(&partition).map(|(next, _)| (partition, next)))
            .collect()
    }

    /// The partition was appended: where it is now, and how many records it had.
    pub(super) fn take(&mut self, partition: &Partition) -> Option<(i64, usize)> {
        let group = self.groups.remove(partition)?;
        if self.groups.is_empty() {
            (self.messages, self.bytes) = (0, 0);
        }
        Some((group.mark.next, group.records.len()))
    }

    /// What is to be appended.
    pub(super) fn to_records(&self, settings: &KafkaSettings) -> (Vec<Partition>, Vec<Records>) {
        let records = |(partition, group): (&Partition, &Group)| {
            let origin = Origin {
                tenant: Arc::clone(&settings.tenant),
                source: Arc::clone(&settings.source),
                label: Arc::from(format!("kafka:{partition}@{}", group.first)),
                log: log_name(),
                backfill: settings.backfill,
            };
            let records = Records {
                origin,
                cursor: Some(Arc::from(format!("{} {}", partition.cursor_key(), group.mark))),
                records: group.records.clone(),
            };
            (partition.clone(), records)
        };
        self.groups.iter().map(records).unzip()
    }
}
