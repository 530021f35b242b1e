//! In which charset a table is written. Excel in Japan saves `Shift_JIS`, some servers write EUC-JP, exports of
//! services are UTF-8 with a byte order mark or without.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_JP, Encoding, SHIFT_JIS, UTF_8};
use serde::{Deserialize, Serialize};

/// A charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Charset {
    Utf8,
    /// As Windows has it.
    ShiftJis,
    EucJp,
}

impl Charset {
    /// The charset of bytes that are not all ASCII.
    fn of(bytes: &[u8]) -> Self {
        if std::str::from_utf8(bytes).is_ok() {
            return Self::Utf8;
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        if detector.guess(Some(b"jp"), Utf8Detection::Deny) == EUC_JP {
            Self::EucJp
        } else {
            Self::ShiftJis
        }
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::ShiftJis => SHIFT_JIS,
            Self::EucJp => EUC_JP,
        }
    }
}

/// The text of bytes. The first that are not ASCII decide the charset of a log, which is remembered; it is
/// decided anew where they cannot be of it, since another file may follow.
pub(super) fn text<'b>(known: &mut Option<Charset>, bytes: &'b [u8]) -> Cow<'b, str> {
    if let Some(bytes) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        *known = Some(Charset::Utf8);
        return String::from_utf8_lossy(bytes);
    }
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes);
    }
    let decode = |charset: Charset| charset.encoding().decode_without_bom_handling(bytes);
    if let Some(charset) = *known {
        let (text, is_wrong) = decode(charset);
        if !is_wrong {
            return text;
        }
    }
    let charset = Charset::of(bytes);
    let (text, is_wrong) = decode(charset);
    match *known {
        Some(charset) if is_wrong => decode(charset).0,
        _ => {
            *known = Some(charset);
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "日時,レベル,サービス,ユーザー,IPアドレス,モジュール,アクション,結果,補足";

    #[test]
    fn the_first_bytes_that_are_not_ascii_decide() {
        for (encoding, expected) in [
            (UTF_8, Charset::Utf8),
            (SHIFT_JIS, Charset::ShiftJis),
            (EUC_JP, Charset::EucJp),
        ] {
            let mut known = None;
            assert_eq!(text(&mut known, b"plain"), "plain");
            assert_eq!(known, None);
            assert_eq!(text(&mut known, &encoding.encode(HEADER).0), HEADER);
            assert_eq!(known, Some(expected));
            // So short a text alone might be taken for another charset.
            assert_eq!(text(&mut known, &encoding.encode("失敗").0), "失敗");
            assert_eq!(known, Some(expected));
        }
    }

    #[test]
    fn another_file_may_have_another_charset() {
        let mut known = None;
        text(&mut known, &SHIFT_JIS.encode(HEADER).0);
        assert_eq!(text(&mut known, format!("\u{feff}{HEADER}").as_bytes()), HEADER);
        assert_eq!(known, Some(Charset::Utf8));
        assert_eq!(text(&mut known, &SHIFT_JIS.encode(HEADER).0), HEADER);
        assert_eq!(known, Some(Charset::ShiftJis));
    }

    #[test]
    fn a_broken_letter_does_not_change_the_charset() {
        let mut known = Some(Charset::Utf8);
        assert_eq!(text(&mut known, b"\xE5\xA4\xB1\xFF\xFF"), "失\u{fffd}\u{fffd}");
        assert_eq!(known, Some(Charset::Utf8));
    }
}
