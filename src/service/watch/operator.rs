//! Tells the operator what is wrong with the service, by another way than the one that fails.
//!
//! # Invariants
//! * A condition is told once, and its end once, over restarts too: what was told is kept in `sekisho.sqlite`.
//! * A channel is never asked to tell of itself.
//! * What comes and goes is told when it stays, and its end when it stays away, so that nothing flickers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use sekisho_alert::{Case, CaseAlert, Courier};
use sekisho_model::{Alert, Bilingual, Entity, EntityKind, Facts, Incident, Route, RuleInfo, Severity, Time, ids};
use tokio_util::sync::CancellationToken;

use super::conditions::conditions;
use super::memory::{Held, Memory, SIGN_OF_LIFE, Turn};
use super::{Panel, Seen, held};

/// How often everything is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// The hour of the day at which the sign of life is given.
const SIGN_OF_LIFE_HOUR: i8 = 9;

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
                    tracing::warn!(channel = teller.courier.name(), %error, "the operator cannot be told here");
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
        (severity, title),
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
        (Severity::Informational, title),
        &about,
        response,
        (seen.started, seen.now),
        tenant,
    )
}

/// A notice in the form in which channels tell incidents.
fn notice(
    (severity, title): (Severity, Bilingual),
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
