//! What a service that runs with the same settings says of itself.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the service may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// The most bytes of its page of metrics that are read.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Running {
    /// Nobody listens.
    No,
    /// Somebody listens who shows no metrics, or not to us.
    Silent,
    /// The service runs; what is wrong with it.
    Yes(Vec<String>),
}

/// Asks whoever listens where the service would.
pub(super) fn ask(listen: SocketAddr) -> Running {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let Ok(stream) = TcpStream::connect_timeout(&address, ANSWER_MAX) else {
        return Running::No;
    };
    match page(stream) {
        Some(page) => Running::Yes(problems(&page)),
        None => Running::Silent,
    }
}

fn page(mut stream: TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
    stream.set_write_timeout(Some(ANSWER_MAX)).ok()?;
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut answer).ok()?;
    let is_ours = answer.starts_with("HTTP/1.1 200") && answer.contains("\nsekisho_build_info");
    is_ours.then_some(answer)
}

/// What the page says to be wrong.
fn problems(page: &str) -> Vec<String> {
    let of = |line: &str, name: &str, label: &str| -> Option<(String, String)> {
        let rest = line.strip_prefix(name)?.strip_prefix('{')?;
        let (labels, value) = rest.split_once("} ")?;
        let text = labels.strip_prefix(label)?.strip_prefix("=\"")?.strip_suffix('"')?;
        Some((text.to_owned(), value.to_owned()))
    };
    let missing = page.lines().filter_map(|line| {
        let (step, count) = of(line, "sekisho_conservation_error", "step")?;
        (count != "0").then(|| format!("{count} records are missing in the count at the step \"{step}\""))
    });
    let holding = page.lines().filter_map(|line| {
        let (condition, _) = of(line, "sekisho_condition", "condition")?;
        Some(format!("the service tells of \"{condition}\""))
    });
    missing.chain(holding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_is_told_are_problems() {
        let page = "# HELP x\nsekisho_conservation_error{step=\"doors\"} 0\nsekisho_conservation_error{step=\"log\"} 7\n\
                    sekisho_condition{condition=\"disk_nearly_full\"} 1\nsekisho_rules_running 40\n";
        assert_eq!(
            problems(page),
            [
                "7 records are missing in the count at the step \"log\"",
                "the service tells of \"disk_nearly_full\""
            ]
        );
    }

    #[test]
    fn nobody_listens() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        assert_eq!(ask(address), Running::No);
    }
}
