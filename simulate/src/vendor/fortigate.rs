//! SSL-VPN events of a `FortiGate`, as it sends them over syslog.

use std::net::IpAddr;

use crate::calendar::{Millis, SECOND, local};

/// How far the firewall's clock is ahead.
pub(crate) const CLOCK_AHEAD: Millis = 90 * SECOND;

/// What happened at the VPN.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tunnel<'a> {
    /// It was opened: its number, and the account.
    Up(u64, &'a str),
    /// It was closed.
    Down(u64, &'a str),
    /// Somebody was refused, with the reason.
    Refused(&'a str, &'a str),
}

/// The record of it.
pub(crate) fn record(time: Millis, ip: IpAddr, tunnel: Tunnel<'_>) -> String {
    let by_its_clock = time + CLOCK_AHEAD;
    let when = local(by_its_clock).strftime("date=%Y-%m-%d time=%H:%M:%S").to_string();
    let head = |priority: u8, id: &str, level: &str| {
        format!(
            "<{priority}>{when} devname=\"fw1\" devid=\"FGT60F0000000001\" eventtime={by_its_clock}000000 tz=\"+0900\" \
             logid=\"{id}\" type=\"event\" subtype=\"vpn\" level=\"{level}\" vd=\"root\""
        )
    };
    match tunnel {
        Tunnel::Up(number, user) => format!(
            "{} logdesc=\"SSL VPN tunnel up\" action=\"tunnel-up\" tunneltype=\"ssl-tunnel\" tunnelid={number} remip={ip} \
             tunnelip=10.212.134.{} user=\"{user}\" group=\"staff\" reason=\"tunnel established\" msg=\"SSL tunnel established\"",
            head(190, "0101039947", "information"),
            1 + number % 250,
        ),
        Tunnel::Down(number, user) => format!(
            "{} logdesc=\"SSL VPN tunnel down\" action=\"tunnel-down\" tunneltype=\"ssl-tunnel\" tunnelid={number} \
             remip={ip} user=\"{user}\" group=\"staff\" duration=7200 sentbyte=1234567 rcvdbyte=765432 msg=\"SSL tunnel shutdown\"",
            head(190, "0101039948", "information"),
        ),
        Tunnel::Refused(user, reason) => format!(
            "{} logdesc=\"SSL VPN login fail\" action=\"ssl-login-fail\" tunneltype=\"ssl-web\" tunnelid=0 remip={ip} \
             user=\"{user}\" group=\"N/A\" dst_host=\"N/A\" reason=\"{reason}\" msg=\"SSL user failed to logged in\"",
            head(185, "0101039426", "alert"),
        ),
    }
}
