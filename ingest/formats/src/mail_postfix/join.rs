//! Puts the lines of one mail together.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sekisho_model::{Column, Origin, Raw, Snapshot, Time};
use serde::{Deserialize, Serialize};

use super::SOURCE;
use super::message::{self, Step};
use crate::Output;
use crate::reading::{Class, Reading, Status};

/// How long a mail waits for its next line: Postfix writes them within seconds, and a client may take
/// some minutes to hand in a large mail.
const AGE_MAX: Duration = Duration::from_mins(10);
/// How many mails wait at once: ten minutes of some 13 mails a second; the oldest gives way.
pub(crate) const MAILS_MAX: usize = 8192;
/// How many bytes of its lines a mail keeps: three lines have about 600.
const TEXT_BYTES_MAX: usize = 4096;
/// How many bytes of a single field are kept: a mail address has at most 320, a message id 998.
const FIELD_BYTES_MAX: usize = 1024;
/// The part of a snapshot that holds the mails.
const PART: &str = "mail.postfix.queue";

/// A line, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) raw: &'a Raw<'a>,
    pub(super) host: &'a str,
    pub(super) queue_id: &'a str,
    pub(super) time: Option<Time>,
    pub(super) text: &'a str,
}

/// Queue ids are short and used again; each host counts its own.
type Key = (String, String, String);

/// The mails that wait for a line.
#[derive(Debug, Default)]
pub(super) struct Join {
    mails: BTreeMap<u64, Mail>,
    by_key: HashMap<Key, u64>,
    next: u64,
}

/// What is known of a mail so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mail {
    tenant: String,
    source: String,
    label: String,
    log: String,
    backfill: bool,
    host: String,
    queue_id: String,
    /// Offset of its first line, which names it.
    first: i64,
    /// Offset of its last line.
    last: i64,
    /// When its first line was received.
    opened: Time,
    observed: Time,
    time: Option<Time>,
    client: Option<String>,
    user: Option<String>,
    method: Option<String>,
    local: bool,
    message_id: Option<String>,
    lines: u32,
    text: String,
}

/// What the last line says.
#[derive(Clone, Copy, Debug)]
struct Sent<'a> {
    sender: &'a str,
    size: Option<&'a str>,
    recipients: i64,
}

impl Join {
    /// Takes a line in; returns whether it is now part of a joined row, or of one to come.
    pub(super) fn take(&mut self, line: &Line<'_>, step: &Step<'_>, out: &mut Output) -> bool {
        match *step {
            Step::Client { .. } | Step::Pickup { .. } => {
                self.give_up(line, out);
                self.open(line, step, out);
                true
            }
            Step::MessageId(_) => {
                match self.mail(line) {
                    Some(mail) => mail.add(line, step),
                    None => self.open(line, step, out),
                }
                true
            }
            Step::Active {
                sender,
                size,
                recipients,
            } => match self.remove(line) {
                Some(mut mail) => {
                    mail.add(line, step);
                    mail.write(
                        line.raw,
                        Some(Sent {
                            sender,
                            size,
                            recipients,
                        }),
                        out,
                    );
                    true
                }
                None => false,
            },
        }
    }

    /// Gives out the mail of this queue id, if one waits: nothing more will come.
    pub(super) fn give_up(&mut self, line: &Line<'_>, out: &mut Output) {
        if let Some(mail) = self.remove(line) {
            mail.write_incomplete(line.raw.offset, line.raw.observed, out);
        }
    }

    /// Gives out the mails that have waited too long.
    pub(super) fn tick(&mut self, now: Time, offset: i64, out: &mut Output) {
        while self
            .mails
            .first_key_value()
            .is_some_and(|(_, mail)| mail.opened.plus(AGE_MAX) <= now)
        {
            self.give_up_oldest(offset, now, out);
        }
    }

    /// Gives out every mail, each where its last line stands.
    pub(super) fn flush(&mut self, out: &mut Output) {
        self.by_key.clear();
        for mail in std::mem::take(&mut self.mails).into_values() {
            mail.write_incomplete(mail.last, mail.observed, out);
        }
    }

    /// Saves the mails, the oldest first.
    pub(super) fn snapshot(&self, into: &mut Snapshot) -> Result<(), serde_json::Error> {
        self.mails
            .values()
            .try_for_each(|mail| into.put(PART, mail.queue_id.as_str(), mail))
    }

    /// Goes on from a snapshot.
    pub(super) fn restore(&mut self, from: &Snapshot) {
        *self = Self::default();
        for mail in from
            .part(PART)
            .iter()
            .filter_map(|(_, mail)| serde_json::from_str(mail).ok())
        {
            self.insert(mail);
        }
    }

    fn open(&mut self, line: &Line<'_>, step: &Step<'_>, out: &mut Output) {
        if self.mails.len() >= MAILS_MAX {
            self.give_up_oldest(line.raw.offset, line.raw.observed, out);
        }
        let mut mail = Mail::new(line);
        mail.add(line, step);
        self.insert(mail);
    }

    fn insert(&mut self, mail: Mail) {
        let key = (mail.tenant.clone(), mail.host.clone(), mail.queue_id.clone());
        self.by_key.insert(key, self.next);
        self.mails.insert(self.next, mail);
        self.next += 1;
    }

    fn mail(&mut self, line: &Line<'_>) -> Option<&mut Mail> {
        let place = self.by_key.get(&key(line))?;
        self.mails.get_mut(place)
    }

    fn remove(&mut self, line: &Line<'_>) -> Option<Mail> {
        let place = self.by_key.remove(&key(line))?;
        self.mails.remove(&place)
    }

    fn give_up_oldest(&mut self, offset: i64, now: Time, out: &mut Output) {
        if let Some((_, mail)) = self.mails.pop_first() {
            self.by_key
                .remove(&(mail.tenant.clone(), mail.host.clone(), mail.queue_id.clone()));
            mail.write_incomplete(offset, now, out);
        }
    }
}

fn key(line: &Line<'_>) -> Key {
    (line.raw.origin.tenant.to_string(), cut(line.host), cut(line.queue_id))
}

/// The beginning of a field.
fn cut(text: &str) -> String {
    text.get(..text.floor_char_boundary(FIELD_BYTES_MAX))
        .unwrap_or_default()
        .to_owned()
}

impl Mail {
    fn new(line: &Line<'_>) -> Self {
        let Raw {
            origin,
            offset,
            observed,
            ..
        } = *line.raw;
        Self {
            tenant: origin.tenant.to_string(),
            source: origin.source.to_string(),
            label: origin.label.to_string(),
            log: origin.log.to_string(),
            backfill: origin.backfill,
            host: cut(line.host),
            queue_id: cut(line.queue_id),
            first: offset,
            last: offset,
            opened: observed,
            observed,
            time: line.time,
            client: None,
            user: None,
            method: None,
            local: false,
            message_id: None,
            lines: 0,
            text: String::new(),
        }
    }

    fn add(&mut self, line: &Line<'_>, step: &Step<'_>) {
        self.last = line.raw.offset;
        self.observed = line.raw.observed;
        self.time = line.time.or(self.time);
        self.lines = self.lines.saturating_add(1);
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        if !self.text.is_empty() && room > 0 {
            self.text.push('\n');
        }
        self.text
            .push_str(line.text.get(..line.text.floor_char_boundary(room)).unwrap_or_default());
        match *step {
            Step::Client { source, user, method } => {
                self.client = Some(cut(source));
                self.user = user.map(cut);
                self.method = method.map(cut);
            }
            Step::Pickup { user } => {
                self.user = Some(cut(user));
                self.local = true;
            }
            Step::MessageId(id) => self.message_id = Some(cut(id)),
            Step::Active { .. } => {}
        }
    }

    /// Writes what is known, unless every line of it has a row already.
    fn write_incomplete(&self, offset: i64, observed: Time, out: &mut Output) {
        let signed_in_only = self.lines == 1 && self.user.is_some() && !self.local;
        if signed_in_only {
            return;
        }
        let origin = self.origin();
        self.write(
            &Raw {
                origin: &origin,
                offset,
                observed,
                bytes: &[],
            },
            None,
            out,
        );
    }

    fn write(&self, last: &Raw<'_>, sent: Option<Sent<'_>>, out: &mut Output) {
        let origin = self.origin();
        let raw = Raw {
            origin: &origin,
            bytes: self.text.as_bytes(),
            ..*last
        };
        out.rows.begin(&raw, SOURCE, 0);
        out.rows
            .native_id(&format!("queue:{}:{}:{}", self.log, self.first, self.queue_id));
        if let Some(time) = self.time {
            out.rows.time(Column::Time, time);
        }
        out.rows.text(Column::DstHost, &self.host);
        if sent.is_none() {
            out.rows.partial();
        }
        self.reading(sent).write(&mut out.rows);
        out.rows.end();
    }

    fn reading<'a>(&'a self, sent: Option<Sent<'a>>) -> Reading<'a> {
        let client = self.client.as_deref();
        let mut reading = Reading {
            class: Class::Email,
            // Mail that comes in from strangers is not sent by anybody of ours.
            activity: if self.user.is_some() { "mail_send" } else { "other" },
            action: if sent.is_some() { "queue active" } else { "incomplete" },
            status: if sent.is_some() {
                Status::Success
            } else {
                Status::Unknown
            },
            user: self.user.as_deref(),
            source: client.and_then(message::bracketed),
            protocol: Some(if self.local { "local" } else { "smtp" }),
            method: self.method.as_deref().map(message::method_word),
            resource: self.message_id.as_deref().or(Some(&self.queue_id)),
            count: sent.map(|sent| sent.recipients),
            ..Reading::default()
        };
        reading.keep("queue_id", Some(&self.queue_id));
        reading.keep("client", client);
        reading.keep("sender", sent.map(|sent| sent.sender));
        reading.keep("size", sent.and_then(|sent| sent.size));
        reading.native.push(("lines", Cow::Owned(self.lines.to_string())));
        reading
    }

    fn origin(&self) -> Origin {
        Origin {
            tenant: self.tenant.as_str().into(),
            source: self.source.as_str().into(),
            label: self.label.as_str().into(),
            log: self.log.as_str().into(),
            backfill: self.backfill,
        }
    }
}
