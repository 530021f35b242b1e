//! How a frame is written.
//!
//! A frame is a head and a payload, all integers little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the payload |
//! | 4 | CRC32C of everything else in the frame |
//! | 8 | offset of the first record |
//! | 1 | kind: 1 records, 2 tick, 3 context |
//! | 8 | when it was observed |
//! | … | context: its text; records: 1 byte of flags, tenant, source, label and log, the cursor if bit 1 is set, the number of records, the records |
//!
//! Texts and records are preceded by their length in 4 bytes. The payload can be written before the
//! offset is known, which only the writer knows.

use std::sync::Arc;

use sekisho_model::{Origin, Time};
use sekisho_pipeline::{Frame, FrameBody, Records};

/// Bytes of the head.
pub(super) const HEAD_BYTES: usize = 16;

/// The largest payload. A body of HTTP is at most 32 MiB after decoding, and each of its records
/// adds a length; more than this in a head is damage.
pub(super) const PAYLOAD_BYTES_MAX: usize = 48 * 1024 * 1024;

const RECORDS: u8 = 1;
const TICK: u8 = 2;
const CONTEXT: u8 = 3;

const BACKFILL: u8 = 1;
const CURSOR: u8 = 2;

/// What the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) payload_bytes: usize,
    crc: u32,
    pub(super) first: i64,
}

impl Head {
    /// The head of a payload whose first record has offset `first`.
    pub(super) fn new(first: i64, payload: &[u8]) -> Self {
        Self {
            payload_bytes: payload.len(),
            crc: checksum(length(payload.len()), first, payload),
            first,
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(&length(self.payload_bytes).to_le_bytes());
        bytes.extend_from_slice(&self.crc.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes
    }

    /// `None` if this cannot be the head of a frame.
    pub(super) fn from_bytes(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let mut cut = Cut(bytes);
        let payload_bytes = usize::try_from(cut.u32()?).ok()?;
        let head = Self {
            payload_bytes,
            crc: cut.u32()?,
            first: cut.i64()?,
        };
        (1..=PAYLOAD_BYTES_MAX).contains(&payload_bytes).then_some(head)
    }

    /// Whether the payload is the one that was written.
    pub(super) fn fits(self, payload: &[u8]) -> bool {
        payload.len() == self.payload_bytes && checksum(length(payload.len()), self.first, payload) == self.crc
    }
}

fn checksum(payload_bytes: u32, first: i64, payload: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&payload_bytes.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &first.to_le_bytes()), payload)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The payload of a frame.
pub(super) fn encode(body: &FrameBody, observed: Time) -> Vec<u8> {
    let mut bytes = Vec::new();
    match body {
        FrameBody::Records(records) => encode_records(&mut bytes, records, observed),
        FrameBody::Tick => begin(&mut bytes, TICK, observed),
        FrameBody::Context(text) => {
            begin(&mut bytes, CONTEXT, observed);
            put(&mut bytes, text.as_bytes());
        }
    }
    bytes
}

fn begin(bytes: &mut Vec<u8>, kind: u8, observed: Time) {
    bytes.push(kind);
    bytes.extend_from_slice(&observed.0.to_le_bytes());
}

fn encode_records(bytes: &mut Vec<u8>, records: &Records, observed: Time) {
    let origin = &records.origin;
    let payload: usize = records.records.iter().map(|record| record.len() + 4).sum();
    bytes.reserve(payload + 256);
    begin(bytes, RECORDS, observed);
    let backfill = if origin.backfill { BACKFILL } else { 0 };
    let cursor = if records.cursor.is_some() { CURSOR } else { 0 };
    bytes.push(backfill | cursor);
    for text in [&origin.tenant, &origin.source, &origin.label, &origin.log]
        .into_iter()
        .chain(&records.cursor)
    {
        put(bytes, text.as_bytes());
    }
    bytes.extend_from_slice(&length(records.records.len()).to_le_bytes());
    for record in &records.records {
        put(bytes, record);
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&length(part.len()).to_le_bytes());
    bytes.extend_from_slice(part);
}

/// The frame of a payload; `None` if it was not written by [`encode`].
pub(super) fn decode(first: i64, payload: &[u8]) -> Option<Frame> {
    let mut cut = Cut(payload);
    let kind = cut.u8()?;
    let observed = Time(cut.i64()?);
    let body = match kind {
        RECORDS => {
            let (origin, cursor) = cut.origin()?;
            let count = cut.u32()?;
            let mut records = Vec::new();
            for _ in 0..count {
                records.push(cut.part()?.to_vec());
            }
            FrameBody::Records(Records {
                origin,
                cursor,
                records,
            })
        }
        TICK => FrameBody::Tick,
        CONTEXT => FrameBody::Context(cut.text()?),
        _ => return None,
    };
    Some(Frame { first, observed, body })
}

/// What recovery needs to know of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) observed: Time,
    pub(super) cursor: Option<Arc<str>>,
    /// The offset after its last record.
    pub(super) end: i64,
}

/// The summary of a payload, without its records.
pub(super) fn summarise(first: i64, payload: &[u8]) -> Option<Summary> {
    let mut cut = Cut(payload);
    let kind = cut.u8()?;
    let observed = Time(cut.i64()?);
    let (cursor, count) = match kind {
        RECORDS => (cut.origin()?.1, cut.u32()?.max(1)),
        TICK | CONTEXT => (None, 1),
        _ => return None,
    };
    Some(Summary {
        observed,
        cursor,
        end: first.saturating_add(count.into()),
    })
}

/// What is left to read.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let bytes = usize::try_from(self.u32()?).ok()?;
        self.take(bytes)
    }

    fn text(&mut self) -> Option<Arc<str>> {
        std::str::from_utf8(self.part()?).ok().map(Arc::from)
    }

    fn origin(&mut self) -> Option<(Origin, Option<Arc<str>>)> {
        let flags = self.u8()?;
        let origin = Origin {
            tenant: self.text()?,
            source: self.text()?,
            label: self.text()?,
            log: self.text()?,
            backfill: flags & BACKFILL != 0,
        };
        let cursor = if flags & CURSOR == 0 { None } else { Some(self.text()?) };
        Some((origin, cursor))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_body() -> impl Strategy<Value = FrameBody> {
        let text = || "[a-zあ-ん/:# ]{0,12}".prop_map(Arc::<str>::from);
        let origin =
            (text(), text(), text(), text(), any::<bool>()).prop_map(|(tenant, source, label, log, backfill)| Origin {
                tenant,
                source,
                label,
                log,
                backfill,
            });
        let record = proptest::collection::vec(any::<u8>(), 0..40);
        let records = (
            origin,
            proptest::option::of(text()),
            proptest::collection::vec(record, 0..8),
        )
            .prop_map(|(origin, cursor, records)| {
                FrameBody::Records(Records {
                    origin,
                    cursor,
                    records,
                })
            });
        prop_oneof![records, Just(FrameBody::Tick), text().prop_map(FrameBody::Context)]
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(body in any_body(), first: i64, observed: i64) {
            let payload = encode(&body, Time(observed));
            let head = Head::new(first, &payload);
            let bytes: [u8; HEAD_BYTES] = head.to_bytes().try_into().unwrap();
            let frame = Frame { first, observed: Time(observed), body };

            prop_assert_eq!(Head::from_bytes(&bytes), Some(head));
            prop_assert!(head.fits(&payload));
            prop_assert_eq!(summarise(first, &payload).map(|summary| summary.end), Some(frame.end()));
            prop_assert_eq!(decode(first, &payload), Some(frame));
        }

        #[test]
        fn any_other_bytes_are_no_frame_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let found = decode(0, &bytes);
            prop_assert_eq!(found.is_some() && summarise(0, &bytes).is_none(), false);
        }

        #[test]
        fn a_changed_bit_is_noticed(body in any_body(), place: prop::sample::Index, bit in 0u8..8) {
            let mut payload = encode(&body, Time(1));
            let head = Head::new(7, &payload);
            let place = place.index(payload.len());
            payload[place] ^= 1 << bit;

            prop_assert!(!head.fits(&payload));
        }
    }
}
