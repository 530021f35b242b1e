//! More mail recipients within an hour than a person writes to.
//!
//! The recipients (`item_count`; a missing count is one) of the mail that an account sent are summed
//! over a sliding window. A mail is *hot* when some window that contains it reaches the threshold,
//! and every hot mail is evidence: so the whole wave is told, not only what came after the threshold
//! was crossed, and the order in which the records come makes no difference.
//!
//! | parameter | default | |
//! |---|---|---|
//! | `recipients_min` | 100 | recipients within the window |
//! | `window_minutes` | 60 | length of the window |

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sekisho_model::{Column, Detection, EventBatch, Evidence, Facts, RuleInfo, Snapshot, Time, Weight};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::people::People;
use super::{ParameterError, parameters, part, person_entity, person_of, succeeded, within};
use crate::Detector;

pub(super) const NAME: &str = "mass_send";

/// The most mails of a person that are remembered, about 4 MB of the heaviest sender. Who sends more
/// within a day was told long before.
const MAILS_MAX: usize = 8_192;

/// The most recipients that one mail is believed to have, so that sums stay far from overflow.
const RECIPIENTS_MAX: i64 = 1_000_000_000;

/// The form of the state in snapshots.
const FORM: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Parameters {
    recipients_min: i64,
    window_minutes: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            recipients_min: 100,
            window_minutes: 60,
        }
    }
}

#[derive(Debug)]
struct MassSend {
    rule: Arc<RuleInfo>,
    recipients_min: i64,
    window: Duration,
    people: People<Outbox>,
}

/// What a person sent of late, in order of time.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Outbox {
    mails: Vec<Mail>,
    /// When the mail of that id was sent; made again from the mails after a restart.
    #[serde(skip)]
    by_uid: BTreeMap<String, Time>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    time: Time,
    uid: String,
    recipients: i64,
    /// What there is to tell of it, until it was told.
    untold: Option<Box<Evidence>>,
}

pub(super) fn make(rule: Arc<RuleInfo>, value: &Value) -> Result<Box<dyn Detector>, ParameterError> {
    let Parameters {
        recipients_min,
        window_minutes,
    } = parameters(NAME, value)?;
    let recipients_min = within(NAME, "recipients_min", recipients_min, 1, 1_000_000)?;
    let window_minutes = within(NAME, "window_minutes", window_minutes, 1, 24 * 60)?;
    let window = Duration::from_mins(window_minutes);
    Ok(Box::new(MassSend {
        rule,
        recipients_min,
        window,
        people: People::default(),
    }))
}

impl Detector for MassSend {
    fn observe(&mut self, batch: &EventBatch, found: &mut Vec<Detection>) {
        for ((tenant, person), rows) in senders(batch) {
            let last = rows
                .iter()
                .map(|row| batch.believed_time(*row))
                .max()
                .unwrap_or_default();
            let Some(outbox) = self.people.meet(tenant, person, last) else {
                continue;
            };
            let Some(touched) = outbox.add(batch, &rows) else {
                continue;
            };
            let hot = outbox.newly_hot(touched, self.window, self.recipients_min);
            for wave in outbox.waves(&hot, self.window) {
                let mut facts = outbox.heaviest(&wave, self.window);
                facts.insert("window_minutes".to_owned(), json!(self.window.as_secs() / 60));
                facts.insert("threshold".to_owned(), json!(self.recipients_min));
                found.push(Detection {
                    rule: Arc::clone(&self.rule),
                    weight: Weight::of(&self.rule),
                    tenant: Arc::from(tenant),
                    entity: person_entity(&Arc::from(person)),
                    evidence: outbox.tell(wave),
                    facts,
                    gap: self.window,
                });
            }
        }
    }

    fn forget_before(&mut self, horizon: Time) {
        let oldest = horizon.minus(self.window);
        self.people.retain(|outbox, _| {
            outbox.forget_before(oldest);
            !outbox.mails.is_empty()
        });
    }

    fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.people.snapshot(&part(NAME, FORM, &self.rule), into)
    }

    fn restore(&mut self, from: &Snapshot) {
        self.people.restore(&part(NAME, FORM, &self.rule), from);
    }
}

/// The rows of mail that was sent, by sender.
fn senders(batch: &EventBatch) -> BTreeMap<(&str, &str), Vec<usize>> {
    let activity = batch.texts(Column::Activity);
    let mut senders: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for row in 0..batch.len() {
        if activity.get(row) != Some("mail_send") || !succeeded(batch, row) {
            continue;
        }
        if let (Some(tenant), Some(person)) = (batch.text(Column::Tenant, row), person_of(batch, row)) {
            senders.entry((tenant, person)).or_default().push(row);
        }
    }
    senders
}

impl Outbox {
    /// Takes in the mails of these rows, and says from when to when something changed.
    fn add(&mut self, batch: &EventBatch, rows: &[usize]) -> Option<(Time, Time)> {
        if self.by_uid.len() != self.mails.len() {
            self.by_uid = self.mails.iter().map(|mail| (mail.uid.clone(), mail.time)).collect();
        }
        let mut touched: Option<(Time, Time)> = None;
        for &row in rows {
            let Some(uid) = batch.text(Column::EventUid, row) else {
                continue;
            };
            let recipients = batch.int(Column::ItemCount, row).unwrap_or(1).clamp(0, RECIPIENTS_MAX);
            let known = self.by_uid.get(uid).copied();
            let time = known.unwrap_or_else(|| batch.believed_time(row));
            let place = self
                .mails
                .partition_point(|mail| (mail.time, mail.uid.as_str()) < (time, uid));
            if known.is_none() {
                let untold = Some(Box::new(Evidence::of(batch, row)));
                self.mails.insert(
                    place,
                    Mail {
                        time,
                        uid: uid.to_owned(),
                        recipients,
                        untold,
                    },
                );
                self.by_uid.insert(uid.to_owned(), time);
            } else if let Some(mail) = self.mails.get_mut(place) {
                // An update: the larger count holds, whichever came first.
                mail.recipients = mail.recipients.max(recipients);
            }
            touched = Some(touched.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        }
        if MAILS_MAX < self.mails.len() {
            let surplus = self.mails.len() - MAILS_MAX;
            for mail in self.mails.drain(..surplus) {
                self.by_uid.remove(&mail.uid);
            }
        }
        touched
    }

    /// The mails that became hot by a change between two times and were not told.
    fn newly_hot(&self, (first, last): (Time, Time), window: Duration, recipients_min: i64) -> Vec<usize> {
        let range = self.between(first.minus(window), last.plus(window));
        let mut hot = Vec::new();
        let mut told_to = range.start;
        for (slice, sum) in Windows::new(&self.mails, range, window) {
            if recipients_min <= sum {
                hot.extend(slice.start.max(told_to)..slice.end);
                told_to = slice.end;
            }
        }
        hot.retain(|place| self.mails.get(*place).is_some_and(|mail| mail.untold.is_some()));
        hot
    }

    /// Parts newly hot mails where the next is further off than a window: each part is told apart.
    fn waves(&self, hot: &[usize], window: Duration) -> Vec<Vec<usize>> {
        let time = |place: &usize| self.mails.get(*place).map(|mail| mail.time).unwrap_or_default();
        hot.chunk_by(|a, b| time(a).distance(time(b)) <= window)
            .map(<[usize]>::to_vec)
            .collect()
    }

    /// The heaviest window among the hot mails that a wave joins.
    fn heaviest(&self, wave: &[usize], window: Duration) -> Facts {
        let (Some(&first), Some(&last)) = (wave.first(), wave.last()) else {
            return Facts::new();
        };
        let joins = |a: &Mail, b: &Mail| b.untold.is_none() && a.time.distance(b.time) <= window;
        let (mut start, mut end) = (first, last + 1);
        while let Some([before, after]) = start.checked_sub(1).and_then(|at| self.mails.get(at..=start)) {
            if !joins(after, before) {
                break;
            }
            start -= 1;
        }
        while let Some([before, after]) = self.mails.get(end - 1..=end) {
            if !joins(before, after) {
                break;
            }
            end += 1;
        }
        let heaviest = Windows::new(&self.mails, start..end, window).max_by_key(|(_, sum)| *sum);
        let Some((slice, recipients)) = heaviest else {
            return Facts::new();
        };
        let from = self.mails.get(slice.start).map(|mail| mail.time.to_string());
        Facts::from([
            ("recipients".to_owned(), json!(recipients)),
            ("messages".to_owned(), json!(slice.len())),
            ("window_start".to_owned(), json!(from)),
        ])
    }

    fn tell(&mut self, wave: Vec<usize>) -> Vec<Evidence> {
        let told = wave
            .into_iter()
            .filter_map(|place| self.mails.get_mut(place)?.untold.take());
        told.map(|evidence| *evidence).collect()
    }

    fn between(&self, first: Time, last: Time) -> Range<usize> {
        let start = self.mails.partition_point(|mail| mail.time < first);
        let end = self.mails.partition_point(|mail| mail.time <= last);
        start..end
    }

    fn forget_before(&mut self, oldest: Time) {
        let surplus = self.mails.partition_point(|mail| mail.time < oldest);
        for mail in self.mails.drain(..surplus) {
            self.by_uid.remove(&mail.uid);
        }
    }
}

/// For each mail of a range, the longest window of the range that ends with it, and the recipients in
/// that window.
#[derive(Debug)]
struct Windows<'a> {
    mails: &'a [Mail],
    window: Duration,
    slice: Range<usize>,
    end: usize,
    sum: i64,
}

impl<'a> Windows<'a> {
    fn new(mails: &'a [Mail], range: Range<usize>, window: Duration) -> Self {
        Self {
            mails,
            window,
            slice: range.start..range.start,
            end: range.end,
            sum: 0,
        }
    }
}

impl Iterator for Windows<'_> {
    type Item = (Range<usize>, i64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.end <= self.slice.end {
            return None;
        }
        let newest = self.mails.get(self.slice.end)?;
        self.slice.end += 1;
        self.sum += newest.recipients;
        while let Some(oldest) = self.mails.get(self.slice.start) {
            if oldest.time.distance(newest.time) <= self.window {
                break;
            }
            self.sum -= oldest.recipients;
            self.slice.start += 1;
        }
        Some((self.slice.clone(), self.sum))
    }
}
