//! Which address a request came from.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::address;

/// The address the request came from.
///
/// Where the access log itself begins with a list, whoever wrote the format asked for the forwarded
/// address, so the proxies on private networks are taken for theirs. A list in a field at the end is
/// what the client sent, and is believed only behind a trusted proxy.
pub(crate) fn of(client: &str, forwarded: Option<&str>, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let chain = addresses(client);
    let near = match *chain.as_slice() {
        [] => return None,
        [only] => only,
        _ => return farthest(&chain, |ip| is_trusted(ip) || address::kind(*ip) != "public"),
    };
    let forwarded = forwarded
        .filter(|_| is_trusted(&near))
        .map(addresses)
        .unwrap_or_default();
    farthest(&forwarded, is_trusted).or(Some(near))
}

/// The last address that no trusted proxy has, or else the first.
fn farthest(chain: &[IpAddr], trusted: impl Fn(&IpAddr) -> bool) -> Option<IpAddr> {
    chain
        .iter()
        .rev()
        .find(|ip| !trusted(ip))
        .or_else(|| chain.first())
        .copied()
}

fn addresses(list: &str) -> Vec<IpAddr> {
    list.split([',', ' ']).filter_map(address::parse_ip).collect()
}
