//! Writing the `MessagePack` that tests send.

use rmp::encode;

pub(super) fn array(values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_array_len(&mut bytes, u32::try_from(values.len()).unwrap()).unwrap();
    [bytes, values.concat()].concat()
}

pub(super) fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_map_len(&mut bytes, u32::try_from(pairs.len()).unwrap()).unwrap();
    for (key, value) in pairs {
        encode::write_str(&mut bytes, key).unwrap();
        bytes.extend(value);
    }
    bytes
}

pub(super) fn text(text: &str) -> Vec<u8> {
    raw_text(text.as_bytes())
}

/// Text of any bytes, as old senders write it.
pub(super) fn raw_text(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_str_len(&mut bytes, u32::try_from(text.len()).unwrap()).unwrap();
    bytes.extend(text);
    bytes
}

pub(super) fn binary(data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_bin(&mut bytes, data).unwrap();
    bytes
}

pub(super) fn number(number: impl Into<i64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_sint(&mut bytes, number.into()).unwrap();
    bytes
}

pub(super) fn float(number: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_f64(&mut bytes, number).unwrap();
    bytes
}

/// A time of Fluentd.
pub(super) fn time(seconds: u32, nanoseconds: u32) -> Vec<u8> {
    [[0xd7, 0].as_slice(), &seconds.to_be_bytes(), &nanoseconds.to_be_bytes()].concat()
}
