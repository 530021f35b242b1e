//! Lines of a web server's access log.

use std::net::IpAddr;

use crate::calendar::{Millis, local};

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) bytes: usize,
    pub(crate) agent: &'a str,
}

/// The line of a request.
pub(crate) fn line(time: Millis, ip: IpAddr, request: &Request<'_>) -> String {
    let when = local(time).strftime("%d/%b/%Y:%H:%M:%S %z").to_string();
    let Request {
        path,
        status,
        bytes,
        agent,
    } = request;
    format!("{ip} - - [{when}] \"GET {path} HTTP/1.1\" {status} {bytes} \"-\" \"{agent}\"")
}
