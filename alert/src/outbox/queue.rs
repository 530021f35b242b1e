//! Messages on their way: which is next, and what became of it.

use std::cmp::Reverse;
use std::collections::HashMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use sekisho_model::{Occasion, Time};
use tracing::error;

use super::digest::bulletin;
use super::query::{case, root};
use super::schema::{read_meta, write_meta};
use super::{Outbox, OutboxError};
use crate::bulletin::Bulletin;
use crate::text::Case;

/// The most waiting messages of a channel that are looked at for the next one. It bounds memory after
/// a long outage; the rest comes when these are gone.
const LOOKED_AT_MAX: u32 = 10_000;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its incident was below the level of the channel.
    Held,
    /// It waits.
    Pending,
    /// It is being sent, or was when the program stopped.
    Sending,
    /// The channel took it.
    Delivered,
    /// It was given up.
    Dead,
}

impl State {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 5] = [Self::Held, Self::Pending, Self::Sending, Self::Delivered, Self::Dead];

    /// Its name, as in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What a channel is to do now.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Send this.
    Send(Box<Claimed>),
    /// Wait until then, or until there is something new.
    Wait(Option<Time>),
}

/// A message that is marked as being sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// Its identity.
    pub message_id: String,
    /// Messages of the same incident that are told with it.
    pub companions: Vec<String>,
    /// How often it was tried before.
    pub attempts_before: u32,
    /// When it was decided on.
    pub created: Time,
    /// Whether the program stopped while sending it, so that it may have arrived.
    pub resent: bool,
    /// Why its incident speaks, oldest first.
    pub occasions: Vec<Occasion>,
    /// What it tells of, as it stands.
    pub content: Content,
}

/// What a message tells of.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// An incident.
    Case(Case),
    /// Several incidents.
    Bulletin(Bulletin),
}

impl Outbox {
    /// What the channel is to do now. A message given out is marked as being sent.
    pub async fn claim(&self, channel: &str, now: Time) -> Result<Claim, OutboxError> {
        let channel = channel.to_owned();
        self.call(move |connection| claim(connection, &channel, now)).await
    }

    /// Notes that a message, and what was told with it, arrived.
    pub async fn delivered(&self, claimed: &Claimed, now: Time) -> Result<(), OutboxError> {
        self.finish(claimed, State::Delivered, None, now).await
    }

    /// Notes that a message, and what was to be told with it, is given up.
    pub async fn dead(&self, claimed: &Claimed, error: &str, now: Time) -> Result<(), OutboxError> {
        self.finish(claimed, State::Dead, Some(error.to_owned()), now).await
    }

    /// Notes that a message did not arrive and when to try again; with `hold`, nothing goes to its
    /// channel before.
    pub async fn failed(&self, claimed: &Claimed, again: Again<'_>) -> Result<(), OutboxError> {
        let message_id = claimed.message_id.clone();
        let (at, error) = (again.at, again.error.to_owned());
        let hold = again.hold.map(hold_name);
        self.call(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql =
                "UPDATE deliveries SET state = 'pending', next_attempt_at = ?2, last_error = ?3 WHERE message_id = ?1";
            transaction.execute(sql, params![message_id, at.0, error])?;
            if let Some(hold) = hold {
                write_meta(&transaction, &hold, at.0)?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn finish(
        &self,
        claimed: &Claimed,
        state: State,
        error: Option<String>,
        now: Time,
    ) -> Result<(), OutboxError> {
        let (head, companions) = (claimed.message_id.clone(), claimed.companions.clone());
        self.call(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let sql = "UPDATE deliveries SET state = ?2, finished = ?3, last_error = ?4, told_with = ?5 WHERE message_id = ?1";
            transaction.execute(sql, params![head, state.name(), now.0, error, None::<String>])?;
            for companion in &companions {
                transaction.execute(sql, params![companion, state.name(), now.0, error, head])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }
}

/// When and why to try a message again.
#[derive(Clone, Copy, Debug)]
pub struct Again<'a> {
    /// When.
    pub at: Time,
    /// Why it did not arrive; without secrets.
    pub error: &'a str,
    /// The channel, if it asked for nothing at all until then.
    pub hold: Option<&'a str>,
}

/// A message that waits.
struct Waiting {
    seq: i64,
    /// What it tells, if it is about no single incident.
    body: Option<String>,
    message_id: String,
    root: String,
    channel: String,
    occasion: String,
    is_sending: bool,
    attempts: u32,
    created: Time,
    due: Time,
    severity: i64,
}

/// The messages of one incident; the first is the one whose identity is used.
type Group = Vec<Waiting>;

fn claim(connection: &mut Connection, channel: &str, now: Time) -> Result<Claim, OutboxError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let held_until = read_meta(&transaction, &hold_name(channel))?.map_or(Time(i64::MIN), Time);
    let mut groups = groups(waiting(&transaction, channel)?);
    groups.sort_by_key(order);
    let due = |group: &Group| due(group).map_or(held_until, |due| due.max(held_until));
    let next = groups.iter().map(due).min();
    let mut claim = Claim::Wait(next);
    for group in groups.into_iter().filter(|group| due(group) <= now) {
        if let Some(claimed) = take(&transaction, group, now)? {
            claim = Claim::Send(Box::new(claimed));
            break;
        }
    }
    transaction.commit()?;
    Ok(claim)
}

/// When a group is due: with the first of its messages, and after a failure when the one that failed is.
fn due(group: &Group) -> Option<Time> {
    match group.first() {
        Some(head) if 0 < head.attempts => Some(head.due),
        _ => group.iter().map(|message| message.due).min(),
    }
}

/// Marks the first message of the group as being sent. A group that cannot be read, as after a change
/// of what is kept, is given up: it must not stand in the way of the others.
fn take(transaction: &Transaction<'_>, group: Group, now: Time) -> Result<Option<Claimed>, OutboxError> {
    let ids: Vec<String> = group.iter().map(|message| message.message_id.clone()).collect();
    match claimed(transaction, group) {
        Ok(Some(claimed)) => {
            let sql = "UPDATE deliveries SET state = 'sending', attempts = attempts + 1 WHERE message_id = ?1";
            transaction.execute(sql, [&claimed.message_id])?;
            Ok(Some(claimed))
        }
        Ok(None) => Ok(None),
        Err(OutboxError::Row(error)) => {
            error!(%error, message_id = ids.first(), "gave up a message that cannot be read");
            let sql = "UPDATE deliveries SET state = 'dead', finished = ?2, last_error = ?3 WHERE message_id = ?1";
            for id in ids {
                transaction.execute(sql, params![id, now.0, format!("cannot be read: {error}")])?;
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn claimed(transaction: &Transaction<'_>, group: Group) -> Result<Option<Claimed>, OutboxError> {
    let Some(first) = group.first() else { return Ok(None) };
    let (occasions, content) = if let Some(body) = &first.body {
        (
            Vec::new(),
            Content::Bulletin(bulletin(transaction, &first.channel, body)?),
        )
    } else {
        let occasions = group.iter().map(|message| serde_json::from_str(&message.occasion));
        (
            occasions.collect::<Result<_, _>>()?,
            Content::Case(case(transaction, &first.root)?),
        )
    };
    let mut messages = group.into_iter();
    let Some(head) = messages.next() else { return Ok(None) };
    Ok(Some(Claimed {
        occasions,
        content,
        companions: messages.map(|message| message.message_id).collect(),
        attempts_before: head.attempts,
        created: head.created,
        resent: head.is_sending,
        message_id: head.message_id,
    }))
}

/// What was under way comes first, then what was tried least, so that one message that never arrives
/// does not keep back the others; then the worst, then the oldest.
fn order(group: &Group) -> (bool, u32, Reverse<i64>, i64) {
    let Some(head) = group.first() else {
        return (true, u32::MAX, Reverse(0), i64::MAX);
    };
    (!head.is_sending, head.attempts, Reverse(head.severity), head.seq)
}

fn waiting(transaction: &Transaction<'_>, channel: &str) -> Result<Vec<Waiting>, OutboxError> {
    let sql = "SELECT d.seq, d.message_id, d.incident_id, d.occasion, d.state, d.attempts, d.created, d.not_before,
            d.next_attempt_at, coalesce(i.severity, 0), d.body
        FROM deliveries d LEFT JOIN incidents i USING (incident_id)
        WHERE d.channel = ?1 AND d.state IN ('pending', 'sending') ORDER BY d.seq LIMIT ?2";
    let mut select = transaction.prepare_cached(sql)?;
    let mut rows = select.query(params![channel, LOOKED_AT_MAX])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let is_sending = State::of(&row.get::<_, String>(4)?) == Some(State::Sending);
        let due = row.get::<_, i64>(7)?.max(row.get(8)?);
        waiting.push(Waiting {
            seq: row.get(0)?,
            root: match row.get::<_, String>(2)?.as_str() {
                // A message about no single incident is told alone.
                "" => row.get(1)?,
                incident => root(transaction, incident)?,
            },
            message_id: row.get(1)?,
            channel: channel.to_owned(),
            body: row.get(10)?,
            occasion: row.get(3)?,
            is_sending,
            attempts: row.get(5)?,
            created: Time(row.get(6)?),
            due: if is_sending { Time(i64::MIN) } else { Time(due) },
            severity: row.get(9)?,
        });
    }
    Ok(waiting)
}

fn groups(waiting: Vec<Waiting>) -> Vec<Group> {
    let mut by_root: HashMap<String, Group> = HashMap::new();
    for message in waiting {
        by_root.entry(message.root.clone()).or_default().push(message);
    }
    let mut groups: Vec<Group> = by_root.into_values().collect();
    for group in &mut groups {
        group.sort_by_key(|message| (!message.is_sending, message.seq));
    }
    groups
}

fn hold_name(channel: &str) -> String {
    format!("hold:{channel}")
}
