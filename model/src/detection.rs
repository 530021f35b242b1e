//! What was found: from a detection, through the alert it belongs to, to the incident that speaks.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Bilingual, Column, EventBatch, Time};

/// How bad it is, by Sigma's levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth keeping, not worth a look.
    #[default]
    Informational,
    /// Worth a look in the weekly review.
    Low,
    /// Worth a look today.
    Medium,
    /// Look now.
    High,
    /// Act now.
    Critical,
}

impl Severity {
    /// Its name, as rules and settings write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The way from a detection to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// Is seen where somebody looks, and told to nobody.
    Dashboard,
    /// Is told in the digest of the next business morning, never alone in chat.
    Digest,
    /// Adds to the risk of its incident, which is told when that is high enough.
    #[default]
    Incident,
    /// Is told at once, whatever the risk amounts to.
    Page,
}

impl Route {
    /// The way of a rule that names none.
    ///
    /// A lone detection of a high rule waits for the digest: of the high rules of the catalogue more than
    /// half only add risk, and the public rules of that level are not known to be quiet.
    pub fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Page,
            Severity::High | Severity::Medium => Self::Incident,
            Severity::Low => Self::Digest,
            Severity::Informational => Self::Dashboard,
        }
    }

    /// Its name, as rules write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Digest => "digest",
            Self::Incident => "incident",
            Self::Page => "page",
        }
    }
}

/// What kind of thing is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A person, behind all aliases.
    Person,
    /// A source: an address or a network.
    Source,
    /// Something else that a rule groups by.
    Other,
}

/// Who or what is suspected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// What kind of thing it is.
    pub kind: EntityKind,
    /// Its name.
    pub name: Arc<str>,
}

/// An event that a detection rests on: what a message needs to tell of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Identity of the event.
    pub event_uid: String,
    /// When it happened.
    pub time: Time,
    /// When we received it (for old records: when it happened).
    pub observed: Time,
    /// The parser that read it.
    pub source: String,
    /// What was done.
    pub activity: String,
    /// 0 unknown, 1 success, 2 failure, 3 interrupted.
    pub status_id: i8,
    /// Whose account.
    pub user_name: Option<String>,
    /// From where.
    pub src_ip: Option<String>,
    /// From which country.
    pub src_country: Option<String>,
    /// From which city.
    pub src_city: Option<String>,
    /// Through whose network.
    pub src_as_org: Option<String>,
    /// Through what kind of network.
    pub src_net_kind: Option<String>,
    /// To which application or server.
    pub target: Option<String>,
    /// On which object.
    pub resource: Option<String>,
    /// With which client.
    pub user_agent: Option<String>,
    /// How the second factor went.
    pub mfa_result: Option<String>,
    /// How many items it stands for.
    pub item_count: Option<i64>,
    /// Whether its person can do more harm than others: an administrator, or of kind `vip`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
}

impl Evidence {
    /// What a message needs to tell of a row.
    pub fn of(batch: &EventBatch, row: usize) -> Self {
        let text = |column| batch.text(column, row).map(str::to_owned);
        Self {
            event_uid: text(Column::EventUid).unwrap_or_default(),
            time: batch.time(row),
            observed: batch.observed(row),
            source: text(Column::Source).unwrap_or_default(),
            activity: text(Column::Activity).unwrap_or_default(),
            status_id: batch
                .int(Column::StatusId, row)
                .and_then(|id| id.try_into().ok())
                .unwrap_or_default(),
            user_name: text(Column::UserName),
            src_ip: text(Column::SrcIp),
            src_country: text(Column::SrcCountry),
            src_city: text(Column::SrcCity),
            src_as_org: text(Column::SrcAsOrg),
            src_net_kind: text(Column::SrcNetKind),
            target: text(Column::AppName).or_else(|| text(Column::DstHost)),
            resource: text(Column::Resource).or_else(|| text(Column::Url)),
            user_agent: text(Column::UserAgent),
            mfa_result: text(Column::MfaResult),
            item_count: batch.int(Column::ItemCount, row),
            privileged: Self::is_privileged(batch, row),
        }
    }

    /// Whether the person of a row can do more harm than others.
    pub fn is_privileged(batch: &EventBatch, row: usize) -> bool {
        batch.flag(Column::Privileged, row) == Some(true) || batch.text(Column::PersonKind, row) == Some("vip")
    }
}

/// What a detector measured, by name; the texts of `sekisho-alert` are written from these.
pub type Facts = BTreeMap<String, serde_json::Value>;

/// What a message needs to know of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// Its id: `SK-nnn` or a UUID.
    pub id: Arc<str>,
    /// Raised when its meaning changes; part of the identity of its alerts.
    pub major: u32,
    /// Its title.
    pub title: Bilingual,
    /// How bad a detection is.
    pub severity: Severity,
    /// How a detection reaches people.
    #[serde(default)]
    pub route: Route,
    /// The family of signals it belongs to, for the risk of an incident: `travel`,
    /// `lifecycle`, `mailbox`, `data` and the like.
    pub family: String,
    /// Which sentence explains it: `match`, `event_count`, `value_count`, `temporal_ordered`, or the
    /// name of a native detector.
    pub kind: String,
    /// The base probability that a detection is real, 0 to 1.
    pub probability: f64,
    /// ATT&CK technique ids, such as `T1078.004`.
    pub attack: Vec<String>,
    /// What to do, a step a line.
    pub response: Bilingual,
}

impl RuleInfo {
    /// How a detection of that severity reaches people: one that is worse than the rule says goes at least
    /// the way of its level, one that is less bad at most.
    pub fn route_of(&self, severity: Severity) -> Route {
        match severity.cmp(&self.severity) {
            Ordering::Less => self.route.min(Route::of(severity)),
            Ordering::Equal => self.route,
            Ordering::Greater => self.route.max(Route::of(severity)),
        }
    }
}

/// How much a detection weighs. A rule has a weight of its own; a detector that can tell more from less
/// certain findings weighs each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weight {
    /// How bad it is.
    pub severity: Severity,
    /// How likely it is real, 0 to 1.
    pub probability: f64,
}

impl Weight {
    /// What a detection of the rule weighs, if nothing more is known of it.
    pub fn of(rule: &RuleInfo) -> Self {
        Self {
            severity: rule.severity,
            probability: rule.probability,
        }
    }

    /// The heavier in each respect.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            severity: self.severity.max(other.severity),
            probability: self.probability.max(other.probability),
        }
    }
}

/// A rule fired for an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// How much it weighs; an alert weighs as much as the heaviest of its detections.
    pub weight: Weight,
    /// Whose records.
    pub tenant: Arc<str>,
    /// Who or what is suspected.
    pub entity: Entity,
    /// The events it rests on that were not part of an earlier detection of the same kind.
    pub evidence: Vec<Evidence>,
    /// What was measured.
    pub facts: Facts,
    /// Firings of the rule for the entity that are no further apart than this are one episode.
    pub gap: std::time::Duration,
}

/// An episode of a rule for an entity, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Identity, from the event that opened the episode.
    pub alert_id: String,
    /// The incident it belongs to.
    pub incident_id: String,
    /// Whose records.
    pub tenant: Arc<str>,
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Who or what is suspected.
    pub entity: Entity,
    /// How bad it is.
    pub severity: Severity,
    /// How sure we are, 0 to 100.
    pub score: f64,
    /// When the first of its events happened.
    pub first_time: Time,
    /// When the last of its events happened.
    pub last_time: Time,
    /// Whether it was found from records that came late: the delay in seconds of the latest.
    pub found_late_secs: Option<i64>,
    /// How many events it rests on.
    pub evidence_count: u64,
    /// What was measured.
    pub facts: Facts,
    /// The older alert that this one turned out to be part of.
    pub merged_into: Option<String>,
}

impl Alert {
    /// How it reaches people.
    pub fn route(&self) -> Route {
        self.rule.route_of(self.severity)
    }
}

/// An alert that is new or changed.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertUpdate {
    /// The alert as it stands.
    pub alert: Alert,
    /// The evidence that was added; evidence told before is not repeated.
    pub evidence: Vec<Evidence>,
}

/// What happened to one entity, over all rules and sources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Identity, from the event that opened it.
    pub incident_id: String,
    /// Whose records.
    pub tenant: Arc<str>,
    /// Who or what is suspected.
    pub entity: Entity,
    /// What its risk amounts to, and no less than what its alerts call for.
    pub severity: Severity,
    /// Risk, 0 to 100.
    pub score: f64,
    /// The furthest way of its alerts.
    #[serde(default)]
    pub route: Route,
    /// When the first of its events happened.
    pub first_time: Time,
    /// When the last of its events happened.
    pub last_time: Time,
    /// The families of signals in it, sorted.
    pub families: Vec<String>,
    /// The older incident that this one turned out to be part of.
    pub merged_into: Option<String>,
}

/// Why an incident speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It is new.
    Opened,
    /// It got worse.
    Severity(Severity),
    /// Something of another kind joined it.
    Family(String),
    /// A rule of this id joined it that is told at once.
    Page(String),
}

impl Occasion {
    /// As it goes into the identity of the message.
    pub fn key(&self) -> String {
        match self {
            Self::Opened => "opened".to_owned(),
            Self::Severity(severity) => format!("severity:{}", severity.name()),
            Self::Family(family) => format!("family:{family}"),
            Self::Page(rule) => format!("page:{rule}"),
        }
    }
}

/// An incident has something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The incident.
    pub incident_id: String,
    /// Why it speaks.
    pub occasion: Occasion,
    /// When what it speaks of was received: messages are timed from here, so that a replay times
    /// them the same.
    pub observed: Time,
    /// Whether what is new is to be told at once, however much was told already.
    pub page: bool,
}

/// What became of a batch in detection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Alerts that are new or changed.
    pub alerts: Vec<AlertUpdate>,
    /// Incidents that are new or changed.
    pub incidents: Vec<Incident>,
    /// What is to be told.
    pub announcements: Vec<Announcement>,
}

impl Findings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty() && self.incidents.is_empty() && self.announcements.is_empty()
    }
}
