//! With what kind of program an event was made, from what the program says of itself.

use std::borrow::Cow;

use sekisho_model::{Column, EventBatch};
use serde::{Deserialize, Serialize};

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

/// Words of applications that have a browser inside.
const APPLICATIONS: [(&str, &str); 7] = [
    ("teams/", "Teams"),
    ("onedrive", "OneDrive"),
    ("outlook", "Outlook"),
    ("slack", "Slack"),
    ("microsoft office", "Office"),
    ("ms-office", "Office"),
    ("msoffice", "Office"),
];

/// Words of a browser that is inside of an application without a name.
const EMBEDDED: [&str; 2] = ["electron/", "; wv)"];

/// Words of browsers, the most particular first, for most name the ones they descend from too.
const BROWSERS: [(&str, &str); 14] = [
    ("edg/", "Edge"),
    ("edga/", "Edge"),
    ("edgios/", "Edge"),
    ("edge", "Edge"),
    ("opr/", "Opera"),
    ("opera", "Opera"),
    ("vivaldi", "Vivaldi"),
    ("samsung", "Samsung Internet"),
    ("fxios/", "Firefox"),
    ("firefox", "Firefox"),
    ("crios/", "Chrome"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("trident/", "IE"),
];

/// Words of systems: an Android says `Linux` too, and an iPhone `Mac OS X`.
const SYSTEMS: [(&str, &str); 9] = [
    ("windows", "Windows"),
    ("android", "Android"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("ios", "iOS"),
    ("mac", "MacOS"),
    ("; cros ", "ChromeOS"),
    ("chromeos", "ChromeOS"),
    ("linux", "Linux"),
];

/// The longest name of a program that is not known, in characters.
const NAME_MAX: usize = 32;

/// What words a program says of itself.
#[derive(Debug)]
struct Words {
    script: Option<&'static str>,
    application: Option<&'static str>,
    is_embedded: bool,
    browser: Option<&'static str>,
    system: Option<&'static str>,
}

impl Words {
    fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let named = |words: &[(&str, &'static str)]| {
            let found = words.iter().find(|(word, _)| text.contains(word));
            found.map(|(_, name)| *name)
        };
        let script = SCRIPTS.iter().find(|word| text.contains(**word));
        Self {
            script: script.map(|word| word.trim_end_matches([' ', '(', '/'])),
            application: named(&APPLICATIONS),
            is_embedded: EMBEDDED.iter().any(|word| text.contains(word)),
            browser: named(&BROWSERS),
            system: named(&SYSTEMS),
        }
    }
}

/// The coarse client of a row such as `Chrome/Windows`: as the source says it, else from what the
/// program calls itself.
pub(crate) fn family_of(batch: &EventBatch, row: usize) -> Option<Cow<'_, str>> {
    let told = batch.text(Column::ClientFamily, row).map(Cow::Borrowed);
    told.or_else(|| family(batch.text(Column::UserAgent, row)?).map(Cow::Owned))
}

/// A coarse client, without versions. A program that is not known has the name that it begins with.
fn family(agent: &str) -> Option<String> {
    let words = Words::of(agent);
    if let Some(script) = words.script {
        return Some(script.to_owned());
    }
    if let Some(client) = words.application.or(words.browser) {
        let system = words.system;
        return Some(system.map_or_else(|| client.to_owned(), |system| format!("{client}/{system}")));
    }
    let name: String = agent
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(NAME_MAX)
        .collect();
    (!name.is_empty()).then_some(name)
}

/// A client as far as a session can tell two of them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Client {
    /// A library or a tool that is driven by a program: the word by which it was known.
    Script(String),
    /// A browser, without its version, and the kind of system it runs on.
    Browser(String),
    /// An application, which shares a session with the browser beside it, or nothing that can be told
    /// apart.
    Other,
}

impl Client {
    /// The client of a row: by what it says of itself, else by what the source made of that.
    pub(crate) fn of(batch: &EventBatch, row: usize) -> Self {
        let agent = batch.text(Column::UserAgent, row).map(Self::parse);
        match agent {
            Some(known @ (Self::Script(_) | Self::Browser(_))) => known,
            _ => batch.text(Column::ClientFamily, row).map_or(Self::Other, Self::parse),
        }
    }

    fn parse(text: &str) -> Self {
        let words = Words::of(text);
        if let Some(script) = words.script {
            return Self::Script(script.to_owned());
        }
        if words.application.is_some() || words.is_embedded {
            return Self::Other;
        }
        match (words.browser, words.system) {
            (Some(browser), Some(system)) => Self::Browser(format!("{}/{}", one_of(browser), one_of(system))),
            _ => Self::Other,
        }
    }

    /// Its name, for a message.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Script(name) | Self::Browser(name) => Some(name),
            Self::Other => None,
        }
    }
}

/// What calls itself two names in one session: an iPad says it is a Mac when it asks for pages made for
/// desks, and Edge that it is Internet Explorer where the firm wants that.
fn one_of(name: &'static str) -> &'static str {
    match name {
        "iOS" | "MacOS" => "Apple",
        "IE" => "Edge",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_told_apart_and_their_versions_are_not() {
        let browser = |name: &str| Client::Browser(name.to_owned());
        let script = |name: &str| Client::Script(name.to_owned());
        for (text, named, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
                Some("Edge/Windows"),
                browser("Edge/Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                Some("Chrome/Windows"),
                browser("Chrome/Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                Some("IE/Windows"),
                browser("Edge/Windows"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                Some("Safari/MacOS"),
                browser("Safari/Apple"),
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                Some("Safari/iOS"),
                browser("Safari/Apple"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Mobile Safari/537.36",
                Some("Chrome/Android"),
                browser("Chrome/Android"),
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
                Some("Chrome/ChromeOS"),
                browser("Chrome/ChromeOS"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
                Some("Firefox/Linux"),
                browser("Firefox/Linux"),
            ),
            ("Mobile Safari/iOS", Some("Safari/iOS"), browser("Safari/Apple")),
            (
                "python-requests/2.32.3",
                Some("python-requests"),
                script("python-requests"),
            ),
            ("curl/8.5.0", Some("curl"), script("curl")),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36",
                Some("headlesschrome"),
                script("headlesschrome"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36 Teams/24.1 Electron/28",
                Some("Teams/Windows"),
                Client::Other,
            ),
            ("Microsoft Office/16.0", Some("Office"), Client::Other),
            ("Rich Client/Windows", Some("Rich"), Client::Other),
            ("Thunderbird/128.3", Some("Thunderbird"), Client::Other),
            ("", None, Client::Other),
            ("(x", None, Client::Other),
        ] {
            assert_eq!(family(text).as_deref(), named, "{text}");
            assert_eq!(Client::parse(text), expected, "{text}");
        }
    }
}
