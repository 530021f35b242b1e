//! Reading `MessagePack` without building a tree of it: values stay where they lie, so hostile input
//! costs no more memory than its own bytes.

use rmp::Marker;

/// A value, or the head of one that has others in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// Text; old senders put any bytes into it.
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Extension(i8, &'a [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs follow.
    Map(u32),
}

/// The bytes are no `MessagePack`, or end within a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value is not MessagePack")]
pub(super) struct Unreadable;

/// Reads values one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next value, or the head of it.
    pub(super) fn token(&mut self) -> Result<Token<'a>, Unreadable> {
        let head = Head::of(self.bytes)?.ok_or(Unreadable)?;
        let (number, after) = self.bytes.split_at_checked(head.bytes).ok_or(Unreadable)?;
        let (body, after) = after.split_at_checked(head.body).ok_or(Unreadable)?;
        self.bytes = after;
        Ok(token(head.marker, number.get(1..).unwrap_or_default(), body))
    }

    /// Passes over the next value with all that is in it, and returns its bytes.
    pub(super) fn value(&mut self) -> Result<&'a [u8], Unreadable> {
        let end = Scan::default().advance(self.bytes)?.ok_or(Unreadable)?;
        let (value, rest) = self.bytes.split_at_checked(end).ok_or(Unreadable)?;
        self.bytes = rest;
        Ok(value)
    }
}

/// Looks for the end of a value in bytes that come little by little; never looks at one twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    /// How many values are still to come.
    left: u64,
    /// Where the next one begins, which may not have come yet.
    place: usize,
}

impl Default for Scan {
    fn default() -> Self {
        Self { left: 1, place: 0 }
    }
}

impl Scan {
    /// Where the value ends with which `bytes` begin; `None` if more is needed. `bytes` may only have
    /// grown since the last call.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
        while 0 < self.left {
            let Some(head) = Head::of(bytes.get(self.place..).unwrap_or_default())? else {
                return Ok(None);
            };
            self.left = (self.left - 1).saturating_add(head.children);
            self.place = self.place.saturating_add(head.bytes).saturating_add(head.body);
        }
        Ok((self.place <= bytes.len()).then_some(self.place))
    }

    /// How many bytes the value has at least.
    pub(super) fn reached(&self) -> usize {
        self.place
    }
}

/// What the first bytes of a value tell.
struct Head {
    marker: Marker,
    /// How long they are.
    bytes: usize,
    /// How many bytes follow them.
    body: usize,
    /// How many values follow.
    children: u64,
}

impl Head {
    /// `None` if more is needed.
    fn of(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        use Marker::{
            Array16, Array32, Bin8, Bin16, Bin32, Ext8, Ext16, Ext32, F32, F64, FixArray, FixExt1, FixExt2, FixExt4,
            FixExt8, FixExt16, FixMap, FixStr, I8, I16, I32, I64, Map16, Map32, Reserved, Str8, Str16, Str32, U8, U16,
            U32, U64,
        };
        let Some(first) = bytes.first() else { return Ok(None) };
        let marker = Marker::from_u8(*first);
        // How long the number after the marker is, and the type of an extension after it.
        let (number, kind) = match marker {
            Reserved => return Err(Unreadable),
            Str8 | Bin8 | U8 | I8 => (1, 0),
            Str16 | Bin16 | Array16 | Map16 | U16 | I16 => (2, 0),
            Str32 | Bin32 | Array32 | Map32 | U32 | I32 | F32 => (4, 0),
            U64 | I64 | F64 => (8, 0),
            FixExt1 | FixExt2 | FixExt4 | FixExt8 | FixExt16 => (0, 1),
            Ext8 => (1, 1),
            Ext16 => (2, 1),
            Ext32 => (4, 1),
            _ => (0, 0),
        };
        let Some(digits) = bytes.get(1..1 + number) else {
            return Ok(None);
        };
        let (body, children) = match marker {
            FixStr(count) => (u64::from(count), 0),
            Str8 | Str16 | Str32 | Bin8 | Bin16 | Bin32 | Ext8 | Ext16 | Ext32 => (unsigned(digits), 0),
            FixExt1 => (1, 0),
            FixExt2 => (2, 0),
            FixExt4 => (4, 0),
            FixExt8 => (8, 0),
            FixExt16 => (16, 0),
            FixArray(count) => (0, u64::from(count)),
            Array16 | Array32 => (0, unsigned(digits)),
            FixMap(pairs) => (0, 2 * u64::from(pairs)),
            Map16 | Map32 => (0, 2 * unsigned(digits)),
            _ => (0, 0),
        };
        Ok(Some(Self {
            marker,
            bytes: 1 + number,
            // The type of an extension is taken as its first byte.
            body: usize::try_from(body).unwrap_or(usize::MAX).saturating_add(kind),
            children,
        }))
    }
}

fn token<'a>(marker: Marker, digits: &[u8], body: &'a [u8]) -> Token<'a> {
    use Marker::{
        Array16, Array32, Bin8, Bin16, Bin32, F32, F64, False, FixArray, FixMap, FixNeg, FixPos, FixStr, I8, I16, I32,
        I64, Map16, Map32, Null, Reserved, Str8, Str16, Str32, True, U8, U16, U32, U64,
    };
    let count = || u32::try_from(unsigned(digits)).unwrap_or(u32::MAX);
    match marker {
        Null | Reserved => Token::Nil,
        False => Token::Bool(false),
        True => Token::Bool(true),
        FixPos(number) => Token::Unsigned(u64::from(number)),
        FixNeg(number) => Token::Signed(i64::from(number)),
        U8 | U16 | U32 | U64 => Token::Unsigned(unsigned(digits)),
        I8 | I16 | I32 | I64 => Token::Signed(signed(digits)),
        F32 => Token::Float(digits.try_into().map(f32::from_be_bytes).map_or(f64::NAN, f64::from)),
        F64 => Token::Float(digits.try_into().map_or(f64::NAN, f64::from_be_bytes)),
        FixStr(_) | Str8 | Str16 | Str32 => Token::Text(body),
        Bin8 | Bin16 | Bin32 => Token::Binary(body),
        FixArray(count) => Token::Array(u32::from(count)),
        Array16 | Array32 => Token::Array(count()),
        FixMap(pairs) => Token::Map(u32::from(pairs)),
        Map16 | Map32 => Token::Map(count()),
        _ => match body.split_first() {
            Some((kind, data)) => Token::Extension(kind.cast_signed(), data),
            None => Token::Nil,
        },
    }
}

/// A big-endian number of at most eight bytes.
fn unsigned(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| (number << 8) | u64::from(*digit))
}

fn signed(digits: &[u8]) -> i64 {
    let unused = 64 - 8 * u32::try_from(digits.len()).unwrap_or(8).clamp(1, 8);
    (unsigned(digits) << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expected: Token<'_>) {
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.token(), Ok(expected), "{bytes:02x?}");
        assert_eq!(reader.rest(), b"", "{bytes:02x?}");
        for cut in 0..bytes.len() {
            assert_eq!(Reader::new(&bytes[..cut]).token(), Err(Unreadable), "{bytes:02x?}");
        }
    }

    #[test]
    fn every_kind_of_value_is_read() {
        check(&[0xc0], Token::Nil);
        check(&[0xc2], Token::Bool(false));
        check(&[0xc3], Token::Bool(true));
        check(&[0x7f], Token::Unsigned(127));
        check(&[0xe0], Token::Signed(-32));
        check(&[0xcc, 0xff], Token::Unsigned(255));
        check(&[0xcd, 1, 0], Token::Unsigned(256));
        check(&[0xce, 0, 1, 0, 0], Token::Unsigned(65_536));
        check(
            &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
            Token::Unsigned(u64::MAX),
        );
        check(&[0xd0, 0x80], Token::Signed(-128));
        check(&[0xd1, 0xff, 0xfe], Token::Signed(-2));
        check(&[0xd2, 0x7f, 0xff, 0xff, 0xff], Token::Signed(i64::from(i32::MAX)));
        check(&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Token::Signed(i64::MIN));
        check(&[0xca, 0x3f, 0xc0, 0, 0], Token::Float(1.5));
        check(&[0xcb, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0], Token::Float(-1.5));
        check(&[0xa2, b'a', b'b'], Token::Text(b"ab"));
        check(&[0xd9, 1, b'a'], Token::Text(b"a"));
        check(&[0xda, 0, 1, b'a'], Token::Text(b"a"));
        check(&[0xdb, 0, 0, 0, 1, b'a'], Token::Text(b"a"));
        check(&[0xc4, 1, 0xff], Token::Binary(&[0xff]));
        check(&[0xc5, 0, 0], Token::Binary(&[]));
        check(&[0xc6, 0, 0, 0, 1, 7], Token::Binary(&[7]));
        check(&[0xd4, 5, 1], Token::Extension(5, &[1]));
        check(
            &[0xd7, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            Token::Extension(0, &[1, 2, 3, 4, 5, 6, 7, 8]),
        );
        check(&[0xc7, 2, 0xff, 1, 2], Token::Extension(-1, &[1, 2]));
        check(&[0xc9, 0, 0, 0, 0, 3], Token::Extension(3, &[]));
        check(&[0x93], Token::Array(3));
        check(&[0xdc, 0, 9], Token::Array(9));
        check(&[0xdd, 255, 255, 255, 255], Token::Array(u32::MAX));
        check(&[0x82], Token::Map(2));
        check(&[0xde, 0, 9], Token::Map(9));
        check(&[0xdf, 0, 0, 0, 9], Token::Map(9));
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = [vec![0x91; 1_000_000], vec![0xc0]].concat();
        assert_eq!(Reader::new(&deep).value(), Ok(deep.as_slice()));
        assert_eq!(Reader::new(&deep[..1_000_000]).value(), Err(Unreadable));
    }

    proptest! {
        #[test]
        fn the_end_of_a_value_does_not_depend_on_how_it_comes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let at_once = Scan::default().advance(&bytes);
            let mut scan = Scan::default();
            let mut found = Ok(None);
            for end in 0..=bytes.len() {
                found = scan.advance(&bytes[..end]);
                if found != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(found, at_once);
        }

        #[test]
        fn tokens_and_values_end_at_the_same_place(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut by_value = Reader::new(&bytes);
            if by_value.value().is_ok() {
                let mut by_token = Reader::new(&bytes);
                let mut left = 1_u64;
                while 0 < left {
                    left = left - 1 + match by_token.token().unwrap() {
                        Token::Array(count) => u64::from(count),
                        Token::Map(pairs) => 2 * u64::from(pairs),
                        _ => 0,
                    };
                }
                prop_assert_eq!(by_token.rest(), by_value.rest());
            }
        }
    }
}
