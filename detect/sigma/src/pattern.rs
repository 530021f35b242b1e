//! Texts with wildcards.

/// A text to compare a value with: literal runs, `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The parts, in order; two literals never stand side by side.
    pub tokens: Vec<Token>,
    /// Whether upper and lower case differ.
    pub cased: bool,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Exactly this text.
    Literal(String),
    /// Any text, also none: `*`.
    Any,
    /// Any one character: `?`.
    One,
}

impl Pattern {
    /// Reads a value as Sigma writes it: `*` and `?` are wildcards, a backslash before one of them or
    /// before a backslash takes its meaning away, any other backslash is itself.
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self {
            tokens: Vec::new(),
            cased: false,
        };
        let mut chars = text.chars().peekable();
        while let Some(character) = chars.next() {
            match character {
                '\\' => {
                    let escaped = chars.next_if(|next| matches!(next, '*' | '?' | '\\'));
                    pattern.push(escaped.unwrap_or('\\'));
                }
                '*' => pattern.any(),
                '?' => pattern.tokens.push(Token::One),
                other => pattern.push(other),
            }
        }
        pattern
    }

    /// Exactly this text, without wildcards.
    pub fn literal(text: &str) -> Self {
        let tokens = if text.is_empty() {
            Vec::new()
        } else {
            vec![Token::Literal(text.to_owned())]
        };
        Self { tokens, cased: false }
    }

    fn push(&mut self, character: char) {
        if let Some(Token::Literal(run)) = self.tokens.last_mut() {
            run.push(character);
        } else {
            self.tokens.push(Token::Literal(character.to_string()));
        }
    }

    fn any(&mut self) {
        if self.tokens.last() != Some(&Token::Any) {
            self.tokens.push(Token::Any);
        }
    }

    /// With anything allowed before it.
    #[must_use]
    pub fn open_start(mut self) -> Self {
        if self.tokens.first() != Some(&Token::Any) {
            self.tokens.insert(0, Token::Any);
        }
        self
    }

    /// With anything allowed after it.
    #[must_use]
    pub fn open_end(mut self) -> Self {
        self.any();
        self
    }

    /// The text, if there is no wildcard in it.
    pub fn as_literal(&self) -> Option<&str> {
        match self.tokens.as_slice() {
            [] => Some(""),
            [Token::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is the empty text.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    #[test]
    fn wildcards_and_escapes_follow_the_specification() {
        let cases: &[(&str, &[Token])] = &[
            ("", &[]),
            ("plain", &[literal("plain")]),
            ("a*b", &[literal("a"), Token::Any, literal("b")]),
            ("prog?.exe", &[literal("prog"), Token::One, literal(".exe")]),
            ("**", &[Token::Any]),
            (r"C:\Windows", &[literal(r"C:\Windows")]),
            (r"C:\\Windows", &[literal(r"C:\Windows")]),
            (r"\*", &[literal("*")]),
            (r"\?", &[literal("?")]),
            (r"\\*", &[literal(r"\"), Token::Any]),
            (r"\\\*", &[literal(r"\*")]),
            (r"\\\\", &[literal(r"\\")]),
            (r"\\\x", &[literal(r"\\x")]),
            (r"ends\", &[literal(r"ends\")]),
            ("請求*", &[literal("請求"), Token::Any]),
        ];
        for (text, expected) in cases {
            assert_eq!(Pattern::parse(text).tokens, *expected, "{text}");
        }
    }

    #[test]
    fn opening_twice_is_opening_once() {
        let pattern = Pattern::parse("*a*");

        assert_eq!(pattern.clone().open_start().open_end(), pattern);
    }
}
