//! The frames of Lumberjack, all integers big-endian.
//!
//! | bytes | what |
//! |---|---|
//! | `2W`, 4 | so many events follow before an acknowledgement is expected |
//! | `2J`, 4, 4, … | an event: its number in the window, its length, JSON |
//! | `2C`, 4, … | a length, and frames packed with zlib |
//! | `2A`, 4 | from us: all events up to this number are durable; 0 says that it takes longer |
//!
//! As in the protocol description of `elastic/go-lumber`.

use crate::lines::cut;
use crate::tcp::begins_otherwise;

/// The longest event, in bytes. Filebeat's own limit for a line is 10 MiB, with fields around it.
/// Closing on a long one would have it sent again for ever, so it is read, and cut like any record.
pub(crate) const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest packed frame, in bytes.
pub(super) const PACKED_BYTES_MAX: usize = 16 * 1024 * 1024;

const VERSION: u8 = b'2';
const VERSION_1: u8 = b'1';

/// What a sender sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// How many events follow.
    Window(u32),
    Event {
        number: u32,
        /// Its JSON, cut if it is too long for a record.
        record: Vec<u8>,
    },
    Packed(Vec<u8>),
}

/// Why a stream cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotLumberjack {
    #[error("a frame begins with byte {0:#04x}, expected version 2 of Lumberjack (`2`, 0x32){hint}", hint = begins_otherwise(*.0))]
    Version(u8),
    #[error(
        "a frame of version 1, expected version 2, as Beats send it; the lumberjack output of Logstash knows only version 1"
    )]
    Version1,
    #[error("a data frame of version 1 (`2D`), expected events in JSON (`2J`)")]
    Data,
    #[error("a frame of kind {0:#04x}, expected a window, an event or a packed frame")]
    Kind(u8),
    #[error("{what} of {bytes} bytes is announced, expected {max} or fewer")]
    TooLong {
        what: &'static str,
        bytes: usize,
        max: usize,
    },
}

/// The frame that `bytes` begin with and its length, if it is whole.
pub(super) fn first(bytes: &[u8]) -> Result<Option<(Frame, usize)>, NotLumberjack> {
    match bytes.first() {
        None | Some(&VERSION) => {}
        Some(&VERSION_1) => return Err(NotLumberjack::Version1),
        Some(other) => return Err(NotLumberjack::Version(*other)),
    }
    let frame = match bytes.get(1) {
        None => None,
        Some(b'W') => integer(bytes, 2).map(|count| (Frame::Window(count), 6)),
        Some(b'J') => {
            let (number, event) = (integer(bytes, 2), counted(bytes, 6, "an event", EVENT_BYTES_MAX)?);
            number.zip(event).map(|(number, (json, length))| {
                let record = cut(json).to_vec();
                (Frame::Event { number, record }, length)
            })
        }
        Some(b'C') => counted(bytes, 2, "a packed frame", PACKED_BYTES_MAX)?
            .map(|(packed, length)| (Frame::Packed(packed.to_vec()), length)),
        Some(b'D') => return Err(NotLumberjack::Data),
        Some(other) => return Err(NotLumberjack::Kind(*other)),
    };
    Ok(frame)
}

/// The acknowledgement of all events up to `number`.
pub(super) fn acknowledgement(number: u32) -> Vec<u8> {
    [b"2A".as_slice(), &number.to_be_bytes()].concat()
}

fn integer(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..)?.first_chunk().copied().map(u32::from_be_bytes)
}

/// The bytes whose length stands at `place`, and where they end.
fn counted<'a>(
    bytes: &'a [u8],
    place: usize,
    what: &'static str,
    max: usize,
) -> Result<Option<(&'a [u8], usize)>, NotLumberjack> {
    let Some(count) = integer(bytes, place) else {
        return Ok(None);
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if max < count {
        return Err(NotLumberjack::TooLong {
            what,
            bytes: count,
            max,
        });
    }
    let (start, end) = (place + 4, place + 4 + count);
    Ok(bytes.get(start..end).map(|counted| (counted, end)))
}
