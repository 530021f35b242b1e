//! A message about several incidents: a title and lines.

use sekisho_model::{Lang, Severity};

use super::words::{Words, fill, words};
use super::{Zone, format, shown};
use crate::bulletin::{Bulletin, Digest, Line};

/// The most sources that are named.
const SOURCES_MAX: usize = 10;

/// What people are told of several incidents. Every text is plain, as in [`super::Message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The language it is in.
    pub lang: Lang,
    /// What it is.
    pub title: String,
    /// What it says.
    pub lines: Vec<String>,
    /// How to see more.
    pub reference: String,
}

impl Notice {
    /// What to tell.
    pub fn of(bulletin: &Bulletin, lang: Lang, zone: &Zone, resent: bool) -> Self {
        let words = words(lang);
        let (title, lines) = match bulletin {
            Bulletin::Storm { lines, count } => storm(lines, *count, lang, zone),
            Bulletin::More { count } => {
                let values = [("count", count.to_string())];
                (fill(words.more_title, &values), vec![words.more.to_owned()])
            }
            Bulletin::Digest(digest) => told(digest, lang, zone),
        };
        Self {
            lang,
            title: if resent {
                format!("{}{title}", words.resent)
            } else {
                title
            },
            lines,
            reference: words.list_reference.to_owned(),
        }
    }

    /// All of it as plain lines.
    pub fn plain(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("- {line}"));
        let all: Vec<String> = std::iter::once(self.title.clone())
            .chain(lines)
            .chain([self.reference.clone()])
            .collect();
        all.join("\n")
    }
}

fn storm(lines: &[Line], count: u64, lang: Lang, zone: &Zone) -> (String, Vec<String>) {
    let words = words(lang);
    let mut told: Vec<String> = lines.iter().map(|line| incident(line, lang, zone)).collect();
    told.extend(rest(count, lines, words));
    told.push(words.storm_advice.to_owned());
    (fill(words.storm_title, &[("count", count.to_string())]), told)
}

fn told(digest: &Digest, lang: Lang, zone: &Zone) -> (String, Vec<String>) {
    let words = words(lang);
    let day = digest
        .day
        .parse()
        .map_or_else(|_| digest.day.clone(), |day| format::date(day, lang));
    let template = if digest.is_quiet() {
        words.digest_quiet_title
    } else {
        words.digest_title
    };
    let title = fill(template, &[("day", day), ("count", digest.count.to_string())]);
    let mut lines: Vec<String> = digest.lines.iter().map(|line| incident(line, lang, zone)).collect();
    lines.extend(rest(digest.count, &digest.lines, words));
    if !digest.silent.is_empty() {
        let names = names(&digest.silent, words);
        lines.push(fill(words.digest_silent, &[("sources", names)]));
    }
    let values = [
        ("since", format::moment(digest.since, zone, lang)),
        ("sign_ins", format::count(digest.sign_ins)),
        ("sources", digest.sources.len().to_string()),
    ];
    let watched = match (digest.sources.is_empty(), digest.silent.is_empty()) {
        (true, _) => words.digest_nothing_came,
        (false, true) => words.digest_all_alive,
        (false, false) => words.digest_watched,
    };
    lines.push(fill(watched, &values));
    (title, lines)
}

/// How many incidents are not named.
fn rest(count: u64, lines: &[Line], words: &Words) -> Option<String> {
    let named = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let rest = count.checked_sub(named).filter(|rest| 0 < *rest)?;
    Some(fill(words.incidents_more, &[("count", rest.to_string())]))
}

fn names(sources: &[String], words: &Words) -> String {
    let named: Vec<String> = sources.iter().take(SOURCES_MAX).map(|name| shown(name)).collect();
    let mut text = named.join(words.comma);
    if SOURCES_MAX < sources.len() {
        text.push('…');
    }
    text
}

/// An incident in a line: level, when, who, what, and how to see it.
fn incident(line: &Line, lang: Lang, zone: &Zone) -> String {
    let words = words(lang);
    let incident = &line.incident;
    let severity: Severity = incident.severity;
    let mut text = fill(
        words.incident_line,
        &[
            ("level", (words.level)(severity).to_owned()),
            ("when", format::moment(incident.first_time, zone, lang)),
            ("who", shown(&incident.entity.name)),
            ("what", shown(line.title.get(lang))),
            ("id", incident.incident_id.chars().take(12).collect()),
        ],
    );
    if 1 < line.alerts {
        let more = line.alerts.saturating_sub(1);
        text.push_str(&fill(words.title_more, &[("count", more.to_string())]));
    }
    text
}

#[cfg(test)]
mod tests {
    use sekisho_model::{Bilingual, Time};

    use super::*;
    use crate::text::samples::{NOW, journey_case, tokyo};

    fn line(who: &str, alerts: u64) -> Line {
        let mut incident = journey_case().incident;
        incident.entity.name = who.into();
        Line {
            incident,
            title: Bilingual {
                en: "Impossible travel".into(),
                ja: "移動不可能なサインイン".into(),
            },
            alerts,
        }
    }

    fn digest() -> Digest {
        Digest {
            day: "2026-10-05".into(),
            since: Time::from_secs(NOW.secs() - 86_400),
            until: NOW,
            weekly: true,
            sign_ins: 12_345,
            sources: vec!["entra.signin".into(), "mail.postfix".into()],
            ..Digest::default()
        }
    }

    fn both(bulletin: &Bulletin) -> String {
        let of = |lang| Notice::of(bulletin, lang, &tokyo(), false).plain();
        format!("{}\n\n{}", of(Lang::Ja), of(Lang::En))
    }

    #[test]
    fn a_quiet_week() {
        insta::assert_snapshot!(both(&Bulletin::Digest(digest())));
    }

    #[test]
    fn a_morning_with_something_to_look_at() {
        let told = Digest {
            lines: vec![line("taro@example.co.jp", 3), line("203.0.113.7", 1)],
            count: 14,
            silent: vec!["fortigate.event".into()],
            ..digest()
        };
        insta::assert_snapshot!(both(&Bulletin::Digest(told)));
    }

    #[test]
    fn a_storm() {
        let lines = vec![line("taro@example.co.jp", 1)];
        insta::assert_snapshot!(both(&Bulletin::Storm { lines, count: 31 }));
    }

    #[test]
    fn more_than_a_day_takes() {
        insta::assert_snapshot!(both(&Bulletin::More { count: 4 }));
    }

    #[test]
    fn names_from_logs_are_harmless() {
        let lines = vec![line("a@b.example\n<!channel>\u{202e}", 1)];
        let text = Notice::of(&Bulletin::Storm { lines, count: 1 }, Lang::En, &tokyo(), false).plain();
        assert!(!text.contains('\u{202e}'));
        assert_eq!(text.lines().count(), 4, "{text}");
    }
}
