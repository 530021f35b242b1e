//! With what kind of program an event was made.

use sekisho_model::{Column, EventBatch};
use serde::{Deserialize, Serialize};

/// What a program says of itself, as far as a session can tell two of them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Client {
    /// A library or a tool that is driven by a program: the word by which it was known.
    Script(String),
    /// A browser, without its version, and the kind of system it runs on.
    Browser(String),
    /// An application, or nothing that can be told apart.
    Other,
}

/// Words of programs that no person uses as a browser, lower case.
const SCRIPTS: [&str; 20] = [
    "aiohttp",
    "axios",
    "azurehound",
    "curl/",
    "fasthttp",
    "go-http-client",
    "got (",
    "headlesschrome",
    "httpx",
    "java/",
    "libwww-perl",
    "node-fetch",
    "okhttp",
    "phantomjs",
    "python-requests",
    "python-urllib",
    "roadtools",
    "scrapy",
    "undici",
    "wget/",
];

/// Words of applications that have a browser inside, and share a session with the one beside them.
const EMBEDDED: [&str; 8] = [
    "electron/",
    "microsoft office",
    "ms-office",
    "msoffice",
    "onedrive",
    "outlook",
    "teams/",
    "; wv)",
];

/// Words of browsers, the most particular first, for most name the ones they descend from too.
const BROWSERS: [(&str, &str); 14] = [
    ("edg/", "Edge"),
    ("edga/", "Edge"),
    ("edgios/", "Edge"),
    ("edge", "Edge"),
    ("opr/", "Opera"),
    ("opera", "Opera"),
    ("vivaldi", "Vivaldi"),
    ("samsung", "Samsung"),
    ("fxios/", "Firefox"),
    ("firefox", "Firefox"),
    ("crios/", "Chrome"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("trident/", "Edge"),
];

/// Words of systems. An iPad calls itself a Mac when it asks for pages made for desks.
const SYSTEMS: [(&str, &str); 8] = [
    ("windows", "Windows"),
    ("android", "Android"),
    ("iphone", "Apple"),
    ("ipad", "Apple"),
    ("ios", "Apple"),
    ("mac", "Apple"),
    ("cros", "ChromeOS"),
    ("linux", "Linux"),
];

impl Client {
    /// The client of a row: by what it says of itself, else by what the source made of that.
    pub(super) fn of(batch: &EventBatch, row: usize) -> Self {
        let agent = batch.text(Column::UserAgent, row).map(Self::parse);
        match agent {
            Some(known @ (Self::Script(_) | Self::Browser(_))) => known,
            _ => batch.text(Column::ClientFamily, row).map_or(Self::Other, Self::parse),
        }
    }

    fn parse(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        if let Some(word) = SCRIPTS.iter().find(|word| text.contains(**word)) {
            return Self::Script(word.trim_end_matches([' ', '(', '/']).to_owned());
        }
        if EMBEDDED.iter().any(|word| text.contains(word)) {
            return Self::Other;
        }
        let find = |words: &[(&str, &'static str)]| {
            let found = words.iter().find(|(word, _)| text.contains(word));
            found.map(|(_, name)| *name)
        };
        match (find(&BROWSERS), find(&SYSTEMS)) {
            (Some(browser), Some(system)) => Self::Browser(format!("{browser}/{system}")),
            _ => Self::Other,
        }
    }

    /// Its name, for a message.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Script(name) | Self::Browser(name) => Some(name),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_and_their_versions_are_not() {
        let browser = |name: &str| Client::Browser(name.to_owned());
        for (text, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
                browser("Edge/Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                browser("Chrome/Windows"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                browser("Safari/Apple"),
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                browser("Safari/Apple"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
                browser("Firefox/Linux"),
            ),
            ("Mobile Safari/iOS", browser("Safari/Apple")),
            ("python-requests/2.32.3", Client::Script("python-requests".to_owned())),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
                Client::Script("headlesschrome".to_owned()),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Teams/24.1 Electron/28",
                Client::Other,
            ),
            ("Rich Client/Windows", Client::Other),
            ("", Client::Other),
        ] {
            assert_eq!(Client::parse(text), expected, "{text}");
        }
    }
}
