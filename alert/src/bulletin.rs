//! What is told of several incidents at once: a storm, what was too much for a day, and the digest.

use sekisho_model::{Bilingual, Incident, Time};
use serde::{Deserialize, Serialize};

/// A message as it is kept until it is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    /// More incidents opened at once than are told one by one.
    Storm {
        /// Since when.
        since: Time,
    },
    /// More was found on a day than is told in a day.
    More {
        /// When the day begins.
        from: Time,
        /// When it ends.
        to: Time,
    },
    /// The digest of a business morning, whole.
    Digest(Digest),
}

/// A message about several incidents, ready to be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Bulletin {
    /// More incidents opened at once than are told one by one.
    Storm {
        /// The worst of them.
        lines: Vec<Line>,
        /// How many there are.
        count: u64,
    },
    /// More was found on a day than is told in a day.
    More {
        /// How many incidents had something to say and were not heard.
        count: u64,
    },
    /// The digest of a business morning.
    Digest(Digest),
}

/// What a business morning begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// The day, `2026-10-05`; it names the digest.
    pub day: String,
    /// From when on it tells.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// Whether it is the first of a week, which is sent also when there is nothing to tell.
    pub weekly: bool,
    /// How many sign-ins there were.
    pub sign_ins: u64,
    /// The sources that sent something.
    pub sources: Vec<String>,
    /// The sources that sent something before, and nothing now.
    pub silent: Vec<String>,
    /// The incidents, the worst first.
    pub lines: Vec<Line>,
    /// How many incidents there are, with those that are not named.
    pub count: u64,
}

impl Digest {
    /// Whether nobody need do anything about it.
    pub fn is_quiet(&self) -> bool {
        self.lines.is_empty() && self.silent.is_empty()
    }
}

/// An incident in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The incident.
    pub incident: Incident,
    /// The title of its worst alert.
    pub title: Bilingual,
    /// How many alerts it has.
    pub alerts: u64,
}
