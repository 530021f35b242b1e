//! Tells the operator what is wrong with the service, by another way than the one that fails.
//!
//! # Invariants
//! * A condition is told once, and its end once, over restarts too: what was told is kept in `sekisho.sqlite`.
//! * A channel is never asked to tell of itself.
//! * What comes and goes is told when it stays, and its end when it stays away, so that nothing flickers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use rusqlite::Connection;
use sekisho_alert::{Case, CaseAlert, Courier};
use sekisho_model::{Alert, Bilingual, Entity, EntityKind, Facts, Incident, Route, RuleInfo, Severity, Time, ids};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::conditions::{Condition, conditions};
use super::{Panel, Seen, held};

/// How often everything is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// At how many looks a condition must hold before it is told.
const LOOKS_MIN: u32 = 2;
/// How long a condition must be away before its end is told.
const AWAY: Duration = Duration::from_mins(5);
/// How long to wait before a notice that no channel took is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(1));
/// The most conditions that are remembered; more at once are one storm, which the first of them tell.
const HELD_MAX: usize = 200;
/// The hour of the day at which the sign of life is given.
const SIGN_OF_LIFE_HOUR: i8 = 9;
/// The name under which it is kept.
const SIGN_OF_LIFE: &str = "sign_of_life";

/// A channel that the operator may be told by.
#[derive(Debug)]
pub(in crate::service) struct Teller {
    pub(in crate::service) courier: Courier,
    /// Whether it is for the operator.
    pub(in crate::service) is_operator: bool,
}

/// What tells, and what was told.
#[derive(Debug)]
pub(in crate::service) struct Operator {
    pub(in crate::service) tellers: Vec<Teller>,
    pub(in crate::service) zone: jiff::tz::TimeZone,
    pub(in crate::service) tenant: Arc<str>,
}

/// A condition that holds, or held a moment ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    severity: Severity,
    title: Bilingual,
    about: String,
    response: Bilingual,
    not_by: Option<String>,
    since: Time,
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
enum Turn {
    Began,
    Ended,
}

/// Looks, and tells, until `stop`.
pub(in crate::service) async fn watch(panel: Arc<Panel>, operator: Operator, stop: CancellationToken) -> Result<()> {
    let mut memory = Memory::open(&panel.data);
    let mut before: Option<Seen> = None;
    while crate::service::housekeeping::pause(LOOK, &stop).await {
        let seen = panel.look().await;
        tell_law(&panel, &seen);
        if let Some(before) = &before {
            let found = conditions(&seen, before);
            *held(&panel.holding) = found.iter().map(|condition| kind(&condition.key)).collect();
            held(&panel.holding).dedup();
            for (key, turn) in memory.look(found, seen.now) {
                operator.tell(&mut memory, &key, turn, seen.now).await;
            }
            operator.give_sign_of_life(&mut memory, &seen).await;
        }
        before = Some(seen);
    }
    Ok(())
}

/// What a condition is, without what it is about: that may be a path.
fn kind(key: &str) -> String {
    key.split('/').next().unwrap_or(key).to_owned()
}

fn tell_law(panel: &Panel, seen: &Seen) {
    let mut law = held(&panel.law);
    let before = *law;
    *law = before.after(seen);
    if !law.holds() && law.told != before.told {
        tracing::error!(steps = ?super::law::NAMES, missing = ?law.told, "records are missing in the count");
    }
}

impl Operator {
    async fn tell(&self, memory: &mut Memory, key: &str, turn: Turn, now: Time) {
        let Some(condition) = memory.held.get(key).cloned() else {
            return;
        };
        let mut tellers: Vec<&Teller> = self.tellers.iter().filter(|teller| teller.is_operator).collect();
        if tellers.is_empty() {
            tellers = self.tellers.iter().collect();
        }
        tellers.retain(|teller| condition.not_by.as_deref() != Some(teller.courier.name()));
        match turn {
            Turn::Began => tracing::error!(condition = key, about = condition.about, "{}", condition.title.en),
            Turn::Ended => tracing::info!(condition = key, "over: {}", condition.title.en),
        }
        if tellers.is_empty() {
            memory.told(key, turn);
            return;
        }
        let case = case(&condition, turn, &self.tenant, now);
        let (name, event) = match turn {
            Turn::Began => ("began", "operator.began"),
            Turn::Ended => ("ended", "operator.ended"),
        };
        let since = condition.since.0.to_le_bytes();
        let id = ids::content_id(&[b"operator", key.as_bytes(), &since, name.as_bytes()]);
        let mut arrived = false;
        for teller in tellers {
            match teller.courier.send_notice(&id, event, &case).await {
                Ok(()) => arrived = true,
                Err(error) => {
                    tracing::warn!(channel = teller.courier.name(), %error, "the operator cannot be told here")
                }
            }
        }
        if arrived {
            memory.told(key, turn);
        } else {
            memory.try_later(key, now);
        }
    }

    /// Once a day, to the channels of the operator alone: whoever hears nothing on a morning knows that the way is broken.
    async fn give_sign_of_life(&self, memory: &mut Memory, seen: &Seen) {
        let local = seen.now.to_jiff().to_zoned(self.zone.clone());
        let today = local.date().to_string();
        if local.hour() < SIGN_OF_LIFE_HOUR || memory.signed.as_deref() == Some(&today) {
            return;
        }
        let tellers: Vec<&Teller> = self.tellers.iter().filter(|teller| teller.is_operator).collect();
        if tellers.is_empty() {
            return;
        }
        let case = sign_of_life(seen, &self.tenant);
        let id = ids::content_id(&[SIGN_OF_LIFE.as_bytes(), today.as_bytes()]);
        for teller in tellers {
            if let Err(error) = teller.courier.send_notice(&id, "operator.alive", &case).await {
                tracing::warn!(channel = teller.courier.name(), %error, "the sign of life did not arrive");
            }
        }
        memory.sign(&today);
    }
}

fn case(condition: &Held, turn: Turn, tenant: &Arc<str>, now: Time) -> Case {
    let (severity, title) = match turn {
        Turn::Began => (condition.severity, condition.title.clone()),
        Turn::Ended => {
            let title = Bilingual {
                en: format!("Over: {}", condition.title.en),
                ja: format!("【解消】{}", condition.title.ja),
            };
            (Severity::Informational, title)
        }
    };
    let response = match turn {
        Turn::Began => condition.response.clone(),
        Turn::Ended => Bilingual {
            en: "Nothing to do.".to_owned(),
            ja: "対応は不要です。".to_owned(),
        },
    };
    notice(
        severity,
        title,
        &condition.about,
        response,
        (condition.since, now),
        tenant,
    )
}

fn sign_of_life(seen: &Seen, tenant: &Arc<str>) -> Case {
    let about = format!("{} records, {} sources", seen.tally.records, seen.tally.sources.len());
    let title = Bilingual {
        en: "Sekisho is at work".to_owned(),
        ja: "Sekisho は正常に動作しています".to_owned(),
    };
    let response = Bilingual {
        en: "Nothing to do. If this message stays away one morning, look after the service.".to_owned(),
        ja: "対応は不要です。この通知が届かない朝は、サービスの状態を確認してください。".to_owned(),
    };
    notice(
        Severity::Informational,
        title,
        &about,
        response,
        (seen.started, seen.now),
        tenant,
    )
}

/// A notice in the form in which channels tell incidents.
fn notice(
    severity: Severity,
    title: Bilingual,
    about: &str,
    response: Bilingual,
    (first_time, last_time): (Time, Time),
    tenant: &Arc<str>,
) -> Case {
    let entity = Entity {
        kind: EntityKind::Other,
        name: about.into(),
    };
    let incident = Incident {
        incident_id: "0".repeat(32),
        tenant: Arc::clone(tenant),
        entity: entity.clone(),
        severity,
        score: 0.0,
        route: Route::Page,
        first_time,
        last_time,
        families: Vec::new(),
        merged_into: None,
    };
    let rule = RuleInfo {
        id: "SK-000".into(),
        title,
        kind: "match".to_owned(),
        response,
        ..RuleInfo::default()
    };
    let alert = Alert {
        alert_id: "0".repeat(32),
        incident_id: incident.incident_id.clone(),
        tenant: Arc::clone(tenant),
        rule: Arc::new(rule),
        entity,
        severity,
        score: 0.0,
        first_time,
        last_time,
        found_late_secs: None,
        evidence_count: 0,
        facts: Facts::new(),
        merged_into: None,
    };
    Case {
        incident,
        alerts: vec![CaseAlert {
            alert,
            evidence: Vec::new(),
        }],
    }
}

/// What was told, kept over restarts. Without its file it works in memory alone: better told twice than not.
#[derive(Debug, Default)]
struct Memory {
    path: Option<PathBuf>,
    held: BTreeMap<String, Held>,
    /// The last day of a sign of life.
    signed: Option<String>,
}

impl Memory {
    fn open(data: &Path) -> Self {
        let path = data.join("sekisho.sqlite");
        let mut memory = Self {
            path: Some(path),
            ..Self::default()
        };
        match memory.read() {
            Ok(rows) => {
                for (key, body) in rows {
                    if key == SIGN_OF_LIFE {
                        memory.signed = Some(body);
                    } else if let Ok(held) = serde_json::from_str(&body) {
                        memory.held.insert(key, held);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "what the operator was told cannot be read; it may be told again"),
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
    fn look(&mut self, found: Vec<Condition>, now: Time) -> Vec<(String, Turn)> {
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

    fn told(&mut self, key: &str, turn: Turn) {
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

    fn try_later(&mut self, key: &str, now: Time) {
        let Some(held) = self.held.get_mut(key) else { return };
        let wait = AGAIN.0.saturating_mul(2_u32.saturating_pow(held.tries)).min(AGAIN.1);
        held.tries = held.tries.saturating_add(1);
        held.not_before = now.plus(wait);
    }

    fn sign(&mut self, day: &str) {
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
