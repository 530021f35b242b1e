//! Modifiers that turn one value into others: dashes, UTF-16 and Base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::pattern::{Pattern, Token};

/// The characters that a Windows command line takes for a dash.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// The most variants of one value under `windash`: five of each of five flags.
pub(crate) const VARIANTS_MAX: usize = 3_125;

/// How text becomes bytes before Base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wide {
    Little,
    Big,
    Marked,
}

/// Every way to write the flags of a command line; `None` if there are too many.
pub(crate) fn windash(pattern: &Pattern) -> Option<Vec<Pattern>> {
    let mut variants = vec![Vec::<Token>::new()];
    let mut before = None;
    for (index, token) in pattern.tokens.iter().enumerate() {
        let Token::Literal(text) = token else {
            for variant in &mut variants {
                variant.push(token.clone());
            }
            before = None;
            continue;
        };
        let after = match pattern.tokens.get(index + 1) {
            Some(Token::Literal(next)) => next.chars().next(),
            _ => None,
        };
        let texts = windash_text(text, before, after)?;
        if variants.len().saturating_mul(texts.len()) > VARIANTS_MAX {
            return None;
        }
        variants = variants
            .iter()
            .flat_map(|variant| {
                texts.iter().map(|text| {
                    let mut longer = variant.clone();
                    longer.push(Token::Literal(text.clone()));
                    longer
                })
            })
            .collect();
        before = text.chars().last();
    }
    Some(
        variants
            .into_iter()
            .map(|tokens| Pattern {
                tokens,
                cased: pattern.cased,
            })
            .collect(),
    )
}

/// A dash begins a flag if a word follows it and none comes right before it.
fn windash_text(text: &str, before: Option<char>, after: Option<char>) -> Option<Vec<String>> {
    let is_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut variants = vec![String::new()];
    let mut previous = before;
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        let next = chars.peek().copied().or(after);
        if matches!(character, '-' | '/') && !is_word(previous) && is_word(next) {
            if variants.len().saturating_mul(DASHES.len()) > VARIANTS_MAX {
                return None;
            }
            variants = variants
                .iter()
                .flat_map(|variant| DASHES.map(|dash| format!("{variant}{dash}")))
                .collect();
        } else {
            for variant in &mut variants {
                variant.push(character);
            }
        }
        previous = Some(character);
    }
    Some(variants)
}

/// The bytes of a text.
pub(crate) fn bytes(text: &str, wide: Option<Wide>) -> Vec<u8> {
    match wide {
        None => text.as_bytes().to_vec(),
        Some(Wide::Little) => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Some(Wide::Big) => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        Some(Wide::Marked) => [0xff, 0xfe]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect(),
    }
}

/// The bytes as Base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What Base64 makes of the bytes at each of the three places they may have in a longer text,
/// without the characters that depend on their neighbours.
pub(crate) fn base64_offsets(bytes: &[u8]) -> Vec<String> {
    const STARTS: [usize; 3] = [0, 2, 3];
    const ENDS: [usize; 3] = [0, 3, 2];
    (0..3)
        .zip(STARTS)
        .filter_map(|(shift, start)| {
            let mut padded = vec![b' '; shift];
            padded.extend_from_slice(bytes);
            let encoded = STANDARD.encode(&padded);
            let cut = ENDS.get((bytes.len() + shift) % 3)?;
            encoded.get(start..encoded.len().checked_sub(*cut)?).map(str::to_owned)
        })
        .filter(|text| !text.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_offsets_are_found_wherever_the_text_stands() {
        for text in ["/bin/bash", "IEX ", "http://"] {
            let variants = base64_offsets(text.as_bytes());
            for before in ["", "x", "xy", "xyz"] {
                let encoded = STANDARD.encode(format!("{before}{text} tail"));
                assert!(
                    variants.iter().any(|variant| encoded.contains(variant)),
                    "{before}{text}"
                );
            }
        }
        assert_eq!(base64_offsets(b"foobar"), ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]);
    }

    #[test]
    fn wide_text_is_utf_16() {
        assert_eq!(base64(&bytes("ping", Some(Wide::Little))), "cABpAG4AZwA=");
        assert_eq!(bytes("A", Some(Wide::Big)), [0, 0x41]);
        assert_eq!(bytes("A", Some(Wide::Marked)), [0xff, 0xfe, 0x41, 0]);
    }

    #[test]
    fn only_dashes_before_a_word_are_exchanged() {
        let variants = windash(&Pattern::parse(" -a path-to *-b")).unwrap();

        assert_eq!(variants.len(), 25);
        assert!(variants.contains(&Pattern::parse(" /a path-to *\u{2014}b")));
    }

    #[test]
    fn too_many_flags_are_refused() {
        assert!(windash(&Pattern::parse(" -a -b -c -d -e -f")).is_none());
    }
}
