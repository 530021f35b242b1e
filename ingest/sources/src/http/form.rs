//! What a body or an uploaded file is written in, where that is neither JSON nor lines of UTF-8.

use std::borrow::Cow;

use super::answer::Refusal;

/// Files that cannot be taken apart, by their first bytes, and what to send instead. Taken as text they would be
/// thousands of records that nobody can read.
const CLOSED: [(&[u8], &str); 5] = [
    (
        b"PK\x03\x04",
        "an Excel workbook or another ZIP file: save the sheet as CSV (UTF-8) and send that",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an old Excel workbook: save the sheet as CSV (UTF-8) and send that",
    ),
    (
        b"ElfFile\0",
        "a Windows event file: read it with `sekisho replay`, or send events as JSON or XML",
    ),
    (b"PAR1", "a Parquet file: send its rows as NDJSON"),
    (b"%PDF", "a PDF file: export CSV or JSON instead"),
];

/// How many bytes are looked at to tell UTF-16 without a mark.
const LOOKED_AT_BYTES: usize = 64;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wide {
    Little,
    Big,
}

/// The body as text of UTF-8, if it is UTF-16, as PowerShell and Excel write it; else as it is. A file of a kind that
/// holds no text is refused with what to do.
pub(super) fn opened(body: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if let Some((_, what)) = CLOSED.iter().find(|(head, _)| body.starts_with(head)) {
        return Err(Refusal::NotText(format!("the body is {what}")));
    }
    let (order, text) = match body {
        [0xff, 0xfe, text @ ..] => (Wide::Little, text),
        [0xfe, 0xff, text @ ..] => (Wide::Big, text),
        text => match order_of(text) {
            Some(order) => (order, text),
            None => return Ok(Cow::Borrowed(body)),
        },
    };
    let units = text.chunks_exact(2).map(|pair| match (order, pair) {
        (Wide::Little, [low, high]) | (Wide::Big, [high, low]) => u16::from_be_bytes([*high, *low]),
        (_, _) => 0,
    });
    let letters = char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    Ok(Cow::Owned(letters.collect::<String>().into_bytes()))
}

/// Which half of the first letters is zero. Logs have letters, digits and brackets of ASCII among them, and text of
/// UTF-8 has no zeros at all.
fn order_of(text: &[u8]) -> Option<Wide> {
    let head = text.get(..text.len().min(LOOKED_AT_BYTES)).unwrap_or_default();
    let zeros = |half: usize| head.iter().skip(half).step_by(2).filter(|byte| **byte == 0).count();
    let (first, second, letters) = (zeros(0), zeros(1), head.len() / 2);
    let is_mostly = |zeros: usize| 2 <= zeros && letters <= 2 * zeros;
    match (first, second) {
        (0, zeros) if is_mostly(zeros) => Some(Wide::Little),
        (zeros, 0) if is_mostly(zeros) => Some(Wide::Big),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn wide_text_is_read_with_a_mark_and_without() {
        for text in ["\u{feff}日時,ユーザー\r\n😀", "{\"a\": \"あ\"}", "id,日時\r\n1,2"] {
            let expected = text.trim_start_matches('\u{feff}').as_bytes();
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                assert_eq!(&*opened(&wide(text, bytes)).unwrap(), expected, "{text}");
            }
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            b"".as_slice(),
            b"a",
            b"ab",
            b"\0\0\0\0",
            "日時".as_bytes(),
            b"a\0b",
            b"\xff",
        ] {
            assert_eq!(&*opened(text).unwrap(), text);
        }
    }

    #[test]
    fn half_a_letter_costs_itself_only() {
        assert_eq!(&*opened(b"\xff\xfea\0\x00\xd8b\0c").unwrap(), "a\u{fffd}b".as_bytes());
    }

    #[test]
    fn files_that_hold_no_text_are_refused_with_what_to_do() {
        let refusal = opened(b"PK\x03\x04\x14\0").unwrap_err();
        assert_eq!(refusal.status(), 415);
        assert!(refusal.text().contains("as CSV"), "{}", refusal.text());
    }
}
