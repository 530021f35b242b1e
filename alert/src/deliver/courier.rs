//! The courier of one channel.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Clock, Occasion, Time};
use tokio::sync::watch;
use tracing::{info, warn};

use super::egress::{DeliveryError, Egress, SetupError};
use super::retry::{Retry, next_attempt};
use crate::bulletin::Bulletin;
use crate::channel::webhook::{self, SigningKey};
use crate::channel::{ChannelKind, ChannelSettings, slack};
use crate::outbox::{Again, Claim, Claimed, Content, Outbox, OutboxError};
use crate::text::{Case, Message, Notice, Telling, Zone};
use crate::untrusted;

/// Carries the messages of one channel, one at a time.
#[derive(Debug)]
pub struct Courier {
    outbox: Outbox,
    settings: ChannelSettings,
    keys: Vec<SigningKey>,
    egress: Egress,
    zone: Zone,
    clock: Arc<dyn Clock>,
}

/// What a courier did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It sent something, or tried to.
    Sent,
    /// There is nothing to send for so long, or until there is something new.
    Wait(Option<Duration>),
}

/// A message, ready for its channel.
struct Parcel<'a> {
    message_id: &'a str,
    event_type: &'a str,
    case: &'a Case,
    occasions: &'a [Occasion],
    resent: bool,
}

impl Courier {
    /// A courier for a channel. Touches neither the network nor the outbox.
    pub fn new(
        outbox: Outbox,
        settings: ChannelSettings,
        zone: Zone,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let key = |secret| {
            SigningKey::parse(secret).map_err(|source| SetupError::Key {
                channel: settings.name.clone(),
                source,
            })
        };
        let keys = settings.secrets.iter().map(key).collect::<Result<_, _>>()?;
        let egress = Egress::new(&settings.name, &settings.url, settings.allow_plaintext)?;
        Ok(Self {
            outbox,
            settings,
            keys,
            egress,
            zone,
            clock,
        })
    }

    /// The name of its channel.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.outbox.changes()
    }

    /// Sends the next message that is due, and notes what became of it. Not cancel-safe: a message whose
    /// answer is not waited for is sent once more.
    pub async fn step(&self) -> Result<Step, OutboxError> {
        let now = self.clock.now();
        let claimed = match self.outbox.claim(self.name(), now).await? {
            Claim::Send(claimed) => claimed,
            Claim::Wait(until) => return Ok(Step::Wait(until.map(|until| wait(now, until)))),
        };
        let sent = match &claimed.content {
            Content::Case(case) => {
                let event_type = claimed.occasions.first().map_or("incident.opened", event_type);
                self.post(Parcel {
                    message_id: &claimed.message_id,
                    event_type,
                    case,
                    occasions: &claimed.occasions,
                    resent: claimed.resent,
                })
                .await
            }
            Content::Bulletin(bulletin) => self.post_notice(&claimed, bulletin).await,
        };
        self.note(&claimed, sent).await?;
        Ok(Step::Sent)
    }

    /// Sends a case outside the outbox, to see whether the channel works.
    pub async fn send_test(&self, case: &Case) -> Result<(), DeliveryError> {
        self.post(Parcel {
            message_id: &format!("test-{}", self.clock.now().0),
            event_type: "test",
            case,
            occasions: &[Occasion::Opened],
            resent: false,
        })
        .await
    }

    /// Sends a notice about the service itself, outside the outbox: it must not wait behind what it tells of.
    pub async fn send_notice(&self, message_id: &str, event_type: &str, case: &Case) -> Result<(), DeliveryError> {
        self.post(Parcel {
            message_id,
            event_type,
            case,
            occasions: &[Occasion::Opened],
            resent: false,
        })
        .await
    }

    async fn post(&self, parcel: Parcel<'_>) -> Result<(), DeliveryError> {
        let telling = Telling {
            lang: self.settings.lang,
            zone: &self.zone,
            occasions: parcel.occasions,
            resent: parcel.resent,
        };
        let message = Message::of(parcel.case, telling);
        let now = self.clock.now();
        let body = match self.settings.kind {
            ChannelKind::Slack => untrusted::to_json(&slack::render(&message)),
            ChannelKind::Webhook => webhook::render(webhook::Content {
                event_type: parcel.event_type,
                now,
                case: parcel.case,
                message: &message,
                zone: &self.zone,
                resent: parcel.resent,
            }),
        };
        self.send(parcel.message_id, body, now).await
    }

    async fn post_notice(&self, claimed: &Claimed, bulletin: &Bulletin) -> Result<(), DeliveryError> {
        let notice = Notice::of(bulletin, self.settings.lang, &self.zone, claimed.resent);
        let now = self.clock.now();
        let body = match self.settings.kind {
            ChannelKind::Slack => untrusted::to_json(&slack::render_notice(&notice)),
            ChannelKind::Webhook => webhook::render_notice(bulletin, &notice, now, claimed.resent),
        };
        self.send(&claimed.message_id, body, now).await
    }

    async fn send(
        &self,
        message_id: &str,
        body: Result<String, serde_json::Error>,
        now: Time,
    ) -> Result<(), DeliveryError> {
        let body = body.map_err(|error| DeliveryError {
            host: self.name().to_owned(),
            what: format!("cannot be sent what cannot be written: {error}"),
            retry: Retry::Never,
        })?;
        let headers = self.headers(message_id, now, &body);
        self.egress.post(body, &headers, now).await
    }

    fn headers(&self, message_id: &str, now: Time, body: &str) -> Vec<(&'static str, String)> {
        if self.settings.kind == ChannelKind::Slack {
            return Vec::new();
        }
        let mut headers = vec![
            ("webhook-id", message_id.to_owned()),
            ("webhook-timestamp", now.secs().to_string()),
        ];
        if !self.keys.is_empty() {
            headers.push((
                "webhook-signature",
                webhook::signature(&self.keys, message_id, now.secs(), body),
            ));
        }
        headers
    }

    async fn note(&self, claimed: &Claimed, sent: Result<(), DeliveryError>) -> Result<(), OutboxError> {
        let now = self.clock.now();
        let (channel, message_id) = (self.name(), claimed.message_id.as_str());
        let about = match &claimed.content {
            Content::Case(case) => case.incident.incident_id.as_str(),
            Content::Bulletin(_) => "several",
        };
        let Err(error) = sent else {
            info!(channel, message_id, incident_id = about, "told what was found");
            return self.outbox.delivered(claimed, now).await;
        };
        let attempts = claimed.attempts_before.saturating_add(1);
        let Some(at) = next_attempt(error.retry, &claimed.message_id, attempts, claimed.created, now) else {
            tracing::error!(channel, message_id, attempts, %error, "gave up a message");
            return self.outbox.dead(claimed, &error.to_string(), now).await;
        };
        warn!(channel, message_id, attempts, %error, again_at = %at, "a message did not arrive");
        let hold = matches!(error.retry, Retry::After(_)).then_some(channel);
        let error = error.to_string();
        self.outbox
            .failed(
                claimed,
                Again {
                    at,
                    error: &error,
                    hold,
                },
            )
            .await
    }
}

fn wait(now: Time, until: Time) -> Duration {
    if until < now {
        Duration::ZERO
    } else {
        until.distance(now)
    }
}

fn event_type(occasion: &Occasion) -> &'static str {
    match occasion {
        Occasion::Opened => "incident.opened",
        Occasion::Severity(_) => "incident.severity",
        Occasion::Family(_) => "incident.family",
        Occasion::Page(_) => "incident.page",
    }
}
