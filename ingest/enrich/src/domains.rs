//! Which domains of mail are the firm's own, as far as a row and the people list tell.

use sekisho_model::projection::VALUES_SEPARATOR;

/// Domains in which anybody can have an account. Nobody's own, whoever signs in with one.
const FREE: [&str; 22] = [
    "aol.com",
    "docomo.ne.jp",
    "ezweb.ne.jp",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "googlemail.com",
    "hotmail.co.jp",
    "hotmail.com",
    "i.softbank.jp",
    "icloud.com",
    "live.com",
    "live.jp",
    "me.com",
    "outlook.com",
    "outlook.jp",
    "proton.me",
    "protonmail.com",
    "softbank.ne.jp",
    "yahoo.co.jp",
    "yahoo.com",
    "yandex.com",
];

/// The most domains of the people list that count. A firm has a few; a list of guests has many.
pub(crate) const DOMAINS_MAX: usize = 16;

/// The domain of an address, in lower case, if it can be somebody's own.
pub(crate) fn domain(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    let domain = domain.trim().trim_end_matches('.').to_lowercase();
    let is_own = domain.contains('.') && FREE.binary_search(&&*domain).is_err();
    is_own.then_some(domain)
}

/// The ends of addresses within the domains: `@example.co.jp`, and of subdomains `.example.co.jp`.
pub(crate) fn ends<'a>(domains: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let mut text = String::new();
    for domain in domains {
        for start in ['@', '.'] {
            if !text.is_empty() {
                text.push(VALUES_SEPARATOR);
            }
            text.push(start);
            text.push_str(domain);
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_domains_are_sorted() {
        assert!(FREE.is_sorted());
    }

    #[test]
    fn a_domain_is_ones_own_unless_anybody_can_have_it() {
        for (address, expected) in [
            ("taro@Example.co.jp", Some("example.co.jp")),
            ("taro@gmail.com", None),
            ("taro@localhost", None),
            ("corp\\taro", None),
        ] {
            assert_eq!(domain(address).as_deref(), expected, "{address}");
        }
        assert_eq!(
            ends(&["example.co.jp".to_owned()]).as_deref(),
            Some("@example.co.jp\u{1e}.example.co.jp")
        );
        assert_eq!(ends(&[]), None);
    }
}
