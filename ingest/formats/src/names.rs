//! Names of accounts, as they are compared: the same account must come out the same from any source.

use std::borrow::Cow;

use sekisho_model::{Column, EventBuilder};
use unicode_normalization::UnicodeNormalization;

/// The name in NFKC, in lower case, without space around it.
pub(crate) fn normalise(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        }
    } else {
        let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        Cow::Owned(folded.trim().to_owned())
    }
}

/// Sets whose account it is; a word that means "no value" sets nothing.
pub(crate) fn set_user(rows: &mut EventBuilder, text: &str) {
    set(rows, Column::UserName, text);
}

/// Sets who did it, where that is not the account itself.
pub(crate) fn set_actor(rows: &mut EventBuilder, text: &str) {
    set(rows, Column::ActorName, text);
}

fn set(rows: &mut EventBuilder, column: Column, text: &str) {
    if !EventBuilder::means_nothing(text) {
        rows.verbatim(column, &normalise(without_id(text.trim())));
    }
}

/// The name of an account that was deleted: Entra writes the 32 digits of its id before it.
fn without_id(name: &str) -> &str {
    match name.split_at_checked(32) {
        Some((id, name)) if name.find('@') > Some(0) && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_form_are_the_same() {
        for text in [
            "Hana@Example.co.jp",
            " hana@example.co.jp\t",
            "ｈａｎａ＠ｅｘａｍｐｌｅ．ｃｏ．ｊｐ",
        ] {
            assert_eq!(normalise(text), "hana@example.co.jp");
        }
        assert_eq!(normalise("ﾊﾅｺ"), "ハナコ");
        assert_eq!(normalise("ＳＡＴＯ　"), "sato");
    }

    #[test]
    fn a_deleted_account_has_its_own_name() {
        const ID: &str = "26be0000000040008000000000000001";
        for (text, expected) in [
            (format!("{ID}hana@example.co.jp"), "hana@example.co.jp".to_owned()),
            (format!("{ID}@example.co.jp"), format!("{ID}@example.co.jp")),
            (format!("{ID}hana"), format!("{ID}hana")),
            ("hana@example.co.jp".to_owned(), "hana@example.co.jp".to_owned()),
        ] {
            assert_eq!(without_id(&text), expected);
        }
    }
}
