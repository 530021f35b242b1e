//! What people are told, in their language.
//!
//! A [`Message`] is made from an incident as it stands and is the same for every channel: plain text,
//! with everything from logs already harmless. A channel lays it out and escapes its own markup.

use sekisho_model::{Alert, EntityKind, Evidence, Incident, Lang, Occasion, Route, Severity};

mod format;
mod notice;
mod place;
pub mod reason;
#[cfg(test)]
pub(crate) mod samples;
mod steps;
mod strange;
mod words;

pub use jiff::tz::TimeZone as Zone;
pub use notice::Notice;

use crate::untrusted::{Untrusted, VALUE_CHARS_MAX};
use format::{duration_secs, period};
use words::{Words, fill, words};

/// The most reasons in a message; the rest is counted.
const REASONS_MAX: usize = 5;

/// The most names in a list of people.
const NAMES_MAX: usize = 3;

/// An incident with its alerts, the worst first.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The incident.
    pub incident: Incident,
    /// Its alerts.
    pub alerts: Vec<CaseAlert>,
}

/// An alert with the events it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseAlert {
    /// The alert.
    pub alert: Alert,
    /// Its evidence, by time.
    pub evidence: Vec<Evidence>,
}

/// What people are told of an incident. Every text is plain and without anything that acts; only the
/// markup of a chat is left for the channel to escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The language it is in.
    pub lang: Lang,
    /// How bad it is.
    pub severity: Severity,
    /// Level, what, and who.
    pub title: String,
    /// Who or what is suspected.
    pub who: Part,
    /// When, in the zone of the readers.
    pub when: Part,
    /// Where before, where now.
    pub places: Option<Part>,
    /// What speaks for it, a reason a line.
    pub why: Part,
    /// How sure we are.
    pub sure: Part,
    /// What to do, a step a line.
    pub steps: Part,
    /// That it was found late.
    pub late: Option<String>,
    /// How to see more.
    pub reference: String,
}

/// A labelled piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is about.
    pub label: &'static str,
    /// Its lines.
    pub lines: Vec<String>,
}

/// In what way it is told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The language.
    pub lang: Lang,
    /// The zone that the readers live in.
    pub zone: &'a Zone,
    /// Why the incident speaks.
    pub occasions: &'a [Occasion],
    /// Whether it may have been told before, because the program stopped while telling it.
    pub resent: bool,
}

impl Message {
    /// What to tell of an incident.
    pub fn of(case: &Case, telling: Telling<'_>) -> Self {
        let words = words(telling.lang);
        let incident = &case.incident;
        let who = who(case, words);
        Self {
            lang: telling.lang,
            severity: incident.severity,
            title: title(case, &telling, words),
            who: Part {
                label: words.who,
                lines: vec![who],
            },
            when: Part {
                label: words.when,
                lines: vec![period(
                    incident.first_time,
                    incident.last_time,
                    telling.zone,
                    telling.lang,
                )],
            },
            places: place::before_and_now(case, telling.zone, telling.lang).map(|line| Part {
                label: words.places,
                lines: vec![line],
            }),
            why: Part {
                label: words.why,
                lines: why(case, &telling, words),
            },
            sure: Part {
                label: words.sure,
                lines: vec![sure(incident, words)],
            },
            steps: Part {
                label: words.steps,
                lines: steps::steps(case, telling.lang, words),
            },
            late: late(case, &telling, words),
            reference: fill(
                words.reference,
                &[("id", incident.incident_id.chars().take(12).collect())],
            ),
        }
    }

    /// Its parts, in the order they are told.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        let first = [&self.who, &self.when].into_iter().chain(&self.places);
        first.chain([&self.why, &self.sure, &self.steps])
    }

    /// All of it as plain lines.
    pub fn plain(&self) -> String {
        let mut lines = vec![self.title.clone()];
        let colon = words(self.lang).colon;
        for part in self.parts() {
            match part.lines.as_slice() {
                [line] => lines.push(format!("{}{colon}{line}", part.label)),
                several => {
                    lines.push(format!("{}{}", part.label, colon.trim_end()));
                    lines.extend(several.iter().map(|line| format!("- {line}")));
                }
            }
        }
        lines.extend(self.late.clone());
        lines.push(self.reference.clone());
        lines.join("\n")
    }
}

fn shown(text: &str) -> String {
    Untrusted::new(text).visible(VALUE_CHARS_MAX)
}

fn title(case: &Case, telling: &Telling<'_>, words: &Words) -> String {
    let incident = &case.incident;
    let what = case
        .alerts
        .first()
        .map_or(words.no_alert, |found| found.alert.rule.title.get(telling.lang));
    let mut title = fill(
        words.title,
        &[
            ("level", (words.level)(incident.severity).to_owned()),
            ("what", shown(what)),
            ("who", shown(&incident.entity.name)),
        ],
    );
    if 1 < case.alerts.len() {
        let more = case.alerts.len().saturating_sub(1);
        title.push_str(&fill(words.title_more, &[("count", more.to_string())]));
    }
    // A message that opens an incident says so by being there.
    if !telling.occasions.contains(&Occasion::Opened) {
        match telling.occasions.last() {
            Some(Occasion::Severity(_)) => title.push_str(words.got_worse),
            Some(Occasion::Family(_) | Occasion::Page(_)) => title.push_str(words.got_more),
            Some(Occasion::Opened) | None => {}
        }
    }
    if telling.resent {
        format!("{}{title}", words.resent)
    } else {
        title
    }
}

fn who(case: &Case, words: &Words) -> String {
    let entity = &case.incident.entity;
    let name = shown(&entity.name);
    if entity.kind == EntityKind::Person {
        return name;
    }
    let mut users: Vec<&str> = case
        .alerts
        .iter()
        .flat_map(|found| &found.evidence)
        .filter_map(|event| event.user_name.as_deref())
        .collect();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() || users == [&*entity.name] {
        return name;
    }
    let names: Vec<String> = users.iter().take(NAMES_MAX).map(|user| shown(user)).collect();
    let template = if NAMES_MAX < users.len() {
        words.users_and_more
    } else {
        words.users
    };
    fill(
        template,
        &[
            ("who", name),
            ("users", names.join(words.comma)),
            ("count", users.len().to_string()),
        ],
    )
}

fn why(case: &Case, telling: &Telling<'_>, words: &Words) -> Vec<String> {
    let mut lines = Vec::new();
    for found in case.alerts.iter().take(REASONS_MAX) {
        let title = shown(found.alert.rule.title.get(telling.lang));
        let reason = reason::reason(&found.alert, &found.evidence, telling.lang, telling.zone);
        let is_named = case.alerts.len() == 1 || reason.contains(&title);
        lines.push(if is_named {
            reason
        } else {
            fill(words.titled, &[("title", title), ("reason", reason)])
        });
    }
    if REASONS_MAX < case.alerts.len() {
        let more = case.alerts.len().saturating_sub(REASONS_MAX);
        lines.push(fill(words.reasons_more, &[("count", more.to_string())]));
    }
    if lines.is_empty() {
        lines.push(words.no_reason.to_owned());
    }
    lines
}

/// The bands of the score are those of the level of an incident.
fn sure(incident: &Incident, words: &Words) -> String {
    let [almost_certain, likely, possible, unlikely] = words.sure_bands;
    let score = incident.score;
    let band = if incident.route == Route::Page && score < 60.0 {
        words.sure_page
    } else if 85.0 <= score {
        almost_certain
    } else if 60.0 <= score {
        likely
    } else if 35.0 <= score {
        possible
    } else {
        unlikely
    };
    fill(band, &[("score", format!("{:.0}", score.clamp(0.0, 100.0)))])
}

fn late(case: &Case, telling: &Telling<'_>, words: &Words) -> Option<String> {
    let late = case
        .alerts
        .iter()
        .filter_map(|found| found.alert.found_late_secs)
        .max()?;
    let events = case.alerts.iter().flat_map(|found| &found.evidence);
    let latest = events.max_by_key(|event| event.observed.0.saturating_sub(event.time.0))?;
    Some(fill(
        words.late,
        &[
            ("delay", duration_secs(late, telling.lang)),
            ("happened", format::moment(latest.time, telling.zone, telling.lang)),
            ("received", format::moment(latest.observed, telling.zone, telling.lang)),
        ],
    ))
}
