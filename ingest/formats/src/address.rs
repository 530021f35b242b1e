//! Network addresses as sources write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sekisho_model::{Column, EventBuilder};

/// What a source wrote where an address belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address; an IPv4 address mapped into IPv6 is given as IPv4.
    Ip(IpAddr),
    /// An address of which the source hides a part, such as `203.0.113.XXX`.
    Redacted,
    /// Something else, such as the name of a host.
    Other,
}

/// Reads an address with or without brackets, port and zone; of a list, the first entry.
pub(crate) fn parse(text: &str) -> Address {
    let first = text.split(',').next().unwrap_or_default();
    let first = first.trim().trim_matches('"');
    match parse_ip(first) {
        Some(ip) => Address::Ip(ip),
        None if is_redacted(first) => Address::Redacted,
        None => Address::Other,
    }
}

/// Reads one address with or without brackets, port and zone.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => in_parentheses(text).unwrap_or(text),
    };
    let bare = bare.split('%').next()?;
    let ip = bare.parse().ok().or_else(|| before_port(bare))?;
    Some(ip.to_canonical())
}

/// Of `192.0.2.1:80`, the address. `SonicWall` adds the interface, and leaves out the port where there is
/// none: `192.0.2.1:80:X1`, `192.0.2.1::X1`.
fn before_port(text: &str) -> Option<IpAddr> {
    let (host, rest) = text.split_once(':')?;
    let (port, interface) = rest
        .split_once(':')
        .map_or((rest, None), |(port, interface)| (port, Some(interface)));
    if !(port.is_empty() && interface.is_some()) {
        port.parse::<u16>().ok()?;
    }
    host.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

/// Of `https(192.0.2.1)`, as firewalls name where an administrator sits, what is in parentheses.
fn in_parentheses(text: &str) -> Option<&str> {
    text.strip_suffix(')')?.split_once('(').map(|(_, inner)| inner)
}

/// The word of `src_ip_type` for an address.
pub(crate) fn kind(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(v4) => kind_v4(v4),
        IpAddr::V6(v6) => kind_v6(v6),
    }
}

/// Sets the source address and its kind; returns whether there was one to set.
pub(crate) fn set_source(rows: &mut EventBuilder, text: &str) -> bool {
    match parse(text) {
        Address::Ip(ip) => {
            set_source_ip(rows, ip);
            true
        }
        Address::Redacted => {
            rows.verbatim(Column::SrcIpType, "redacted");
            false
        }
        Address::Other => false,
    }
}

/// Sets the source address and its kind.
pub(crate) fn set_source_ip(rows: &mut EventBuilder, ip: IpAddr) {
    rows.verbatim(Column::SrcIp, &ip.to_string());
    rows.verbatim(Column::SrcIpType, kind(ip));
}

fn kind_v4(ip: Ipv4Addr) -> &'static str {
    let [a, b, ..] = ip.octets();
    if ip.is_loopback() {
        "loopback"
    } else if ip.is_link_local() {
        "link_local"
    } else if a == 100 && (64..128).contains(&b) {
        "cgnat"
    } else if ip.is_private() || ip.is_unspecified() {
        "private"
    } else {
        "public"
    }
}

fn kind_v6(ip: Ipv6Addr) -> &'static str {
    if ip.is_loopback() {
        "loopback"
    } else if ip.is_unicast_link_local() {
        "link_local"
    } else if ip.is_unique_local() || ip.is_unspecified() {
        "private"
    } else {
        "public"
    }
}

/// Whether it has the shape of an address, with whole groups of `x` in it.
fn is_redacted(text: &str) -> bool {
    let hidden = |group: &str| !group.is_empty() && group.chars().all(|c| matches!(c, 'x' | 'X' | '*'));
    let (groups, plain): (Vec<&str>, fn(char) -> bool) = if text.contains(':') {
        (text.split(':').collect(), |c| c.is_ascii_hexdigit())
    } else {
        (text.split('.').collect(), |c| c.is_ascii_digit())
    };
    let enough = if text.contains(':') {
        (3..=8).contains(&groups.len())
    } else {
        groups.len() == 4
    };
    enough
        && groups.iter().any(|group| hidden(group))
        && groups.iter().any(|group| !group.is_empty() && !hidden(group))
        && groups.iter().all(|group| hidden(group) || group.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_whatever_stands_around_it() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:123", "192.0.2.1"),
            ("192.0.2.1:123:X1", "192.0.2.1"),
            ("192.0.2.1:123:X1:pc7.example.co.jp", "192.0.2.1"),
            ("192.0.2.1::X1", "192.0.2.1"),
            ("[192.0.2.1]:123", "192.0.2.1"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:123", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:123", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("https(192.0.2.1)", "192.0.2.1"),
            ("192.0.2.1, 198.51.100.2", "192.0.2.1"),
            (" \"192.0.2.1\" ", "192.0.2.1"),
        ] {
            assert_eq!(parse(text), Address::Ip(expected.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_address_is_not_taken_for_one() {
        for text in [
            "",
            "-",
            "localhost",
            "host.example.com:123",
            "1.2.3",
            "192.0.2.1:99999",
            "192.0.2.1:",
            "192.0.2.1:x:X1",
            ":28503:X1",
            "[192.0.2.1",
            "Service IP",
        ] {
            assert_eq!(parse(text), Address::Other, "{text}");
        }
        for text in ["203.0.113.XXX", "203.0.xxx.xxx", "2001:db8:1:xxxx:xxxx:xxxx:xxxx:xxxx"] {
            assert_eq!(parse(text), Address::Redacted, "{text}");
        }
        assert_eq!(parse("xxx.xxx.xxx.xxx"), Address::Other);
    }

    #[test]
    fn an_address_has_the_kind_of_its_network() {
        for (text, expected) in [
            ("203.0.113.9", "public"),
            ("10.1.2.3", "private"),
            ("172.31.0.1", "private"),
            ("172.32.0.1", "public"),
            ("192.168.0.1", "private"),
            ("100.64.0.1", "cgnat"),
            ("100.128.0.1", "public"),
            ("127.0.0.53", "loopback"),
            ("169.254.1.1", "link_local"),
            ("0.0.0.0", "private"),
            ("::1", "loopback"),
            ("fe80::1", "link_local"),
            ("fd00::1", "private"),
            ("2001:db8::1", "public"),
        ] {
            assert_eq!(kind(text.parse().unwrap()), expected, "{text}");
        }
    }
}
