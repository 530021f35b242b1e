//! Which source a record is of.

use std::sync::Arc;

use sekisho_model::{Origin, ids};
use sekisho_pipeline::Records;

use super::answer::Refusal;
use super::tokens::Sender;
use super::{BODY_BYTES_MAX, KnownSource, RECORDS_MAX};
use crate::door::log_name;
use crate::lines::cut;

/// The source of records that nothing says more of; what they are is told by their contents.
const AUTO: &str = "auto";

/// What a request says of the source of a record. Only a known source counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hint<'a> {
    /// What stands in the record. Whoever writes logs may write this too, so it only chooses among the
    /// sources of the token; it must not be able to have a whole body refused.
    pub(super) inside: Option<&'a str>,
    /// What the shipper was set to. A source that is not the token's is refused.
    pub(super) declared: Option<&'a str>,
}

impl<'a> Hint<'a> {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        inside: None,
        declared: None,
    };

    /// Only what the shipper was set to.
    pub(super) fn declared(declared: Option<&'a str>) -> Self {
        Self { inside: None, declared }
    }
}

/// Sorts the records of one body by their source.
#[derive(Debug)]
pub(super) struct Sorter {
    sender: Sender,
    sources: Arc<[KnownSource]>,
    /// The source of all records, if the request names one.
    named: Option<usize>,
    groups: Vec<Group>,
    records: usize,
    bytes: usize,
    declined: usize,
}

#[derive(Debug)]
struct Group {
    source: usize,
    records: Vec<Vec<u8>>,
}

impl Sorter {
    /// For what `sender` sends; `named` is the source that the request names.
    pub(super) fn new(sender: Sender, sources: Arc<[KnownSource]>, named: Option<&str>) -> Result<Self, Refusal> {
        let mut sorter = Self {
            sender,
            sources,
            named: None,
            groups: Vec::new(),
            records: 0,
            bytes: 0,
            declined: 0,
        };
        if let Some(name) = named {
            if !sorter.sender.may_send(name) {
                return Err(Refusal::Forbidden);
            }
            sorter.named = Some(sorter.known(name).ok_or_else(|| unknown(name, &sorter.sources))?);
        }
        Ok(sorter)
    }

    /// Takes a record. What is blank is none.
    pub(super) fn push(&mut self, hint: Hint<'_>, record: &[u8]) -> Result<(), Refusal> {
        if record.trim_ascii().is_empty() {
            return Ok(());
        }
        let source = self.source(hint)?;
        let record = cut(record);
        self.records += 1;
        self.bytes = self.bytes.saturating_add(record.len());
        if RECORDS_MAX < self.records {
            return Err(Refusal::TooLarge(format!(
                "the body has more than {RECORDS_MAX} records"
            )));
        }
        if BODY_BYTES_MAX < self.bytes {
            return Err(Refusal::TooLarge(format!(
                "the records of the body are more than {BODY_BYTES_MAX} bytes"
            )));
        }
        match self.groups.iter_mut().find(|group| group.source == source) {
            Some(group) => group.records.push(record.to_vec()),
            None => self.groups.push(Group {
                source,
                records: vec![record.to_vec()],
            }),
        }
        Ok(())
    }

    /// Takes note of something that the sender is told not to send.
    pub(super) fn decline(&mut self) {
        self.declined += 1;
    }

    /// How many records were taken since the last [`Sorter::take`].
    pub(super) fn records(&self) -> usize {
        self.records
    }

    /// How many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much was declined.
    pub(super) fn declined(&self) -> usize {
        self.declined
    }

    /// What was taken, one group a source, for the spool. `identity` is the same for a body that is
    /// sent again.
    pub(super) fn take(&mut self, identity: &str) -> Vec<Records> {
        (self.records, self.bytes, self.declined) = (0, 0, 0);
        let groups = std::mem::take(&mut self.groups);
        groups
            .into_iter()
            .filter_map(|group| self.labelled(group, identity))
            .collect()
    }

    /// The same, where there is no whole body to tell whether it is sent again.
    pub(super) fn take_by_contents(&mut self) -> Vec<Records> {
        let records = self.groups.iter().flat_map(|group| &group.records);
        let parts: Vec<&[u8]> = records.map(Vec::as_slice).collect();
        let identity = ids::content_id(&parts);
        self.take(&identity)
    }

    fn labelled(&self, group: Group, identity: &str) -> Option<Records> {
        let known = self.sources.get(group.source)?;
        let Sender { name, tenant, .. } = &self.sender;
        let who = [tenant.as_bytes(), name.as_bytes(), known.id.as_bytes()];
        let hash = ids::content_id(&[who[0], who[1], who[2], identity.as_bytes()]);
        let origin = Origin {
            tenant: Arc::clone(tenant),
            source: Arc::clone(&known.id),
            label: Arc::from(format!("http:{name}")),
            log: log_name(),
            backfill: known.backfill,
        };
        Some(Records {
            origin,
            cursor: Some(Arc::from(format!("http:{hash}"))),
            records: group.records,
        })
    }

    fn known(&self, name: &str) -> Option<usize> {
        self.sources.iter().position(|known| *known.id == *name)
    }

    /// What the request names; what the record says; what the shipper was set to; what the token is for;
    /// what the contents tell.
    fn source(&self, hint: Hint<'_>) -> Result<usize, Refusal> {
        if let Some(named) = self.named {
            return Ok(named);
        }
        let inside = hint.inside.filter(|name| self.sender.may_send(name));
        if let Some(source) = inside.and_then(|name| self.known(name)) {
            return Ok(source);
        }
        let declared = hint.declared.filter(|name| self.known(name).is_some());
        let name = declared.or_else(|| self.sender.only_source()).unwrap_or(AUTO);
        if !self.sender.may_send(name) {
            return Err(Refusal::Forbidden);
        }
        self.known(name).ok_or_else(|| unknown(name, &self.sources))
    }
}

fn unknown(source: &str, sources: &[KnownSource]) -> Refusal {
    let ids: Vec<&str> = sources.iter().map(|known| &*known.id).collect();
    Refusal::UnknownSource(format!("unknown source {source:?}, expected one of {}", ids.join(" ")))
}
