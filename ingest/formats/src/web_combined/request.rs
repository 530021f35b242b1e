//! The request line, as the client sent it.

/// A request line taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Request<'a> {
    /// `GET`
    pub(super) method: Option<&'a str>,
    /// Path and query; of what is no HTTP, all of it.
    pub(super) url: Option<&'a str>,
    /// `HTTP/1.1`
    pub(super) protocol: Option<&'a str>,
}

/// Takes a request line apart. Anything may come from a client: what is no HTTP has no method.
pub(super) fn parse(line: &str) -> Request<'_> {
    if line.is_empty() || line == "-" {
        return Request::default();
    }
    let whole = Request {
        url: Some(line),
        ..Request::default()
    };
    let Some((method, rest)) = line.split_once(' ') else {
        return whole;
    };
    let is_method = !method.is_empty()
        && method
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'-' || byte == b'_');
    if !is_method {
        return whole;
    }
    match rest.rsplit_once(' ').filter(|(_, last)| last.starts_with("HTTP/")) {
        Some((url, protocol)) => Request {
            method: Some(method),
            url: Some(url),
            protocol: Some(protocol),
        },
        // HTTP/0.9 has no version.
        None if rest.starts_with('/') => Request {
            method: Some(method),
            url: Some(rest),
            protocol: None,
        },
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_and_what_is_none_is_kept_whole() {
        let parts = |line| {
            let Request { method, url, protocol } = parse(line);
            (method, url, protocol)
        };
        assert_eq!(
            parts("GET /a?b=c d HTTP/1.1"),
            (Some("GET"), Some("/a?b=c d"), Some("HTTP/1.1"))
        );
        assert_eq!(parts("GET /a"), (Some("GET"), Some("/a"), None));
        assert_eq!(
            parts("CONNECT example.com:443 HTTP/1.1"),
            (Some("CONNECT"), Some("example.com:443"), Some("HTTP/1.1"))
        );
        assert_eq!(
            parts("\\x16\\x03\\x01 \\x02"),
            (None, Some("\\x16\\x03\\x01 \\x02"), None)
        );
        assert_eq!(parts("HELP"), (None, Some("HELP"), None));
        assert_eq!(parts("-"), (None, None, None));
        assert_eq!(parts(""), (None, None, None));
    }
}
