//! Findings to keep, a clock to move, a place for the outbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sekisho_alert::{ChannelKind, ChannelSettings, Courier, Outbox, Secret};
use sekisho_model::{
    Alert, AlertUpdate, Announcement, Bilingual, Clock, Entity, EntityKind, Evidence, Facts, Findings, Incident, Lang,
    Occasion, Route, RuleInfo, Severity, Time,
};
use sekisho_pipeline::Outbox as _;
use tempfile::TempDir;

/// 2026-10-03T00:47:00Z.
pub(crate) const START: Time = Time::from_secs(1_790_988_420);

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A clock that tests move.
#[derive(Debug)]
pub(crate) struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

impl Hands {
    pub(crate) fn advance(&self, by: Duration) {
        self.0
            .fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

/// An outbox in a folder of its own, that can be opened again as after a crash.
pub(crate) struct Place {
    folder: TempDir,
    pub(crate) clock: Arc<Hands>,
    pub(crate) min_level: Severity,
}

impl Place {
    pub(crate) fn new() -> Self {
        // Some other test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(Hands(AtomicI64::new(START.0))),
            min_level: Severity::Medium,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("sekisho.sqlite")
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::<Hands>::clone(&self.clock)
    }

    pub(crate) fn open(&self) -> Outbox {
        let channels = vec![self.settings(ChannelKind::Webhook, "http://127.0.0.1:9/").rule()];
        Outbox::open(&self.file(), channels, self.clock())
            .unwrap()
            .with_group_wait(Duration::ZERO)
    }

    pub(crate) fn settings(&self, kind: ChannelKind, url: &str) -> ChannelSettings {
        ChannelSettings {
            name: "it".to_owned(),
            kind,
            url: Secret::new(url),
            secrets: vec![Secret::new(KEY)],
            min_level: self.min_level,
            messages_per_day: sekisho_alert::outbox::MESSAGES_PER_DAY,
            digest: true,
            lang: Lang::En,
            allow_plaintext: false,
        }
    }

    pub(crate) fn courier(&self, outbox: &Outbox, url: &str) -> Courier {
        let settings = self.settings(ChannelKind::Webhook, url);
        Courier::new(outbox.clone(), settings, jiff::tz::TimeZone::UTC, self.clock()).unwrap()
    }
}

pub(crate) fn incident(id: &str, severity: Severity) -> Incident {
    Incident {
        incident_id: id.to_owned(),
        tenant: "default".into(),
        entity: Entity {
            kind: EntityKind::Person,
            name: "taro@example.co.jp".into(),
        },
        severity,
        score: 70.0,
        route: Route::Incident,
        first_time: START,
        last_time: START,
        families: vec!["travel".to_owned()],
        merged_into: None,
    }
}

pub(crate) fn alert(id: &str, incident_id: &str, events: &[&str]) -> AlertUpdate {
    let entity = incident(incident_id, Severity::High).entity;
    let rule = RuleInfo {
        id: "SK-202".into(),
        title: Bilingual {
            en: "Impossible travel".into(),
            ja: "移動不可能なサインイン".into(),
        },
        kind: "geo_velocity".into(),
        ..RuleInfo::default()
    };
    let alert = Alert {
        alert_id: id.to_owned(),
        incident_id: incident_id.to_owned(),
        tenant: "default".into(),
        rule: Arc::new(rule),
        entity,
        severity: Severity::High,
        score: 70.0,
        first_time: START,
        last_time: START,
        found_late_secs: None,
        evidence_count: events.len().try_into().unwrap(),
        facts: Facts::new(),
        merged_into: None,
    };
    AlertUpdate {
        alert,
        evidence: events.iter().map(|uid| event(uid)).collect(),
    }
}

pub(crate) fn event(uid: &str) -> Evidence {
    Evidence {
        event_uid: uid.to_owned(),
        time: START,
        observed: START,
        ..Evidence::default()
    }
}

pub(crate) fn says(incident_id: &str, occasion: Occasion) -> Announcement {
    Announcement {
        incident_id: incident_id.to_owned(),
        occasion,
        observed: START,
        page: false,
    }
}

/// An incident that opens with one alert.
pub(crate) fn opening(id: &str, severity: Severity) -> Findings {
    Findings {
        alerts: vec![alert(&format!("alert-of-{id}"), id, &["e1", "e2"])],
        incidents: vec![incident(id, severity)],
        announcements: vec![says(id, Occasion::Opened)],
    }
}

/// Keeps what opens an incident.
pub(crate) async fn open_incident(outbox: &mut Outbox, id: &str, position: i64) {
    outbox.keep(&opening(id, Severity::High), position).await.unwrap();
}
