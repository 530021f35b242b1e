//! Reading protobuf messages without building them.
//!
//! A message library builds all of a body's messages before one can count them; in a hostile body each
//! takes two bytes on the wire and many more in memory. Here a field is a part of the body.
//! The wire format: <https://protobuf.dev/programming-guides/encoding/>

/// The value of a field, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// A varint, or four or eight bytes, little-endian.
    Number(u64),
    /// A text, bytes, or a message.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }
}

/// The bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// The fields of a message, by number, in the order in which they stand there. The first that is broken
/// is the last.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a>(&'a [u8]);

/// The fields of a message.
pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields(message)
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(Broken))
    }
}

impl<'a> Fields<'a> {
    /// Only the fields with this number, which have bytes.
    pub(super) fn messages(self, number: u64) -> impl Iterator<Item = Result<&'a [u8], Broken>> {
        self.filter_map(move |field| match field {
            Ok((found, value)) if found == number => Some(value.bytes().ok_or(Broken)),
            Ok(_) => None,
            Err(broken) => Some(Err(broken)),
        })
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let bytes = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(bytes)?)
            }
            5 => Value::Number(u32::from_le_bytes(self.take(4)?.try_into().ok()?).into()),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
}

/// Writes a message, for answers and tests.
#[derive(Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    /// Adds a field with a number.
    pub(super) fn number(mut self, field: u8, number: u64) -> Self {
        self.0.push(field << 3);
        self.varint(number);
        self
    }

    /// Adds a field with bytes.
    pub(super) fn bytes(mut self, field: u8, bytes: &[u8]) -> Self {
        self.0.push(field << 3 | 2);
        self.varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut number: u64) {
        loop {
            let low = u8::try_from(number & 0x7f).unwrap_or_default();
            number >>= 7;
            if number == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_wire_type_is_read() {
        // 150 is the example of the format's own description.
        let message = [
            &[0x08, 0x96, 0x01][..],
            &[0x12, 2, b'a', b'b'],
            &[0x19, 1, 0, 0, 0, 0, 0, 0, 0x80],
            &[0x25, 0xff, 0, 0, 0],
        ]
        .concat();

        let found: Result<Vec<_>, _> = fields(&message).collect();

        assert_eq!(
            found.unwrap(),
            [
                (1, Value::Number(150)),
                (2, Value::Bytes(b"ab")),
                (3, Value::Number(0x8000_0000_0000_0001)),
                (4, Value::Number(255))
            ]
        );
    }

    #[test]
    fn what_is_broken_ends_it() {
        for message in [
            &[0x08][..],
            &[0x12, 5, 1],
            &[0x0b],
            &[0xff; 11],
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            let found: Vec<_> = fields(message).collect();
            assert_eq!(found, [Err(Broken)], "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(field in 1u8..16, number: u64, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let message = Message::default().number(field, number).bytes(field, &bytes).0;
            let found: Vec<_> = fields(&message).collect();
            let field = u64::from(field);
            prop_assert_eq!(found, [Ok((field, Value::Number(number))), Ok((field, Value::Bytes(&bytes)))]);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
