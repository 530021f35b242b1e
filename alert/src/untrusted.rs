//! Text from logs is hostile: whoever can try to sign in chooses user names, agents and paths.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::ser::Formatter;

/// The most characters of one value from a log in a message. A user agent fits; a page of text does
/// not.
pub const VALUE_CHARS_MAX: usize = 200;

/// The most combining marks on one character. No language needs more; stacks of hundreds cover the
/// lines above and below.
const COMBINING_MAX: usize = 3;

/// Words that some chat turns into a call to everybody when an at-sign stands before them.
const CALLS: [&str; 6] = ["everyone", "here", "channel", "all", "group", "room"];

/// A text that came out of a log. It has no `Display`: it is shown by [`visible`](Self::visible) or
/// not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untrusted<'a>(&'a str);

impl<'a> Untrusted<'a> {
    /// Marks a text as what it is.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text in at most `chars_max` characters, with nothing in it that acts: control, bidi,
    /// zero-width and tag characters appear as `⟦U+202E⟧`, addresses are not links any more, and no
    /// at-sign calls everybody.
    ///
    /// It still may contain the markup of a chat: each channel escapes its own.
    pub fn visible(self, chars_max: usize) -> String {
        let mut shown = String::new();
        let mut combining = 0_usize;
        // Marking makes a text longer, never shorter: no more than this need be looked at.
        for c in self.0.chars().take(chars_max.saturating_add(1)) {
            combining = if is_combining(c) {
                combining.saturating_add(1)
            } else {
                0
            };
            if is_invisible(c) || combining > COMBINING_MAX {
                // Writing to a string cannot fail.
                let _infallible = write!(shown, "⟦U+{:04X}⟧", u32::from(c));
            } else {
                shown.push(c);
            }
        }
        cut(&disarm(&shown), chars_max)
    }
}

/// At most `chars_max` characters, the last of them an ellipsis if something was cut off.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let mut head: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    head.push('…');
    head
}

/// Whether a character acts on the text around it, or hides, instead of being seen.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || !c.is_ascii()
            && matches!(u32::from(c),
            0x00AD // soft hyphen
            | 0x034F // grapheme joiner
            | 0x061C // bidi
            | 0x115F..=0x1160 | 0x3164 | 0xFFA0 // blank Hangul
            | 0x17B4..=0x17B5 // blank Khmer
            | 0x180B..=0x180F // Mongolian selectors
            | 0x200B..=0x200F // zero width, bidi marks
            | 0x2028..=0x202E // separators, bidi
            | 0x2060..=0x206F // joiners, bidi isolates
            | 0x2800 // blank Braille
            | 0xFE00..=0xFE0F // variation selectors
            | 0xFEFF
            | 0xFFF9..=0xFFFB // interlinear annotation
            | 0x1D173..=0x1D17A // musical controls
            | 0xE0000..=0xE0FFF) // tags, selectors
}

fn is_combining(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036F | 0x0483..=0x0489 | 0x0591..=0x05BD | 0x0610..=0x061A | 0x064B..=0x065F
        | 0x0E31 | 0x0E34..=0x0E3A | 0x0E47..=0x0E4E | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF
        | 0x20D0..=0x20FF | 0x3099..=0x309A | 0xFE20..=0xFE2F)
}

/// Breaks what chats and terminals turn into links and calls.
fn disarm(text: &str) -> String {
    let mut disarmed = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if 0 < index {
            disarmed.push(' ');
        }
        disarmed.push_str(&disarm_word(word));
    }
    disarmed
}

fn disarm_word(word: &str) -> String {
    let calm = disarm_calls(word);
    let lower = calm.to_ascii_lowercase();
    if lower.contains("//") || lower.contains("www.") || lower.contains("](") || is_domain_and_path(&calm) {
        break_scheme(&calm).replace('.', "[.]")
    } else {
        break_scheme(&calm)
    }
}

/// `http://` becomes `hxxp[:]//`; `javascript:` and the like and `[links](…)` are broken as well.
fn break_scheme(word: &str) -> String {
    let word = word.replace("](", "] (");
    let mut broken = String::with_capacity(word.len());
    let mut parts = word.split("://").peekable();
    while let Some(part) = parts.next() {
        let before = part.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
        let scheme = part.strip_prefix(before).unwrap_or_default();
        match (parts.peek(), scheme.to_ascii_lowercase().strip_prefix("http")) {
            (Some(_), Some(rest)) => broken.extend([before, "hxxp", rest]),
            _ => broken.push_str(part),
        }
        if parts.peek().is_some() {
            broken.push_str("[:]//");
        }
    }
    for (scheme, harmless) in [
        ("javascript:", "javascript[:]"),
        ("mailto:", "mailto[:]"),
        ("tel:", "tel[:]"),
    ] {
        broken = replace_ignoring_case(&broken, scheme, harmless);
    }
    broken
}

/// Replaces `what`, which is in lower case; the rest keeps its case.
fn replace_ignoring_case(text: &str, what: &str, with: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    // Lowering ASCII moves nothing: what is found in one text is at the same place in the other.
    for part in lower.split(what) {
        let (before, after) = rest.split_at_checked(part.len()).unwrap_or((rest, ""));
        replaced.push_str(before);
        if let Some((_, after)) = after.split_at_checked(what.len()) {
            replaced.push_str(with);
            rest = after;
        } else {
            rest = after;
        }
    }
    replaced
}

/// `evil.example/x` is made a link by many clients; `report.pdf` and `taro@example.co.jp` are not.
fn is_domain_and_path(word: &str) -> bool {
    let Some((host, _)) = word.split_once(['/', '?', '#']) else {
        return false;
    };
    let host = host.trim_start_matches(['(', '<', '"', '\'', '[']);
    let Some((name, top)) = host.rsplit_once('.') else {
        return false;
    };
    !name.is_empty()
        && !name.contains('@')
        && 2 <= top.chars().count()
        && top
            .split(':')
            .next()
            .is_some_and(|top| top.chars().all(char::is_alphabetic))
}

fn disarm_calls(word: &str) -> String {
    let mut calm = word.to_owned();
    for sign in ['@', '＠'] {
        for call in CALLS {
            calm = replace_ignoring_case(&calm, &format!("{sign}{call}"), &format!("(at){call}"));
        }
    }
    calm
}

/// A value as one line of JSON that is as harmless to a terminal and to a page as it is to a parser:
/// invisible characters and `<`, `>`, `&` are written as escapes, which every parser reads back.
pub fn to_json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Harmless))?;
    // The serialiser writes UTF-8.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: std::io::Write + ?Sized>(&mut self, writer: &mut W, text: &str) -> std::io::Result<()> {
        let is_harmful = |c: char| is_invisible(c) || matches!(c, '<' | '>' | '&');
        for piece in text.split_inclusive(is_harmful) {
            let harmful = piece.chars().next_back().filter(|c| is_harmful(*c));
            let harmless = harmful.and_then(|c| piece.strip_suffix(c)).unwrap_or(piece);
            writer.write_all(harmless.as_bytes())?;
            harmful.map_or(Ok(()), |c| write_escaped(writer, c))?;
        }
        Ok(())
    }
}

fn write_escaped<W: std::io::Write + ?Sized>(writer: &mut W, c: char) -> std::io::Result<()> {
    c.encode_utf16(&mut [0; 2])
        .iter()
        .try_for_each(|unit| write!(writer, "\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn visible(text: &str) -> String {
        Untrusted::new(text).visible(VALUE_CHARS_MAX)
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "taro@example.co.jp",
            "山田 太郎",
            "CORP\\taro",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
            "設計図 第3版.pdf",
            "がぎぐ",
            "203.0.113.9",
            "2001:db8::1",
            "HTTP/1.1",
            "/var/log/auth.log",
        ] {
            assert_eq!(visible(name), name);
        }
    }

    #[test]
    fn what_acts_is_made_visible() {
        for (hostile, shown) in [
            ("a\u{202e}fdp.exe", "a⟦U+202E⟧fdp.exe"),
            ("a\u{200b}b", "a⟦U+200B⟧b"),
            ("\u{1b}]0;x\u{7}", "⟦U+001B⟧]0;x⟦U+0007⟧"),
            ("a\r\nFake: b", "a⟦U+000D⟧⟦U+000A⟧Fake: b"),
            ("x\u{e0041}", "x⟦U+E0041⟧"),
            ("http://evil.example/x", "hxxp[:]//evil[.]example/x"),
            ("HTTPS://evil.example", "hxxps[:]//evil[.]example"),
            ("see evil.example/login", "see evil[.]example/login"),
            ("www.evil.example", "www[.]evil[.]example"),
            ("JavaScript:alert(1)", "javascript[:]alert(1)"),
            ("@everyone", "(at)everyone"),
            ("a@Here!", "a(at)here!"),
            ("[x](http://evil.example)", "[x] (hxxp[:]//evil[.]example)"),
        ] {
            assert_eq!(visible(hostile), shown, "{hostile:?}");
        }
    }

    #[test]
    fn a_long_value_is_cut_by_characters() {
        assert_eq!(cut("あいうえお", 5), "あいうえお");
        assert_eq!(cut("あいうえおか", 5), "あいうえ…");
        assert_eq!(visible(&"x".repeat(10_000)).chars().count(), VALUE_CHARS_MAX);
    }

    #[test]
    fn a_tower_of_marks_is_taken_down() {
        let tower = format!("a{}", "\u{301}".repeat(10_000));

        let shown = visible(&tower);

        assert!(shown.chars().filter(|c| is_combining(*c)).count() <= COMBINING_MAX);
        assert!(shown.chars().count() <= VALUE_CHARS_MAX);
    }

    proptest! {
        #[test]
        fn nothing_invisible_is_left(text in "\\PC*|[\\x00-\\x1f\\u{200b}-\\u{206f}@:/.a-z]*") {
            let shown = visible(&text);

            prop_assert!(!shown.chars().any(is_invisible));
            prop_assert!(!shown.contains("://"));
            prop_assert!(shown.chars().count() <= VALUE_CHARS_MAX);
        }

        #[test]
        fn json_says_the_same_to_a_parser(text in any::<String>()) {
            let json = to_json(&text).unwrap();

            prop_assert!(!json.chars().any(|c| is_invisible(c) || matches!(c, '<' | '>' | '&')));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
