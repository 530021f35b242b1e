//! A text that must not be seen.

use std::fmt;

/// A password, a key, or an address that lets whoever knows it in. It has no `Display` and no
/// `Serialize`, and its `Debug` is three stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text; white space around it, such as the newline at the end of a file, is dropped.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("https://hooks.example.com/T0/B0/xyz\n");

        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "https://hooks.example.com/T0/B0/xyz");
    }
}
