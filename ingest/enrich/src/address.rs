//! What an address says by itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address; one of the form `::ffff:192.0.2.1` is the IPv4 address in it.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// The class of an address, as the column `src_ip_type` names it; none for addresses that no client
/// can have.
pub(crate) fn class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [first, second, ..] = address.octets();
    if first == 0 || address.is_multicast() || address.is_broadcast() {
        None
    } else if address.is_loopback() {
        Some("loopback")
    } else if address.is_link_local() {
        Some("link_local")
    } else if address.is_private() {
        Some("private")
    } else if first == 100 && (64..128).contains(&second) {
        Some("cgnat")
    } else {
        Some(PUBLIC)
    }
}

fn class_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() || address.is_multicast() {
        None
    } else if address.is_loopback() {
        Some("loopback")
    } else if address.is_unicast_link_local() {
        Some("link_local")
    } else if address.is_unique_local() {
        Some("private")
    } else {
        Some(PUBLIC)
    }
}

/// The class of an address that is reached over the Internet. The ranges for documentation are among
/// them: sample logs use them as such.
pub(crate) const PUBLIC: &str = "public";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_class() {
        let table = [
            ("203.0.113.9", Some("public")),
            ("2001:db8:1::9", Some("public")),
            ("::ffff:203.0.113.9", Some("public")),
            ("10.1.2.3", Some("private")),
            ("172.31.0.1", Some("private")),
            ("172.32.0.1", Some("public")),
            ("192.168.0.1", Some("private")),
            ("::ffff:192.168.0.1", Some("private")),
            ("fd00::1", Some("private")),
            ("100.63.255.255", Some("public")),
            ("100.64.0.1", Some("cgnat")),
            ("100.127.255.255", Some("cgnat")),
            ("100.128.0.0", Some("public")),
            ("127.0.0.1", Some("loopback")),
            ("::1", Some("loopback")),
            ("169.254.1.1", Some("link_local")),
            ("fe80::1", Some("link_local")),
            ("0.0.0.0", None),
            ("::", None),
            ("224.0.0.1", None),
            ("255.255.255.255", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).and_then(class), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "-",
            "host.example.com",
            "203.0.113.0/24",
            "203.0.113.9:443",
            "1.2.3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
