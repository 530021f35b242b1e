//! The family of a client, from what it calls itself.

/// Browsers and programs, by a word of their user agent. The first that is found is it: nearly all call
/// themselves `Mozilla`, and most `Safari` and `Chrome` too.
const CLIENTS: [(&str, &str); 14] = [
    ("Teams/", "Teams"),
    ("OneDrive", "OneDrive"),
    ("Outlook", "Outlook"),
    ("Slack", "Slack"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "HeadlessChrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Trident/", "IE"),
];

/// Systems, likewise: an Android says `Linux`, an iPhone `Mac OS X`.
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "MacOS"),
    ("Linux", "Linux"),
];

/// The longest name of a program that is none of [`CLIENTS`].
const NAME_MAX: usize = 32;

/// A coarse client such as `Chrome/Windows`, without versions. A program that is not known has the
/// name that it begins with: `curl/8.5.0` is `curl`.
pub(crate) fn family(agent: &str) -> Option<String> {
    let find = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(word, _)| agent.contains(word))
            .map(|(_, name)| *name)
    };
    let system = find(&SYSTEMS);
    if let Some(client) = find(&CLIENTS) {
        return Some(system.map_or_else(|| client.to_owned(), |system| format!("{client}/{system}")));
    }
    let name: String = agent
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(NAME_MAX)
        .collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_and_versions_are_not() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
                Some("Chrome/Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0",
                Some("Edge/Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
                Some("Safari/iOS"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36",
                Some("Chrome/Android"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("python-requests/2.32", Some("python-requests")),
            ("", None),
            ("(x", None),
        ] {
            assert_eq!(family(agent).as_deref(), expected, "{agent}");
        }
    }
}
