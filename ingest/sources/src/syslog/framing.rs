//! Where messages begin and end in a stream (RFC 6587), found anew for every message.
//!
//! * `72 <34>…`: a count of bytes, a space, and that many bytes, whatever they are.
//! * Anything else ends with LF, CRLF or NUL.
//!
//! A message that begins with digits and a space is only counted if `<` follows, as the priority of
//! syslog does: `10 items` is text.

/// The longest message, in bytes. RFC 5424 asks for 2 KiB; firewalls send up to 16.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The most digits of a count; more is a count that is too large.
const COUNT_DIGITS_MAX: usize = 10;

/// Why a stream cannot be read on: where the next message begins is not known any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {count} bytes is announced, expected {MESSAGE_BYTES_MAX} or fewer")]
pub(super) struct CountTooLarge {
    count: u64,
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub(super) struct Framer {
    /// What came and is not a whole message yet; what lies before `place` is done.
    pending: Vec<u8>,
    place: usize,
    /// Up to here no end of line was found.
    searched: usize,
    /// Whether the rest of a line that was too long is being passed over.
    skipping: bool,
}

impl Framer {
    /// Takes what came next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if 0 < self.place {
            self.pending.drain(..self.place.min(self.pending.len()));
            self.searched = self.searched.saturating_sub(self.place);
            self.place = 0;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// The next message, if it is whole.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, CountTooLarge> {
        loop {
            if self.skipping && !self.skip() {
                return Ok(None);
            }
            let separators = self.rest().iter().take_while(|byte| is_separator(**byte)).count();
            self.place += separators;
            let message = match count(self.rest()) {
                Count::More => None,
                Count::Of { digits, count } => self.counted(digits, count)?,
                Count::None => self.line(),
            };
            let Some(message) = message.map(trimmed) else {
                return Ok(None);
            };
            if !message.is_empty() {
                return Ok(Some(message));
            }
        }
    }

    /// What remains when the stream has ended.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = if self.skipping {
            Vec::new()
        } else {
            self.rest().to_vec()
        };
        *self = Self::default();
        Some(trimmed(rest)).filter(|rest| !rest.is_empty())
    }

    fn rest(&self) -> &[u8] {
        self.pending.get(self.place..).unwrap_or_default()
    }

    fn counted(&mut self, digits: usize, count: u64) -> Result<Option<Vec<u8>>, CountTooLarge> {
        let bytes = usize::try_from(count).unwrap_or(usize::MAX);
        if MESSAGE_BYTES_MAX < bytes {
            return Err(CountTooLarge { count });
        }
        let start = digits + 1;
        let end = start + bytes;
        let message = self.rest().get(start..end).map(<[u8]>::to_vec);
        if message.is_some() {
            self.place += end;
        }
        Ok(message)
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.rest();
        let searched = self.searched.saturating_sub(self.place).min(rest.len());
        let unsearched = rest.get(searched..).unwrap_or_default();
        let end = memchr::memchr2(b'\n', 0, unsearched).map(|at| searched + at);
        let length = end.unwrap_or(rest.len());
        if end.is_none() && length <= MESSAGE_BYTES_MAX {
            self.searched = self.place + length;
            return None;
        }
        let line = rest.get(..length.min(MESSAGE_BYTES_MAX)).unwrap_or_default().to_vec();
        self.place += end.map_or(length, |end| end + 1);
        self.skipping = end.is_none();
        Some(line)
    }

    /// Passes over the rest of a line; whether its end was found.
    fn skip(&mut self) -> bool {
        let end = memchr::memchr2(b'\n', 0, self.rest());
        self.place = end.map_or(self.pending.len(), |at| self.place + at + 1);
        self.skipping = end.is_none();
        end.is_some()
    }
}

enum Count {
    /// There is none.
    None,
    /// It cannot be told yet.
    More,
    Of {
        digits: usize,
        count: u64,
    },
}

fn count(rest: &[u8]) -> Count {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || COUNT_DIGITS_MAX < digits || rest.first() == Some(&b'0') {
        return if rest.is_empty() { Count::More } else { Count::None };
    }
    match (rest.get(digits), rest.get(digits + 1)) {
        (None, _) | (Some(b' '), None) => Count::More,
        (Some(b' '), Some(b'<')) => {
            let number = rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
            Count::Of {
                digits,
                count: number.and_then(|number| number.parse().ok()).unwrap_or(u64::MAX),
            }
        }
        _ => Count::None,
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0)
}

/// Without the ends of line that some senders add even to counted messages.
pub(super) fn trimmed(mut message: Vec<u8>) -> Vec<u8> {
    while message.last().is_some_and(|byte| is_separator(*byte)) {
        message.pop();
    }
    message
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pushes the chunks and returns all messages, with what remains at the end.
    fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, CountTooLarge> {
        let mut framer = Framer::default();
        let mut messages = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(message) = framer.next()? {
                messages.push(message);
            }
        }
        messages.extend(framer.finish());
        Ok(messages
            .iter()
            .map(|message| String::from_utf8_lossy(message).into_owned())
            .collect())
    }

    fn check(stream: &str, expected: &[&str]) {
        assert_eq!(read([stream.as_bytes()]).unwrap(), expected, "at once: {stream:?}");
        assert_eq!(
            read(stream.as_bytes().chunks(1)).unwrap(),
            expected,
            "byte by byte: {stream:?}"
        );
    }

    #[test]
    fn lines_end_with_lf_crlf_or_nul() {
        check(
            "<34>one\n<34>two\r\n<34>three\0\n<34>four",
            &["<34>one", "<34>two", "<34>three", "<34>four"],
        );
    }

    #[test]
    fn a_counted_message_may_hold_anything() {
        check(
            "13 <34>one\ntwo\n\n5 <1>x\n<34>line\n6 <1>y\0\0",
            &["<34>one\ntwo", "<1>x", "<34>line", "<1>y"],
        );
    }

    #[test]
    fn digits_that_are_no_count_are_text() {
        check(
            "10 items\n2026-11-21T10:00:00Z host\n99999999999 <x\n0 <1>x\n",
            &["10 items", "2026-11-21T10:00:00Z host", "99999999999 <x", "0 <1>x"],
        );
    }

    #[test]
    fn a_count_that_is_too_large_ends_the_stream() {
        assert_eq!(
            read([b"99999999 <34>x".as_slice()]),
            Err(CountTooLarge { count: 99_999_999 })
        );
        assert!(read([format!("{MESSAGE_BYTES_MAX} <34>x").as_bytes()]).is_ok());
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let long = format!("<34>{}\n<34>next\n", "x".repeat(200_000));
        for size in [1_000, 65_536, 70_000, 300_000] {
            let read = read(long.as_bytes().chunks(size)).unwrap();
            assert_eq!(
                read.iter().map(String::len).collect::<Vec<_>>(),
                [MESSAGE_BYTES_MAX, 8],
                "{size}"
            );
        }
    }

    proptest! {
        #[test]
        fn messages_do_not_depend_on_how_the_stream_is_cut(
            parts in prop::collection::vec(
                prop_oneof![
                    "<[0-9]{1,3}>[a-z ]{0,8}(\n|\r\n|\0)",
                    "[ -~]{0,9}\n",
                    "<1>[ -~\n\0]{0,9}".prop_map(|message| format!("{} {message}", message.len())),
                ],
                0..12,
            ),
            cuts in prop::collection::vec(1usize..9, 1..40),
        ) {
            let stream = parts.concat();
            let mut rest = stream.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            prop_assert_eq!(read(chunks), read([stream.as_bytes()]));
        }

        #[test]
        fn counted_messages_come_out_as_they_went_in(
            messages in prop::collection::vec("<1>[ -~\n]{0,20}[a-z]", 0..9),
        ) {
            let counted: Vec<String> = messages.iter().map(|message| format!("{} {message}", message.len())).collect();
            let stream = counted.concat();
            prop_assert_eq!(read([stream.as_bytes()]).unwrap(), messages);
        }
    }
}
