//! Texts with wildcards, compared without case.
//!
//! Case is folded character by character: ASCII letters to lower case, other characters to their
//! lower case where that is a single character outside ASCII. So a pattern of ASCII letters matches
//! ASCII letters only, and ASCII searches need not look at Unicode.

use sekisho_sigma::{Pattern, Token};

/// A character without case.
pub fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let mut lower = character.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if !one.is_ascii() => one,
        _ => character,
    }
}

/// A text without case.
pub fn fold_text(text: &str) -> String {
    text.chars().map(fold).collect()
}

/// A pattern, ready to be compared.
#[derive(Clone, Debug)]
pub struct Glob {
    tokens: Vec<One>,
    cased: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum One {
    Char(char),
    Any,
    Single,
}

impl Glob {
    /// Of a pattern.
    pub fn new(pattern: &Pattern) -> Self {
        let tokens = pattern
            .tokens
            .iter()
            .flat_map(|token| match token {
                Token::Literal(text) => text.chars().map(One::Char).collect(),
                Token::Any => vec![One::Any],
                Token::One => vec![One::Single],
            })
            .map(|one| match one {
                One::Char(character) if !pattern.cased => One::Char(fold(character)),
                other => other,
            })
            .collect();
        Self {
            tokens,
            cased: pattern.cased,
        }
    }

    /// Whether the text is of this form.
    ///
    /// On a mismatch the last `*` takes one character more, so the work is at most the product of
    /// both lengths.
    pub fn matches(&self, text: &str) -> bool {
        let mut rest = text.chars();
        let mut at = 0;
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            match self.tokens.get(at) {
                Some(One::Any) => {
                    at += 1;
                    retry = Some((at, rest.clone()));
                    continue;
                }
                Some(token)
                    if rest
                        .clone()
                        .next()
                        .is_some_and(|character| self.fits(*token, character)) =>
                {
                    rest.next();
                    at += 1;
                    continue;
                }
                None if rest.clone().next().is_none() => return true,
                Some(_) | None => {}
            }
            let Some((after, start)) = &mut retry else { return false };
            if start.next().is_none() {
                return false;
            }
            at = *after;
            rest = start.clone();
        }
    }

    fn fits(&self, token: One, character: char) -> bool {
        match token {
            One::Char(expected) => expected == if self.cased { character } else { fold(character) },
            One::Any | One::Single => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_what_they_should() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("?", "あ", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXbd", false),
            ("*ab", "aab", true),
            ("*ab", "abc", false),
            ("a?c", "ABC", true),
            ("ÄÖ*", "äöü", true),
            ("ＡＢ", "ａｂ", true),
            ("k", "\u{212a}", false),
            ("*aaaaab", "aaaaaaaaaaaaaaaaaaab", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                Glob::new(&Pattern::parse(pattern)).matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
