//! The program is killed again and again, as by power cuts: nothing that it acknowledged is lost,
//! nothing is stored twice, and what it finds and tells is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::live::{CHANNELS, SUSPECTS, WEBHOOKS, logs, settle, told};
use crate::load::{Body, Load, id_of, line_of};
use crate::support::{Collector, Home, PATIENCE, Post, Random, eventually, ndjson, post};

/// How often the program is killed under load.
const KILLS: usize = 8;
/// How long it lives before each, in milliseconds: shorter and longer than an epoch.
const LIFE_MS: (u64, u64) = (50, 1_900);
/// How long the sender waits before it sends again what was not acknowledged.
const AGAIN: Duration = Duration::from_millis(20);
/// How long it waits between two bodies.
const PACE: Duration = Duration::from_millis(4);

/// How often messages came again.
fn repeated(posts: &[Post]) -> usize {
    let ids: BTreeSet<&str> = posts.iter().map(|post| post.header("webhook-id")).collect();
    posts.len() - ids.len()
}

#[test]
fn three_incidents_are_told_once_although_the_program_is_killed_between_and_while_telling() {
    let collector = Collector::start();
    let home = Home::with_channels(&collector);
    let mut random = Random::seeded(7);
    let mut kills = 0;
    for log in logs() {
        // Right after the answer, before anything was judged.
        let service = home.start();
        let answer = service.ingest(&log.source, &log.text());
        service.kill();
        assert_eq!(answer.body["accepted"], log.text().lines().count());
        // At any moment of judging and storing.
        let service = home.start();
        thread::sleep(Duration::from_millis(random.between(0, 1_500)));
        service.kill();
        kills += 2;
    }
    let heard = |collector: &Collector| {
        CHANNELS
            .iter()
            .map(|channel| collector.posts(channel).len())
            .sum::<usize>()
    };
    for _ in 0..2 {
        // Right after a message arrived, before its answer is noted.
        let before = heard(&collector);
        let service = home.start();
        let begun = Instant::now();
        while heard(&collector) == before && begun.elapsed() < Duration::from_secs(8) {
            thread::sleep(Duration::from_millis(1));
        }
        service.kill();
        kills += 1;
    }
    let service = home.start();
    settle(&home, &collector);

    for channel in WEBHOOKS {
        let posts = collector.posts(channel);
        let who: Vec<String> = told(&posts).into_iter().map(|(who, _)| who).collect();
        assert_eq!(who, SUSPECTS, "each incident is one incident");
        assert!(
            repeated(&posts) <= kills,
            "{channel}: {} of {}",
            repeated(&posts),
            posts.len()
        );
        let mut seen = BTreeSet::new();
        for post in &posts {
            let again = !seen.insert(post.header("webhook-id").to_owned());
            assert!(
                !again || post.json()["data"]["resent"] == json!(true),
                "what is told again says so: {post:?}"
            );
        }
    }
    assert_eq!(
        home.number("SELECT count(*) - count(DISTINCT event_uid) FROM events"),
        0
    );
    assert_eq!(home.number("SELECT count(*) FROM rejects"), 0);
    assert_eq!(service.stop().0, Some(0));
}

/// Where the service listens at the moment, if it does.
#[derive(Clone, Debug, Default)]
struct Doors {
    http: Arc<Mutex<Option<SocketAddr>>>,
    syslog: Arc<Mutex<Option<SocketAddr>>>,
    stop: Arc<AtomicBool>,
    /// The body that is being sent.
    body: Arc<AtomicU64>,
}

impl Doors {
    fn set(&self, http: Option<SocketAddr>, syslog: Option<SocketAddr>) {
        *self.http.lock().expect("no thread failed") = http;
        *self.syslog.lock().expect("no thread failed") = syslog;
    }

    /// Sends a body until it is acknowledged, as any sender would.
    fn deliver(&self, body: &Body) {
        let begun = Instant::now();
        let path = format!("/ingest/{}", body.source);
        loop {
            let http = *self.http.lock().expect("no thread failed");
            if let Some(Ok(answer)) = http.map(|http| post(http, &path, &[], body.text.as_bytes()))
                && answer.status == 200
            {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody takes a body");
            thread::sleep(AGAIN);
        }
    }

    /// Sends bodies until it is told to stop; how many.
    fn deliver_all(&self) -> u64 {
        let load = Load::new();
        let mut sent = 0;
        while !self.stop.load(Ordering::SeqCst) {
            self.body.store(sent, Ordering::SeqCst);
            self.deliver(&load.body(sent));
            sent += 1;
            thread::sleep(PACE);
        }
        sent
    }

    /// Sends syslog lines until it is told to stop; how many it tried to send. Nobody acknowledges
    /// them, so what is in the sockets when the program dies is lost.
    fn chatter(&self) -> u64 {
        let (mut stream, mut sent) = (None, 0);
        while !self.stop.load(Ordering::SeqCst) {
            thread::sleep(PACE);
            if stream.is_none() {
                let address = *self.syslog.lock().expect("no thread failed");
                stream = address.and_then(|address| TcpStream::connect(address).ok());
                continue;
            }
            let line = Load::line(self.body.load(Ordering::SeqCst), sent);
            let written = stream
                .as_mut()
                .map(|stream: &mut TcpStream| stream.write_all(line.as_bytes()));
            if !matches!(written, Some(Ok(()))) {
                stream = None;
            }
            sent += 1;
        }
        sent
    }
}

/// Which alerts there are, by rule and by whom they are about, and on which events each rests.
type Alerts = BTreeMap<(String, String), Vec<BTreeSet<String>>>;

/// What was found, without what depends on the moment. A row of `alerts` is a change of an alert, with
/// the events that it added.
fn findings(home: &Home) -> Alerts {
    let mut alerts: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    for row in home.rows("SELECT rule_id, entity, alert_id, evidence FROM alerts") {
        let text = |name: &str| {
            row[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name}: {row}"))
                .to_owned()
        };
        let evidence = ndjson(&text("evidence")).remove(0);
        let uids = evidence.as_array().expect("evidence is a list").iter();
        let uids = uids.filter_map(|event| Some(event["event_uid"].as_str()?.to_owned()));
        alerts
            .entry((text("rule_id"), text("entity"), text("alert_id")))
            .or_default()
            .extend(uids);
    }
    let mut found = Alerts::new();
    for ((rule, entity, _), evidence) in alerts {
        found.entry((rule, entity)).or_default().push(evidence);
    }
    for alerts in found.values_mut() {
        alerts.sort();
    }
    found
}

/// Each acknowledged record is stored exactly once, and nothing else is.
fn assert_stored(home: &Home, bodies: u64) {
    let load = Load::new();
    let sent: BTreeSet<String> = (0..bodies).flat_map(|number| load.body(number).ids).collect();
    let rows = home.rows("SELECT raw FROM events WHERE source IN ('entra.signin', 'm365.audit')");
    let stored: Vec<String> = rows.iter().filter_map(|row| row["raw"].as_str().map(id_of)).collect();
    let unique: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(
        sent.difference(&unique).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "acknowledged, but lost"
    );
    assert_eq!(
        unique.difference(&sent).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "never sent"
    );
    assert_eq!(stored.len(), sent.len(), "stored twice");
    assert_eq!(
        home.number("SELECT count(*) - count(DISTINCT event_uid) FROM events"),
        0
    );
    assert_eq!(home.number("SELECT count(*) FROM rejects"), 0);
}

fn wait_stored(home: &Home, bodies: u64) {
    let load = Load::new();
    let records: usize = (0..bodies).map(|number| load.body(number).ids.len()).sum();
    let records = i64::try_from(records).expect("there are few");
    home.wait_number(
        "SELECT count(*) FROM events WHERE source IN ('entra.signin', 'm365.audit')",
        records,
    );
}

/// The same bodies, in peace.
fn reference(bodies: u64) -> Alerts {
    let home = Home::of_the_firm("");
    let service = home.start();
    let doors = Doors::default();
    doors.set(Some(service.http), None);
    let load = Load::new();
    for number in 0..bodies {
        doors.deliver(&load.body(number));
    }
    wait_stored(&home, bodies);
    assert_eq!(service.stop().0, Some(0));
    findings(&home)
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_and_the_same_is_found_although_the_program_is_killed_under_load() {
    let home = Home::of_the_firm("");
    let doors = Doors::default();
    let (sender, chatter) = (doors.clone(), doors.clone());
    let sender = thread::spawn(move || sender.deliver_all());
    let chatter = thread::spawn(move || chatter.chatter());
    let mut random = Random::seeded(2_026);
    for _ in 0..KILLS {
        let service = home.start();
        doors.set(Some(service.http), Some(service.syslog_tcp));
        thread::sleep(Duration::from_millis(random.between(LIFE_MS.0, LIFE_MS.1)));
        service.kill();
        doors.set(None, None);
    }
    let service = home.start();
    doors.set(Some(service.http), Some(service.syslog_tcp));
    let enough = doors.body.load(Ordering::SeqCst) + 100;
    eventually("the last life takes bodies too", || {
        (doors.body.load(Ordering::SeqCst) >= enough).then_some(())
    });
    doors.stop.store(true, Ordering::SeqCst);
    let bodies = sender.join().expect("the sender ends");
    let lines = chatter.join().expect("the other sender ends");
    wait_stored(&home, bodies);
    assert_eq!(service.stop().0, Some(0));

    assert_stored(&home, bodies);
    let users = home.rows("SELECT user_name FROM events WHERE source = 'linux.sshd'");
    let stored: Vec<u64> = users
        .iter()
        .filter_map(|row| line_of(row["user_name"].as_str()?))
        .collect();
    assert_eq!(stored.len(), users.len());
    assert!(stored.iter().all(|&line| line < lines));
    assert_eq!(
        stored.iter().collect::<BTreeSet<_>>().len(),
        stored.len(),
        "a line is stored twice"
    );
    assert!(!stored.is_empty(), "lines arrive too");

    let found = findings(&home);
    let rules: BTreeSet<&str> = found.keys().map(|(rule, _)| rule.as_str()).collect();
    assert!(rules.contains("SK-202") && rules.contains("SK-504"), "{rules:?}");
    let expected = reference(bodies);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (alert, evidence) in &found {
        assert_eq!(evidence, &expected[alert], "{alert:?} rests on the same events");
    }
    eprintln!(
        "{bodies} bodies, {} of {lines} lines, {} alerts",
        stored.len(),
        found.len()
    );
}
