//! From what somebody does to a record, with when it arrives.

use crate::addresses::Line;
use crate::calendar::{MINUTE, Millis, SECOND};
use crate::random::{Random, cut};
use crate::vendor::entra::SignIn;
use crate::vendor::fortigate::Tunnel;
use crate::vendor::m365::Deed;
use crate::vendor::sshd::Attempt;
use crate::vendor::web::Request;
use crate::vendor::{Account, Client, Event, Outcome, Source, entra, fortigate, google, m365, sshd, web};

/// What is true of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Somebody of the firm, at work; or a visitor of its site.
    Ordinary,
    /// What everybody on the Internet is tried with all day, and which leads nowhere.
    Weather,
    /// Part of the attack of this number.
    Attack(u32),
}

/// A record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What wrote it.
    pub source: Source,
    /// When it happened, in milliseconds since the epoch; a source's clock may tell another time.
    pub happened: i64,
    /// When it arrives.
    pub arrives: i64,
    /// The line, without its end.
    pub line: String,
    /// What is true of it.
    pub label: Label,
}

/// Who does something, when and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing<'a> {
    pub(crate) time: Millis,
    pub(crate) account: &'a Account,
    pub(crate) line: &'a Line,
    pub(crate) client: &'a Client,
    pub(crate) session: &'a str,
    pub(crate) label: Label,
}

/// Takes down what happens.
#[derive(Debug)]
pub(crate) struct Recorder {
    seed: u64,
    pub(crate) records: Vec<Record>,
}

impl Recorder {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            records: Vec::new(),
        }
    }

    /// A sign-in to Microsoft's cloud.
    pub(crate) fn entra(&mut self, doing: &Doing<'_>, sign_in: SignIn) {
        self.cloud(Source::EntraSignin, doing, |event| entra::sign_in(event, &sign_in));
    }

    /// A sign-in to Google's.
    pub(crate) fn google(&mut self, doing: &Doing<'_>, outcome: Outcome) {
        self.cloud(Source::GoogleLogin, doing, |event| google::sign_in(event, outcome));
    }

    /// Something done in Microsoft's cloud.
    pub(crate) fn m365(&mut self, doing: &Doing<'_>, deed: &Deed) {
        self.cloud(Source::M365Audit, doing, |event| m365::record(event, deed));
    }

    fn cloud(&mut self, source: Source, doing: &Doing<'_>, line: impl FnOnce(&Event<'_>) -> String) {
        let mut random = self.next_random();
        let event = Event {
            time: doing.time,
            account: doing.account,
            ip: doing.line.ip(&mut random),
            client: doing.client,
            session: doing.session,
            id: random.guid(),
        };
        self.put(source, doing.time, line(&event), doing.label);
    }

    /// Something at the VPN.
    pub(crate) fn tunnel(&mut self, time: Millis, line: &Line, tunnel: Tunnel<'_>, label: Label) {
        let ip = line.ip(&mut self.next_random());
        self.put(Source::FortigateEvent, time, fortigate::record(time, ip, tunnel), label);
    }

    /// A sign-in to the server.
    pub(crate) fn ssh(&mut self, time: Millis, line: &Line, (user, attempt): (&str, Attempt), label: Label) {
        let mut random = self.next_random();
        let ip = line.ip(&mut random);
        let port = u16::try_from(random.whole(20_000, 60_000)).unwrap_or_default();
        self.put(
            Source::LinuxSshd,
            time,
            sshd::line(time, ip, user, attempt, port),
            label,
        );
    }

    /// A request to the web server.
    pub(crate) fn web(&mut self, time: Millis, line: &Line, request: &Request<'_>, label: Label) {
        let ip = line.ip(&mut self.next_random());
        self.put(Source::WebCombined, time, web::line(time, ip, request), label);
    }

    /// Numbers for the next record: its own, whatever was recorded before.
    fn next_random(&self) -> Random {
        let count = u64::try_from(self.records.len()).unwrap_or_default();
        Random::of(self.seed, &[0x4ec, count])
    }

    fn put(&mut self, source: Source, happened: Millis, line: String, label: Label) {
        let mut random = self.next_random();
        let arrives = happened + lag(source, &mut random).max(0);
        self.records.push(Record {
            source,
            happened,
            arrives,
            line,
            label,
        });
    }
}

/// How long a record takes. The clouds write their logs late: Entra some minutes, Google up to three
/// hours, the audit log of Microsoft 365 an hour and sometimes half a day.
fn lag(source: Source, random: &mut Random) -> Millis {
    let minutes = |minutes: f64| cut(minutes * 60_000.0);
    match source {
        Source::EntraSignin if random.chance(0.05) => minutes(random.between(30.0, 90.0)),
        Source::EntraSignin => minutes(random.exponential(5.0)),
        Source::GoogleLogin if random.chance(0.1) => minutes(random.between(60.0, 180.0)),
        Source::GoogleLogin => minutes(random.exponential(20.0)),
        Source::M365Audit if random.chance(0.03) => minutes(random.between(120.0, 720.0)),
        Source::M365Audit => 15 * MINUTE + minutes(random.exponential(30.0)),
        Source::FortigateEvent | Source::LinuxSshd | Source::WebCombined => SECOND + minutes(random.exponential(0.02)),
    }
}
