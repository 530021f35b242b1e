//! Lines of text, as records.

/// The longest single record, in bytes. Microsoft 365 audit records reach about 30 KiB; eight times
/// that leaves room, and a line without an end costs no more.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// The beginning of a record that is too long. What remains is not what was sent: JSON that was cut
/// is unreadable and becomes a reject, and a record of exactly [`RECORD_BYTES_MAX`] bytes may be
/// taken for a cut one.
pub fn cut(record: &[u8]) -> &[u8] {
    record.get(..RECORD_BYTES_MAX).unwrap_or(record)
}

/// The lines of `bytes` that are not blank, without their ends (LF or CRLF) and uncut.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(without_cr)
        .filter(|line| !line.trim_ascii().is_empty())
}

/// A line without the carriage return at its end.
pub(crate) fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_line_ends_are_not_records() {
        let found: Vec<&[u8]> = lines(b"one\r\n\n  \r\n two \nthree").collect();

        assert_eq!(found, [b"one".as_slice(), b" two ", b"three"]);
    }

    #[test]
    fn only_a_record_that_is_too_long_is_cut() {
        assert_eq!(cut(b"short"), b"short");
        assert_eq!(cut(&vec![b'x'; RECORD_BYTES_MAX]).len(), RECORD_BYTES_MAX);
        assert_eq!(cut(&vec![b'x'; RECORD_BYTES_MAX + 1]).len(), RECORD_BYTES_MAX);
    }
}
