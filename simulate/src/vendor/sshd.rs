//! Lines of an OpenSSH server.

use std::net::IpAddr;

use crate::calendar::{Millis, local};

/// How somebody tried to sign in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt {
    /// A key was accepted.
    Key,
    /// A password was accepted.
    Password,
    /// The password was wrong.
    WrongPassword,
    /// There is no such account.
    NoSuchUser,
}

/// The line of an attempt; `port` tells connections apart.
pub(crate) fn line(time: Millis, ip: IpAddr, user: &str, attempt: Attempt, port: u16) -> String {
    let when = local(time).strftime("%b %e %H:%M:%S").to_string();
    let text = match attempt {
        Attempt::Key => format!("Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:{user}"),
        Attempt::Password => format!("Accepted password for {user} from {ip} port {port} ssh2"),
        Attempt::WrongPassword => format!("Failed password for {user} from {ip} port {port} ssh2"),
        Attempt::NoSuchUser => format!("Failed password for invalid user {user} from {ip} port {port} ssh2"),
    };
    format!("{when} web1 sshd[{}]: {text}", u32::from(port) + 1_000)
}
