//! Which version we say we are.

/// What whoever is not a Beat is told: the newest of the last major version that all clients speak.
const VERSION: &str = "8.19.0";

/// How a Beat begins its `User-Agent`, as in `Elastic-filebeat/8.15.1 (linux; amd64; …)`.
const BEAT: &str = "Elastic-";

/// The longest version that is given back.
const VERSION_BYTES_MAX: usize = 16;

/// The version to tell whoever has this `User-Agent`.
pub(super) fn to_tell(user_agent: &str) -> &str {
    of_beat(user_agent).unwrap_or(VERSION)
}

fn of_beat(user_agent: &str) -> Option<&str> {
    let (_, rest) = user_agent.strip_prefix(BEAT)?.split_once('/')?;
    let version = rest.split([' ', '-', '+', '(']).next()?;
    let mut parts = version.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let has_three = parts.by_ref().take(3).filter(|part| is_number(part)).count() == 3;
    (has_three && parts.next().is_none() && version.len() <= VERSION_BYTES_MAX).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_told_its_own_version() {
        for (user_agent, expected) in [
            ("Elastic-filebeat/8.15.1 (linux; amd64; abc; 2024)", "8.15.1"),
            ("Elastic-winlogbeat/9.1.0-SNAPSHOT (windows)", "9.1.0"),
            ("Elastic-filebeat/7.17", VERSION),
            ("Elastic-filebeat/7.17.x.1", VERSION),
            ("Elastic-filebeat/1.2.3.4", VERSION),
            ("Elastic-filebeat/11111111111.1.1111", VERSION),
            ("elasticsearch-py/8.19.0 (Python/3.11.7)", VERSION),
            ("", VERSION),
        ] {
            assert_eq!(to_tell(user_agent), expected, "{user_agent}");
        }
    }
}
