//! More mail than a person writes: the account was opened, and sends on.
//!
//! The mails that an account sent are events with a number of recipients (`item_count`; a missing count
//! is one). A mail is *hot* when some window that contains it reaches a threshold, and every hot mail is
//! evidence: so the whole wave is told, not only what came after the threshold was crossed, and the
//! order in which the records come makes no difference. The windows are
//!
//! * an hour with `recipients_min` recipients, or with `people_share` of the people of the firm, or with
//!   eight times what the person's busiest hours of the last 30 days had, whichever is most;
//! * ten minutes with `unfamiliar_min` recipients, of mail from where the person is not known;
//! * ten minutes in which `bounces_min` mails came back.
//!
//! Where the provider itself stopped the account (Microsoft 365 writes "restricted from sending"), that
//! is told at once.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `recipients_min` | 100 | recipients within the window |
//! | `window_minutes` | 60 | length of the window |
//! | `people_share` | 1.1 | recipients within the window, as a share of the people who were active in 30 days: a notice to all the staff is none |
//! | `unfamiliar_min` | 50 | recipients within ten minutes, from an unfamiliar place |
//! | `bounces_min` | 20 | mails that came back within ten minutes |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, EventBatch, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hours::{Asked, Hours, Share};
use super::looks::Detail;
use super::people::People;
use super::ring::{Event, Measured, Ring, Tally};
use super::{
    ParameterError, UNFAMILIAR_FROM, is_service, parameters, part, person_entity, person_of, share_of, succeeded,
    within,
};
use crate::Detector;

pub(super) const NAME: &str = "mass_send";

/// The most mails of a person that are remembered, about 4 MB of the heaviest sender. Who sends more
/// within a day was told long before.
const MAILS_MAX: usize = 8_192;

/// The most recipients that one mail is believed to have, so that sums stay far from overflow.
const RECIPIENTS_MAX: i64 = 1_000_000_000;

/// How many times a person's busy hours an hour must have.
const BUSY_FACTOR: i64 = 8;
/// The busy hours of a person: no more than one hour in a hundred has more.
const BUSY: Share = Share(99);

/// The window for mail from an unfamiliar place and for mail that came back.
const SHORT: Duration = Duration::from_mins(10);

/// What Microsoft 365 says of an account that it stopped.
const RESTRICTED: &str = "restricted from sending";

/// The form of the state in snapshots.
const FORM: u32 = 2;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    recipients_min: i64,
    window_minutes: u64,
    people_share: f64,
    unfamiliar_min: i64,
    bounces_min: i64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            recipients_min: 100,
            window_minutes: 60,
            people_share: 1.1,
            unfamiliar_min: 50,
            bounces_min: 20,
        }
    }
}

#[derive(Debug)]
struct MassSend {
    rule: Arc<RuleInfo>,
    limits: Parameters,
    window: Duration,
    people: People<Outbox>,
}

/// What a person sent.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Outbox {
    mails: Ring<Mail>,
    /// The recipients of each hour.
    hours: Hours,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Mail {
    /// None of a mail that came back.
    recipients: i64,
    came_back: bool,
    unfamiliar: bool,
    restricted: bool,
    active_people: i64,
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let limits: Parameters = parameters(NAME, value)?;
    within(NAME, "recipients_min", limits.recipients_min, 1, 1_000_000)?;
    within(NAME, "window_minutes", limits.window_minutes, 1, 24 * 60)?;
    within(NAME, "people_share", limits.people_share, 0.0, 100.0)?;
    within(NAME, "unfamiliar_min", limits.unfamiliar_min, 1, 1_000_000)?;
    within(NAME, "bounces_min", limits.bounces_min, 1, 1_000_000)?;
    Ok(Box::new(MassSend {
        rule,
        window: Duration::from_mins(limits.window_minutes),
        limits,
        people: People::default(),
    }))
}

impl Detector for MassSend {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        for ((tenant, person), rows) in senders(batch) {
            let last = rows.iter().map(|(row, _)| batch.believed_time(*row)).max();
            let Some(outbox) = self.people.meet(tenant, person, last.unwrap_or_default()) else {
                continue;
            };
            let Some(touched) = outbox.add(batch, &rows) else {
                continue;
            };
            let measures = outbox.measure(touched, &self.limits, self.window);
            outbox.mails.shrink(MAILS_MAX);
            found.extend(measures.into_iter().map(|(evidence, facts)| Detection {
                rule: Arc::clone(&self.rule),
                weight: Weight::of(&self.rule),
                tenant: Arc::from(tenant),
                entity: person_entity(&Arc::from(person)),
                evidence,
                facts,
                gap: self.window.max(SHORT),
            }));
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(self.window.max(SHORT));
        self.people.retain(|outbox, _| {
            outbox.mails.forget_before(oldest);
            outbox.hours.forget_before(horizon);
            !outbox.mails.is_empty() || !outbox.hours.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.people.restore(&part(NAME, FORM, &self.rule), from);
    }
}

/// The rows about mail that was sent, by sender.
fn senders(batch: &EventBatch) -> BTreeMap<(&str, &str), Vec<(usize, Mail)>> {
    let activity = batch.texts(Column::Activity);
    let mut senders: BTreeMap<(&str, &str), Vec<(usize, Mail)>> = BTreeMap::new();
    for row in 0..batch.len() {
        let Some(mail) = mail(batch, row, activity.get(row).unwrap_or_default()) else {
            continue;
        };
        if let (Some(tenant), Some(person)) = (batch.text(Column::Tenant, row), person_of(batch, row)) {
            senders.entry((tenant, person)).or_default().push((row, mail));
        }
    }
    senders
}

fn mail(batch: &EventBatch, row: usize, activity: &str) -> Option<Mail> {
    let says_restricted = |column| {
        let text = batch.text(column, row).unwrap_or_default();
        text.to_ascii_lowercase().contains(RESTRICTED)
    };
    if activity == "mail_send" {
        // Newsletters and notices are sent to many, and come back from some; the provider's word counts.
        if is_service(batch, row) {
            return None;
        }
        let sent = succeeded(batch, row);
        let count = batch.int(Column::ItemCount, row).unwrap_or(1);
        return (sent || batch.int(Column::StatusId, row) == Some(2)).then(|| Mail {
            recipients: if sent { count.clamp(0, RECIPIENTS_MAX) } else { 0 },
            came_back: !sent,
            unfamiliar: sent
                && batch
                    .float(Column::Unfamiliarity, row)
                    .is_some_and(|nats| UNFAMILIAR_FROM <= nats),
            restricted: false,
            active_people: batch.int(Column::ActivePeople, row).unwrap_or(0),
        });
    }
    let is_notice = matches!(activity, "other" | "risk_detection" | "user_disable" | "user_lock");
    (is_notice && (says_restricted(Column::Action) || says_restricted(Column::Resource))).then(|| Mail {
        restricted: true,
        ..Mail::default()
    })
}

impl Parameters {
    /// How many recipients the hour that ends with a mail must have, where so many are usual.
    fn least(&self, usual: Option<i64>, mail: &Event<Mail>) -> i64 {
        let own = usual.map_or(0, |usual| usual.saturating_mul(BUSY_FACTOR));
        let of_all = share_of(self.people_share, mail.value.active_people);
        self.recipients_min.max(own).max(of_all)
    }
}

type Found = (Vec<sekisho_model::Evidence>, Facts);

impl Outbox {
    /// Takes in mails, and says from when to when something changed.
    fn add(&mut self, batch: &EventBatch, rows: &[(usize, Mail)]) -> Option<(Time, Time)> {
        let mut touched: Option<(Time, Time)> = None;
        for (row, mail) in rows {
            let Some(inserted) = self.mails.insert(batch, *row, *mail) else {
                continue;
            };
            let (time, known) = (inserted.time, inserted.before.map_or(0, |before| before.recipients));
            self.hours.add(time, (mail.recipients - known).max(0));
            touched = Some(touched.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        touched
    }

    /// What became hot and was not told, by each measure.
    fn measure(&mut self, touched: (Time, Time), limits: &Parameters, window: Duration) -> Vec<Found> {
        let mut found = Vec::new();
        let gap = window.max(SHORT);
        let restricted = self
            .mails
            .hot::<Restricted>(touched, Duration::ZERO, |_, count| 0 < count);
        for wave in self.mails.untold(restricted, gap) {
            let evidence = wave.into_iter().filter_map(|index| self.mails.tell(index)).collect();
            found.push((evidence, Facts::from([("restricted".to_owned(), json!(RESTRICTED))])));
        }
        let bounces = self
            .mails
            .hot::<Bounces>(touched, SHORT, |_, count| limits.bounces_min <= count);
        found.extend(self.tell::<Bounces>(bounces, (SHORT, gap), "bounces", limits.bounces_min));
        let unfamiliar = self
            .mails
            .hot::<Unfamiliar>(touched, SHORT, |_, sum| limits.unfamiliar_min <= sum);
        found.extend(self.tell::<Unfamiliar>(unfamiliar, (SHORT, gap), "unfamiliar_recipients", limits.unfamiliar_min));
        let hours = &self.hours;
        let usual = Asked::new(|time| hours.usual_hour(time, BUSY, limits.recipients_min));
        let least = |mail: &Event<Mail>| limits.least(usual.at(mail.time), mail);
        let is_enough = |mail: &Event<Mail>, sum: i64| limits.recipients_min <= sum && least(mail) <= sum;
        let hot = self.mails.hot::<Recipients>(touched, window, is_enough);
        let least = hot.last().and_then(|index| self.mails.events().get(*index)).map(least);
        found.extend(self.tell::<Recipients>(hot, (window, gap), "recipients", least.unwrap_or_default()));
        found
    }

    /// Tells hot mails, in waves, with the heaviest window of each.
    fn tell<A: Tally<Mail>>(
        &mut self,
        hot: Vec<usize>,
        (window, gap): (Duration, Duration),
        name: &str,
        threshold: i64,
    ) -> Vec<Found> {
        let mut found = Vec::new();
        for wave in self.mails.untold(hot, gap) {
            let mut facts = Facts::from([
                ("window_minutes".to_owned(), json!(window.as_secs() / 60)),
                ("threshold".to_owned(), json!(threshold)),
            ]);
            if let Some((slice, total)) = self.mails.heaviest::<A>(&wave, window) {
                let from = self.mails.events().get(slice.start).map(|mail| mail.time.to_string());
                facts.insert(name.to_owned(), json!(total));
                facts.insert("messages".to_owned(), json!(slice.len()));
                facts.insert("window_start".to_owned(), json!(from));
            }
            let evidence = wave.into_iter().filter_map(|index| self.mails.tell(index)).collect();
            found.push((evidence, facts));
        }
        found
    }
}

impl Measured for Mail {
    const DETAIL: Detail = Detail::Full;

    fn update(&mut self, update: Self) {
        self.recipients = self.recipients.max(update.recipients);
        self.came_back |= update.came_back;
        self.unfamiliar |= update.unfamiliar;
        self.restricted |= update.restricted;
    }
}

/// What mails add up to.
macro_rules! tally {
    ($name:ident, $mail:ident => $amount:expr) => {
        #[derive(Debug, Default)]
        struct $name(i64);

        impl Tally<Mail> for $name {
            fn add(&mut self, $mail: &Mail) {
                self.0 += $amount;
            }
            fn remove(&mut self, $mail: &Mail) {
                self.0 -= $amount;
            }
            fn total(&self) -> i64 {
                self.0
            }
        }
    };
}

tally!(Recipients, mail => mail.recipients);
tally!(Unfamiliar, mail => if mail.unfamiliar { mail.recipients } else { 0 });
tally!(Bounces, mail => i64::from(mail.came_back));
tally!(Restricted, mail => i64::from(mail.restricted));
