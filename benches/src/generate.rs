//! Logs of a firm of 500 people on working days: who signs in from where, and 5 % failures.
//!
//! The events of each source stand in a file of templates, with how many of a hundred they are: an
//! event is one record or the several lines that one thing makes. What stands between `@` is a value
//! that is the same in all lines of an event.

mod random;
mod template;
mod value;

use std::collections::VecDeque;

use random::Random;
use template::{Template, templates};
use value::Event;

/// Monday, 2026-11-16, 09:00 in Tokyo.
const BEGIN_MILLIS: i64 = 1_794_787_200_000;
/// Milliseconds in a day.
const DAY_MILLIS: i64 = 86_400_000;

/// What wrote a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Microsoft Entra sign-in logs.
    EntraSignin,
    /// Microsoft 365 unified audit log.
    M365Audit,
    /// OpenSSH server, sudo and cron.
    LinuxSshd,
    /// Postfix mail server; a mail is seven lines.
    MailPostfix,
    /// Dovecot IMAP server.
    MailDovecot,
    /// nginx or Apache access log.
    WebCombined,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 6] = [
        Self::EntraSignin,
        Self::M365Audit,
        Self::LinuxSshd,
        Self::MailPostfix,
        Self::MailDovecot,
        Self::WebCombined,
    ];

    /// Its parser id.
    pub fn id(self) -> &'static str {
        match self {
            Self::EntraSignin => "entra.signin",
            Self::M365Audit => "m365.audit",
            Self::LinuxSshd => "linux.sshd",
            Self::MailPostfix => "mail.postfix",
            Self::MailDovecot => "mail.dovecot",
            Self::WebCombined => "web.combined",
        }
    }

    /// The source of that parser id.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.id() == id)
    }

    /// Whether a record is a JSON object.
    pub fn is_json(self) -> bool {
        matches!(self, Self::EntraSignin | Self::M365Audit)
    }

    /// How many events a firm of 500 people makes a day.
    fn events_a_day(self) -> i64 {
        match self {
            Self::EntraSignin => 40_000,
            Self::M365Audit => 100_000,
            Self::LinuxSshd => 2_000,
            Self::MailPostfix => 8_000,
            Self::MailDovecot => 15_000,
            Self::WebCombined => 150_000,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::EntraSignin => include_str!("generate/entra.signin.txt"),
            Self::M365Audit => include_str!("generate/m365.audit.txt"),
            Self::LinuxSshd => include_str!("generate/linux.sshd.txt"),
            Self::MailPostfix => include_str!("generate/mail.postfix.txt"),
            Self::MailDovecot => include_str!("generate/mail.dovecot.txt"),
            Self::WebCombined => include_str!("generate/web.combined.txt"),
        }
    }
}

/// A record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What wrote it.
    pub source: Source,
    /// When, in milliseconds since the epoch.
    pub millis: i64,
    /// The line, without its end.
    pub line: String,
}

/// The log of one source, without end.
#[derive(Debug)]
pub struct Log {
    source: Source,
    random: Random,
    templates: Vec<Template>,
    /// When the next event happens.
    millis: i64,
    waiting: VecDeque<Record>,
}

impl Log {
    /// The log of `source` that begins with this seed.
    pub fn new(source: Source, seed: u64) -> Self {
        Self {
            source,
            random: Random::new(seed),
            templates: templates(source.text()),
            millis: BEGIN_MILLIS,
            waiting: VecDeque::new(),
        }
    }

    /// When the next record is of.
    fn next_millis(&self) -> i64 {
        self.waiting.front().map_or(self.millis, |record| record.millis)
    }

    fn event(&mut self) {
        let mut share = self.random.below(100);
        let template = self.templates.iter().find(|template| {
            let chosen = share < template.share;
            share = share.saturating_sub(template.share);
            chosen
        });
        let event = Event::new(self.random.next(), self.millis);
        let lines = template.into_iter().flat_map(|template| template.fill(&event));
        let record = |line| Record {
            source: self.source,
            millis: self.millis,
            line,
        };
        self.waiting.extend(lines.map(record));
        let gap = DAY_MILLIS / self.source.events_a_day();
        self.millis += i64::try_from(self.random.below(u64::try_from(2 * gap).unwrap_or(1))).unwrap_or(gap);
    }
}

impl Iterator for Log {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.waiting.is_empty() {
            self.event();
        }
        self.waiting.pop_front()
    }
}

/// The logs of all sources as one, in the order of time, without end.
#[derive(Debug)]
pub struct Mix {
    logs: Vec<Log>,
}

impl Mix {
    /// The logs that begin with this seed.
    pub fn new(seed: u64) -> Self {
        let logs = Source::ALL
            .into_iter()
            .zip(seed..)
            .map(|(source, seed)| Log::new(source, seed));
        Self { logs: logs.collect() }
    }
}

impl Iterator for Mix {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.logs
            .iter_mut()
            .min_by_key(|log| log.next_millis())
            .and_then(Iterator::next)
    }
}

/// The people list of the firm, as CSV with a header.
pub fn people_csv() -> String {
    let rows = (0..value::PEOPLE).map(|person| {
        let user = value::login(person);
        format!("{user}@example.co.jp,{user},member,2020-04-01,,{}\n", person % 50 == 0)
    });
    std::iter::once("user,aliases,kind,joined,left,privileged\n".to_owned())
        .chain(rows)
        .collect()
}

#[cfg(test)]
mod tests {
    use sekisho_formats::{Decoder, Settings, YearPolicy};
    use sekisho_model::{Column, Origin, Projection, Raw, Time};

    use super::*;

    /// Decodes the first records of a log; the share of rows that are failed, in percent.
    fn failures(source: Source) -> usize {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        let settings = Settings {
            zone,
            year: YearPolicy::Nearest,
            trusted_proxies: Vec::new(),
            maps: Vec::new(),
        };
        let mut decoder = Decoder::new(settings, Projection::default());
        let mut out = decoder.output();
        let origin = Origin {
            tenant: "default".into(),
            source: source.id().into(),
            label: "test".into(),
            log: "test".into(),
            backfill: false,
        };
        for (offset, record) in (0..).zip(Log::new(source, 1).take(1_500)) {
            let observed = Time::from_millis(record.millis);
            let raw = Raw {
                origin: &origin,
                offset,
                observed,
                bytes: record.line.as_bytes(),
            };
            assert!(
                !record.line.contains('@') || !record.line.split('@').any(is_name),
                "{}",
                record.line
            );
            decoder.decode(&raw, &mut out);
            assert!(out.rejects.is_empty(), "{}: {:?}", record.line, out.rejects);
        }
        decoder.flush(&mut out);
        let batch = out.rows.finish();
        let of = |column, value| {
            (0..batch.len())
                .filter(|row| batch.int(column, *row) == Some(value))
                .count()
        };
        for row in 0..batch.len() {
            let raw = batch.text(Column::Raw, row).unwrap();
            assert_eq!(batch.text(Column::ParseStatus, row), Some("ok"), "{raw}");
            assert!(
                batch.time(row).distance(Time::from_millis(BEGIN_MILLIS)).as_secs() < 5 * 86_400,
                "{raw}"
            );
        }
        100 * of(Column::StatusId, 2) / batch.len()
    }

    /// Whether a text looks like the name of a value.
    fn is_name(text: &str) -> bool {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    #[test]
    fn every_record_is_read_in_full_and_a_few_in_a_hundred_failed() {
        for source in Source::ALL {
            let failed = failures(source);
            assert!((1..=8).contains(&failed), "{}: {failed} %", source.id());
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_logs_in_the_order_of_time() {
        let logs: Vec<Record> = Mix::new(7).take(5_000).collect();
        assert_eq!(logs, Mix::new(7).take(5_000).collect::<Vec<_>>());
        assert_ne!(logs, Mix::new(8).take(5_000).collect::<Vec<_>>());
        assert!(logs.is_sorted_by_key(|record| record.millis));
        assert!(
            Source::ALL
                .iter()
                .all(|source| logs.iter().any(|record| record.source == *source))
        );
    }

    #[test]
    fn the_firm_has_500_people() {
        let csv = people_csv();
        let mut users: Vec<&str> = csv.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        users.sort_unstable();
        users.dedup();
        assert_eq!(users.len(), 500);
    }
}
