//! Names of accounts in the audit log.

use std::borrow::Cow;

use crate::entra_signin::client::{NO_GUID, is_guid};
use crate::json::Json;

/// What a name in the audit log stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account<'a> {
    /// A person or application, by name.
    Name(Cow<'a, str>),
    /// An account, by its object id.
    Id(Cow<'a, str>),
    /// A part of Microsoft 365 itself.
    System(Cow<'a, str>),
    /// Whoever has a link.
    Anonymous(Cow<'a, str>),
}

impl<'a> Account<'a> {
    /// Reads a name: plain, as a claim (`i:0#.f|membership|…`), of a guest (`live.com#…`), or of what is
    /// no person at all. `None` if it is a word for "unknown".
    pub(super) fn read(text: Cow<'a, str>) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        if ["", "unknown", "not available", NO_GUID].contains(&lower.as_str()) {
            return None;
        }
        if is_system(&lower) {
            return Some(Self::System(text));
        }
        if lower.starts_with("urn:spo:anon") || lower == "anonymous" {
            return Some(Self::Anonymous(text));
        }
        let name = text.trim();
        let name = name.rsplit_once('|').map_or(name, |(_, name)| name);
        let name = ["live.com#", "urn:spo:guest#"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(name);
        let id = name
            .strip_prefix("ServicePrincipal_")
            .or_else(|| name.strip_prefix("User_"))
            .unwrap_or(name);
        if is_guid(id) {
            return Some(Self::Id(Cow::Owned(id.to_owned())));
        }
        Some(Self::Name(if name.len() == text.len() {
            text
        } else {
            Cow::Owned(name.to_owned())
        }))
    }

    /// The text to show and to compare.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Name(text) | Self::Id(text) | Self::System(text) | Self::Anonymous(text) => text,
        }
    }
}

fn is_system(lower: &str) -> bool {
    const PREFIXES: [&str; 6] = [
        "s-1-5-18",
        "nt authority\\",
        "nt service\\",
        "sharepoint\\system",
        "app@sharepoint",
        "securitycompliance",
    ];
    PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}

/// The word of `user_type` for `UserType`, a number or its name.
pub(super) fn user_type(value: &str) -> Option<&'static str> {
    Some(match value.trim().to_ascii_lowercase().as_str() {
        "0" | "1" | "regular" | "reserved" => "member",
        "2" | "admin" => "admin",
        "3" | "4" | "7" | "8" | "dcadmin" | "system" | "custompolicy" | "systempolicy" => "system",
        "5" | "6" | "application" | "serviceprincipal" => "service",
        "9" | "10" | "partnertechnician" | "guest" => "guest",
        _ => return None,
    })
}

/// An entry of `Actor` or `Target` that has one of these types and meets `test`.
pub(super) fn entry<'a>(list: &'a Json<'a>, types: &[i64], test: impl Fn(&str) -> bool) -> Option<Cow<'a, str>> {
    list.elements().iter().find_map(|entry| {
        let kind = entry.get("Type")?.int()?;
        entry.text_at("ID").filter(|id| types.contains(&kind) && test(id))
    })
}

/// The object id among the entries of `Actor` or `Target`: `User_…`, else a bare id of type 0.
pub(super) fn object_id<'a>(list: &'a Json<'a>) -> Option<Cow<'a, str>> {
    let user = entry(list, &[2], |id| {
        id.starts_with("User_") && is_guid(id.trim_start_matches("User_"))
    });
    match user {
        Some(user) => Some(Cow::Owned(user.trim_start_matches("User_").to_owned())),
        None => entry(list, &[0], is_guid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_all_its_forms() {
        let read = |text: &'static str| Account::read(Cow::Borrowed(text));
        let name = |text: &'static str| Some(Account::Name(Cow::Borrowed(text)));
        assert_eq!(read("taro@example.co.jp"), name("taro@example.co.jp"));
        assert_eq!(read("i:0#.f|membership|taro@example.co.jp"), name("taro@example.co.jp"));
        assert_eq!(read("live.com#guest@example.com"), name("guest@example.com"));
        assert_eq!(read("urn:spo:guest#guest@example.com"), name("guest@example.com"));
        assert!(matches!(read("S-1-5-18"), Some(Account::System(_))));
        assert!(matches!(read("app@sharepoint"), Some(Account::System(_))));
        assert!(matches!(read("NT AUTHORITY\\SYSTEM (w3wp)"), Some(Account::System(_))));
        assert!(matches!(read("urn:spo:anon#0a1b"), Some(Account::Anonymous(_))));
        assert!(matches!(
            read("ServicePrincipal_0123abcd-0123-4567-89ab-0123456789ef"),
            Some(Account::Id(_))
        ));
        assert_eq!(read("Not Available"), None);
        assert_eq!(read(" "), None);
    }
}
