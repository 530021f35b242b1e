//! Accounts as Windows names them.

use std::borrow::Cow;

use super::event::Event;
use crate::address;

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// `name@domain.example`, `domain\name`, or a bare name.
    pub(super) name: Option<String>,
    pub(super) sid: Option<String>,
}

/// The SID that stands for nobody: the account is not known.
const NOBODY: &str = "S-1-0-0";
/// SIDs of the system itself, and beginnings of those of its services: `SYSTEM`, its two service accounts,
/// anonymous, the window manager and the font driver host ([MS-DTYP] 2.4.2.4).
const SYSTEM_SIDS: [&str; 6] = ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-7", "S-1-5-90-", "S-1-5-96-"];
/// Names of the same, where no SID is given.
const SYSTEM_NAMES: [&str; 5] = [
    "SYSTEM",
    "LOCAL SERVICE",
    "NETWORK SERVICE",
    "ANONYMOUS LOGON",
    "LOCAL SYSTEM",
];
/// Beginnings of the names of the window manager and the font driver host.
const SYSTEM_NAME_STARTS: [&str; 2] = ["DWM-", "UMFD-"];

impl Account {
    /// The account of the fields that begin with `prefix`.
    pub(super) fn of(event: &Event<'_>, prefix: &str) -> Self {
        let at = |end: &str| event.get(&format!("{prefix}{end}"));
        let name = match prefix {
            "Account" => at("Name"),
            "Target" => at("UserName").or_else(|| event.get("OldTargetUserName")),
            _ => at("UserName"),
        };
        let domain = match prefix {
            "Account" => at("Domain"),
            _ => at("DomainName"),
        };
        Self {
            name: name.map(|name| full_name(&name, domain.or_else(|| realm(event)).as_deref())),
            sid: at("UserSid").or_else(|| at("Sid")).and_then(|sid| known(&sid)),
        }
    }

    /// The account that joined or left a group. Of a directory's path, the name at its beginning counts.
    pub(super) fn member(event: &Event<'_>) -> Self {
        let name = event.get("MemberName");
        Self {
            name: name.map(|name| common_name(&name).into_owned()),
            sid: event.get("MemberSid").and_then(|sid| known(&sid)),
        }
    }

    /// Whether it is of a machine or of the system, and no person's.
    pub(super) fn is_system(&self) -> bool {
        if let Some(sid) = &self.sid
            && SYSTEM_SIDS.iter().any(|known| {
                if known.ends_with('-') {
                    sid.starts_with(known)
                } else {
                    sid == known
                }
            })
        {
            return true;
        }
        let Some(name) = &self.name else { return false };
        let bare = name.rsplit('\\').next().unwrap_or_default();
        let bare = bare.split('@').next().unwrap_or_default().to_ascii_uppercase();
        bare.ends_with('$')
            || SYSTEM_NAMES.contains(&bare.as_str())
            || SYSTEM_NAME_STARTS.iter().any(|start| bare.starts_with(start))
    }
}

fn known(sid: &str) -> Option<String> {
    let sid = sid.trim().trim_start_matches("%{").trim_end_matches('}');
    (sid != NOBODY && sid.starts_with("S-1-")).then(|| sid.to_owned())
}

/// The realm that a ticket was asked for: `krbtgt/CORP`.
fn realm<'j>(event: &Event<'j>) -> Option<Cow<'j, str>> {
    let service = event.get("ServiceName")?;
    let (_, realm) = service
        .split_once('/')
        .filter(|(name, _)| name.eq_ignore_ascii_case("krbtgt"))?;
    Some(Cow::Owned(realm.to_owned()))
}

/// The name with its domain: as mail addresses are written where the domain is one of DNS, since every
/// account may be named so, else with a backslash.
pub(super) fn full_name(name: &str, domain: Option<&str>) -> String {
    let name = name.trim();
    let domain = domain
        .map(str::trim)
        .filter(|domain| !matches!(*domain, "." | "" | "MicrosoftAccount"));
    match domain {
        Some(_) if name.contains(['@', '\\']) => name.to_owned(),
        Some(domain) if domain.contains('.') && address::parse_ip(domain).is_none() => format!("{name}@{domain}"),
        Some(domain) => format!("{domain}\\{name}"),
        None => name.to_owned(),
    }
}

/// `Hana Sato` of `CN=Hana Sato,OU=Staff,DC=example`; a comma within the name has a backslash.
fn common_name(name: &str) -> Cow<'_, str> {
    let Some((start, rest)) = name.split_at_checked(3) else {
        return Cow::Borrowed(name);
    };
    if !start.eq_ignore_ascii_case("CN=") {
        return Cow::Borrowed(name);
    }
    let mut plain = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' => break,
            '\\' => plain.extend(letters.next()),
            letter => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_domain() {
        for (name, domain, expected) in [
            ("hana", Some("CORP"), "CORP\\hana"),
            ("hana", Some("CORP.EXAMPLE.CO.JP"), "hana@CORP.EXAMPLE.CO.JP"),
            ("hana@example.co.jp", Some("CORP"), "hana@example.co.jp"),
            ("hana", Some("."), "hana"),
            ("hana", Some("192.0.2.1"), "192.0.2.1\\hana"),
            ("hana", None, "hana"),
        ] {
            assert_eq!(full_name(name, domain), expected);
        }
        assert_eq!(common_name("CN=Sato\\, Hana,OU=x"), "Sato, Hana");
        assert_eq!(common_name("WEB1\\hana"), "WEB1\\hana");
        assert_eq!(common_name("あ"), "あ");
    }

    #[test]
    fn machines_and_the_system_are_no_persons() {
        let account = |name: &str, sid: Option<&str>| Account {
            name: Some(name.to_owned()),
            sid: sid.map(str::to_owned),
        };
        for (name, sid, expected) in [
            ("CORP\\WEB1$", None, true),
            ("WEB1$@CORP.EXAMPLE", None, true),
            ("NT AUTHORITY\\ANONYMOUS LOGON", None, true),
            ("Window Manager\\DWM-1", None, true),
            ("システム", Some("S-1-5-18"), true),
            ("x", Some("S-1-5-96-0-1"), true),
            ("CORP\\hana", Some("S-1-5-21-1-2-3-1001"), false),
            ("CORP\\systems", None, false),
            ("hana", Some("S-1-5-180"), false),
        ] {
            assert_eq!(account(name, sid).is_system(), expected, "{name}");
        }
    }
}
