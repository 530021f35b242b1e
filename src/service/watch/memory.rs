//! What the operator was told, and what is to be told next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use sekisho_model::{Bilingual, Severity, Time};
use serde::{Deserialize, Serialize};

use super::conditions::Condition;

/// At how many looks a condition must hold before it is told.
const LOOKS_MIN: u32 = 2;
/// How long a condition must be away before its end is told.
const AWAY: Duration = Duration::from_mins(5);
/// How long to wait before a notice that no channel took is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(1));
/// The most conditions that are remembered; more at once are one storm, which the first of them tell.
const HELD_MAX: usize = 200;
/// The name under which the day of the last sign of life is kept.
pub(super) const SIGN_OF_LIFE: &str = "sign_of_life";

/// A condition that holds, or held a moment ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) severity: Severity,
    pub(super) title: Bilingual,
    pub(super) about: String,
    pub(super) response: Bilingual,
    pub(super) not_by: Option<String>,
    pub(super) since: Time,
    seen: Time,
    #[serde(default)]
    looks: u32,
    told: bool,
    #[serde(default)]
    tries: u32,
    #[serde(default)]
    not_before: Time,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Began,
    Ended,
}

/// What was told, kept over restarts. Without its file it works in memory alone: better told twice than not.
#[derive(Debug, Default)]
pub(super) struct Memory {
    path: Option<PathBuf>,
    pub(super) held: BTreeMap<String, Held>,
    /// The last day of a sign of life.
    pub(super) signed: Option<String>,
}

impl Memory {
    pub(super) fn open(data: &Path) -> Self {
        let path = data.join("sekisho.sqlite");
        let mut memory = Self {
            path: Some(path),
            ..Self::default()
        };
        let rows = memory.read().unwrap_or_else(|error| {
            tracing::warn!(%error, "what the operator was told cannot be read; it may be told again");
            Vec::new()
        });
        for (key, body) in rows {
            if key == SIGN_OF_LIFE {
                memory.signed = Some(body);
            } else if let Ok(held) = serde_json::from_str(&body) {
                memory.held.insert(key, held);
            }
        }
        memory
    }

    fn connect(&self) -> rusqlite::Result<Option<Connection>> {
        let Some(path) = &self.path else { return Ok(None) };
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute(
            "CREATE TABLE IF NOT EXISTS conditions (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
            [],
        )?;
        Ok(Some(connection))
    }

    fn read(&self) -> rusqlite::Result<Vec<(String, String)>> {
        let Some(connection) = self.connect()? else {
            return Ok(Vec::new());
        };
        let mut select = connection.prepare("SELECT key, body FROM conditions")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    /// Keeps a text under a key, or forgets it.
    fn write(&self, key: &str, body: Option<&str>) {
        let written = self.connect().and_then(|connection| match (connection, body) {
            (None, _) => Ok(0),
            (Some(connection), Some(body)) => connection.execute(
                "INSERT INTO conditions VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
                (key, body),
            ),
            (Some(connection), None) => connection.execute("DELETE FROM conditions WHERE key = ?1", [key]),
        });
        if let Err(error) = written {
            tracing::warn!(%error, "what the operator is told cannot be kept; it may be told again");
        }
    }

    /// Takes note of the conditions that hold; what is to be told of them now.
    pub(super) fn look(&mut self, found: Vec<Condition>, now: Time) -> Vec<(String, Turn)> {
        for condition in found {
            self.hold(condition, now);
        }
        let mut turns = Vec::new();
        self.held.retain(|key, held| {
            let is_away = held.seen.plus(AWAY) <= now;
            if is_away && !held.told {
                return false;
            }
            let turn = match (held.told, is_away) {
                (false, _) if LOOKS_MIN <= held.looks => Some(Turn::Began),
                (true, true) => Some(Turn::Ended),
                _ => None,
            };
            turns.extend(turn.filter(|_| held.not_before <= now).map(|turn| (key.clone(), turn)));
            true
        });
        turns
    }

    fn hold(&mut self, condition: Condition, now: Time) {
        if let Some(held) = self.held.get_mut(&condition.key) {
            held.seen = now;
            held.looks = held.looks.saturating_add(1);
            held.about = condition.about;
            return;
        }
        if HELD_MAX <= self.held.len() {
            return;
        }
        let Condition {
            key,
            severity,
            title,
            about,
            response,
            not_by,
        } = condition;
        self.held.insert(
            key,
            Held {
                severity,
                title,
                about,
                response,
                not_by,
                since: now,
                seen: now,
                looks: 1,
                told: false,
                tries: 0,
                not_before: now,
            },
        );
    }

    pub(super) fn told(&mut self, key: &str, turn: Turn) {
        match turn {
            Turn::Ended => {
                self.held.remove(key);
                self.write(key, None);
            }
            Turn::Began => {
                let Some(held) = self.held.get_mut(key) else { return };
                (held.told, held.tries) = (true, 0);
                let body = serde_json::to_string(held).unwrap_or_default();
                self.write(key, Some(&body));
            }
        }
    }

    pub(super) fn try_later(&mut self, key: &str, now: Time) {
        let Some(held) = self.held.get_mut(key) else { return };
        let wait = AGAIN.0.saturating_mul(2_u32.saturating_pow(held.tries)).min(AGAIN.1);
        held.tries = held.tries.saturating_add(1);
        held.not_before = now.plus(wait);
    }

    pub(super) fn sign(&mut self, day: &str) {
        self.signed = Some(day.to_owned());
        self.write(SIGN_OF_LIFE, Some(day));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(key: &str) -> Condition {
        let text = Bilingual {
            en: "x".to_owned(),
            ja: "x".to_owned(),
        };
        Condition {
            key: key.to_owned(),
            severity: Severity::High,
            title: text.clone(),
            about: "about".to_owned(),
            response: text,
            not_by: None,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn a_condition_is_told_once_when_it_stays_and_its_end_when_it_stays_away() {
        let mut memory = Memory::default();
        let hold = || vec![condition("disk")];
        assert!(memory.look(hold(), at(0)).is_empty());
        let began = [("disk".to_owned(), Turn::Began)];
        assert_eq!(memory.look(hold(), at(10)), began);
        // No channel took it: it is tried again, later.
        memory.try_later("disk", at(10));
        assert!(memory.look(hold(), at(20)).is_empty());
        assert_eq!(memory.look(hold(), at(40)), began);
        memory.told("disk", Turn::Began);
        assert!(memory.look(hold(), at(50)).is_empty());
        // Away for a moment, and back.
        assert!(memory.look(Vec::new(), at(200)).is_empty());
        assert!(memory.look(hold(), at(210)).is_empty());
        assert!(memory.look(Vec::new(), at(500)).is_empty());
        assert_eq!(memory.look(Vec::new(), at(510)), [("disk".to_owned(), Turn::Ended)]);
        memory.told("disk", Turn::Ended);
        assert!(memory.look(Vec::new(), at(900)).is_empty());
    }

    #[test]
    fn what_does_not_stay_is_not_told() {
        let mut memory = Memory::default();
        assert!(memory.look(vec![condition("disk")], at(0)).is_empty());
        assert!(memory.look(Vec::new(), at(400)).is_empty());
        assert!(memory.held.is_empty());
    }

    #[test]
    fn what_was_told_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut memory = Memory::open(dir.path());
        memory.look(vec![condition("disk"), condition("file/x")], at(0));
        memory.look(vec![condition("disk"), condition("file/x")], at(10));
        memory.told("disk", Turn::Began);
        memory.sign("2026-10-01");

        let mut again = Memory::open(dir.path());
        assert_eq!(again.signed.as_deref(), Some("2026-10-01"));
        assert_eq!(again.held.keys().collect::<Vec<_>>(), ["disk"]);
        assert_eq!(again.look(Vec::new(), at(1_000)), [("disk".to_owned(), Turn::Ended)]);
        again.told("disk", Turn::Ended);
        assert!(Memory::open(dir.path()).held.is_empty());
    }

    #[test]
    fn a_storm_is_bounded() {
        let mut memory = Memory::default();
        let many = || (0..1_000).map(|n| condition(&format!("file/{n}"))).collect();
        memory.look(many(), at(0));
        assert_eq!(memory.look(many(), at(10)).len(), HELD_MAX);
    }
}
