//! What Microsoft tells about the client: its family, its device, and the ids it gives to everything.

/// Whether it is an object id. A user name has this form while Entra does not yet know whose it is.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The id that stands for none.
pub(crate) const NO_GUID: &str = "00000000-0000-0000-0000-000000000000";

/// A coarse client such as `Chrome/Windows` of a browser and a system with their versions.
pub(crate) fn family(browser: Option<&str>, system: Option<&str>) -> Option<String> {
    let browser = browser.map(without_version).filter(|name| known(name));
    let system = system.map(name_of_system).filter(|name| known(name));
    match (browser, system) {
        (Some(browser), Some(system)) => Some(format!("{browser}/{system}")),
        (Some(one), None) => Some(one),
        (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

fn known(name: &str) -> bool {
    !name.is_empty() && !name.eq_ignore_ascii_case("unknown") && !name.eq_ignore_ascii_case("other")
}

/// `Mobile Safari 17.4` is `Mobile Safari`.
fn without_version(text: &str) -> String {
    let words = text
        .split_whitespace()
        .take_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

/// `Windows10`, `Windows 11` and `Windows` are `Windows`.
fn name_of_system(text: &str) -> &str {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// The word of `device_trust`, of what is known of the device; `None` if nothing is.
pub(crate) fn trust(compliant: Option<bool>, managed: Option<bool>, joined: Option<&str>) -> Option<&'static str> {
    match (compliant, managed, joined) {
        (Some(true), _, _) => Some("compliant"),
        (_, Some(true), _) => Some("managed"),
        (_, _, Some(_)) => Some("registered"),
        (None, None, None) => None,
        (_, _, None) => Some("unmanaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_family_without_versions() {
        assert_eq!(
            family(Some("Edge 122.0.0"), Some("Windows10")).as_deref(),
            Some("Edge/Windows")
        );
        assert_eq!(
            family(Some("Mobile Safari"), Some("Ios 17.4")).as_deref(),
            Some("Mobile Safari/Ios")
        );
        assert_eq!(family(Some("Unknown"), Some("MacOs")).as_deref(), Some("MacOs"));
        assert_eq!(family(Some("Firefox 9"), None).as_deref(), Some("Firefox"));
        assert_eq!(family(Some("12"), Some("")), None);
    }

    #[test]
    fn an_id_is_told_from_a_name() {
        assert!(is_guid("0123abcd-0123-4567-89AB-0123456789ef"));
        assert!(!is_guid("0123abcd-0123-4567-89AB-0123456789eg"));
        assert!(!is_guid("taro@example.co.jp"));
        assert!(is_guid(NO_GUID));
    }
}
