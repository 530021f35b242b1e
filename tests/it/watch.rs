//! The service tells how it is: metrics, readiness, what is wrong, and that nothing went missing.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::load::Load;
use crate::support::{Collector, Home, KEY, Random, Service, eventually, get, get_text, post, sekisho};

/// The metrics of a service, by name and labels as they are written.
pub(crate) fn metrics(service: &Service) -> BTreeMap<String, f64> {
    let (status, text) = get_text(service.http, "/metrics", &[]).expect("it answers");
    assert_eq!(status, 200, "{text}");
    parse(&text)
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    let value = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a line has a value");
        (name.to_owned(), value.parse().expect("it is a number"))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(value).collect()
}

fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    let with_labels = format!("{name}{{");
    let of_name = |(key, _): &(&String, &f64)| *key == name || key.starts_with(&with_labels);
    metrics.iter().filter(of_name).map(|(_, value)| value).sum()
}

/// Waits until everything that came is in the tables; the metrics then.
fn drained(service: &Service) -> BTreeMap<String, f64> {
    eventually("everything is stored", || {
        let metrics = metrics(service);
        let open = sum(&metrics, "sekisho_epoch_rows") + sum(&metrics, "sekisho_records_in_hand");
        let waiting = sum(&metrics, "sekisho_spool_records_waiting");
        (open == 0.0 && waiting <= 2.0).then_some(metrics)
    })
}

fn assert_nothing_missing(metrics: &BTreeMap<String, f64>) {
    let errors: Vec<_> = metrics
        .iter()
        .filter(|(name, _)| name.starts_with("sekisho_conservation_error"))
        .collect();
    assert_eq!(errors.len(), 4, "each step is told");
    assert!(errors.iter().all(|(_, error)| **error == 0.0), "{errors:?}");
}

#[test]
fn the_metrics_tell_what_went_where() {
    let home = Home::of_the_firm("");
    let service = home.start();
    eventually("it is ready", || {
        get(service.http, "/readyz").ok().filter(|answer| answer.status == 200)
    });
    let load = Load::new();
    for number in 0..20 {
        let body = load.body(number);
        service.ingest(body.source, &body.text);
        // A body that comes again, and records that come again in another body.
        service.ingest(body.source, &body.text);
        service.ingest(body.source, &format!("{}\n", body.text));
    }
    service.ingest("okta.system", "no JSON\nnor this\n");
    service
        .syslog("<86>2026-10-01T00:00:00+00:00 gw1 sshd[77]: pam_unix(sshd:session): session closed for user hana\n");
    let unknown = post(service.http, "/ingest/nobody", &[], b"{}").expect("it answers");
    assert_eq!(unknown.status, 404);

    let metrics = drained(&service);
    let records: usize = (0..20).map(|number| load.body(number).ids.len()).sum();
    let records = f64::from(u32::try_from(records).expect("there are few"));
    let of = |name: &str| {
        metrics
            .get(name)
            .copied()
            .unwrap_or_else(|| panic!("no {name} in {metrics:#?}"))
    };
    assert_eq!(of("sekisho_records_repeated_total{door=\"http\"}"), records);
    assert_eq!(
        of("sekisho_records_accepted_total{door=\"http\",source=\"okta.system\"}"),
        2.0
    );
    assert_eq!(
        of("sekisho_records_accepted_total{door=\"syslog_tcp\",source=\"linux.sshd\"}"),
        1.0
    );
    assert_eq!(
        of("sekisho_records_refused_total{door=\"http\",reason=\"unknown_source\"}"),
        1.0
    );
    assert_eq!(of("sekisho_records_rejected_total{source=\"okta.system\"}"), 2.0);
    assert_eq!(of("sekisho_rows_duplicate_total"), records);
    assert_eq!(of("sekisho_records_stored_total"), records + 3.0);
    assert_eq!(
        sum(&metrics, "sekisho_records_received_total"),
        3.0 * records + 2.0 + 1.0 + 1.0
    );
    assert!(of("sekisho_rules_running") > 0.0 && of("sekisho_rules_problems") == 0.0);
    assert!(of("sekisho_lane_running") == 1.0 && of("sekisho_spool_failed") == 0.0);
    assert!(of("process_resident_memory_bytes") > 1e6);
    assert!(of("sekisho_newest_event_timestamp_seconds{source=\"entra.signin\"}") > 1.79e9);
    assert_nothing_missing(&metrics);
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn metrics_are_for_the_machine_itself_and_for_a_token_of_theirs() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let ask = |headers: &[(&str, &str)]| get_text(service.http, "/metrics", headers).expect("it answers").0;
    assert_eq!(ask(&[]), 200);
    assert_eq!(ask(&[("x-forwarded-for", "192.0.2.7")]), 401);
    let token = sekisho(["token", "new", "-c", &home.config(), "metrics"]).ok();
    let bearer = format!("Bearer {}", token.trim());
    let header = [("x-forwarded-for", "192.0.2.7"), ("authorization", bearer.as_str())];
    eventually("the token counts", || (ask(&header) == 200).then_some(()));
    // It opens nothing else, and closes nothing.
    let posted = |headers: &[(&str, &str)]| {
        post(service.http, "/ingest/auto", headers, b"{}")
            .expect("it answers")
            .status
    };
    assert_eq!(posted(&[]), 200);
    for page in ["/healthz", "/readyz"] {
        let answer = get_text(service.http, page, &[("x-forwarded-for", "192.0.2.7")]).expect("it answers");
        assert_eq!(answer.0, 200, "{page}: {}", answer.1);
    }
}

#[test]
fn nothing_is_missing_in_the_count_after_kills_under_load() {
    const KILLS: u64 = 4;
    let home = Home::of_the_firm("");
    let load = Load::new();
    let mut random = Random::seeded(77);
    let (mut number, mut unreadable) = (0, 0);
    let mut service = home.start();
    for _ in 0..KILLS {
        for _ in 0..random.between(20, 60) {
            let body = load.body(number);
            service.ingest(body.source, &body.text);
            if number % 5 == 0 {
                // The same records in another body: duplicates; and one that nobody can read.
                service.ingest(body.source, &format!("{}\n", body.text));
                service.ingest("okta.system", &format!("no JSON {number}\n"));
                unreadable += 1;
            }
            number += 1;
        }
        thread::sleep(Duration::from_millis(random.between(0, 1_500)));
        service.kill();
        service = home.start();
    }
    service.ingest("okta.system", "no JSON at last\n");
    unreadable += 1;
    drained(&service);
    // The law is told after two looks.
    eventually("the law was looked at", || {
        let log = service.log();
        assert!(!log.contains("missing in the count"), "{log}");
        let up = metrics(&service);
        let now = up["process_start_time_seconds"] + 25.0;
        (jiff::Timestamp::now().as_duration().as_secs_f64() > now).then_some(())
    });
    assert_nothing_missing(&metrics(&service));
    assert_eq!(service.stop().0, Some(0));

    let records: usize = (0..number).map(|number| load.body(number).ids.len()).sum();
    let records = i64::try_from(records).expect("there are few");
    let sources = "source IN ('entra.signin', 'm365.audit')";
    assert_eq!(
        home.number(&format!("SELECT count(*) FROM events WHERE {sources}")),
        records
    );
    assert_eq!(home.number("SELECT count(DISTINCT event_uid) FROM events"), records);
    assert_eq!(home.number("SELECT count(*) FROM rejects"), unreadable);
}

#[test]
fn many_rejects_of_one_record_hide_none_that_come_after() {
    let home = Home::of_the_firm("");
    let config = home.config();
    let service = home.start();
    let events: Vec<String> = (0..1_100)
        .map(|number| format!(r#"{{"id":"{number}","timestamp":1790000000000,"message":"nobody reads {number}"}}"#))
        .collect();
    let record = format!(
        r#"{{"messageType":"DATA_MESSAGE","logStream":"s","logEvents":[{}]}}"#,
        events.join(",")
    );
    service.ingest("auto", &record);
    service.ingest("auto", "nor this, which is later\n");
    home.wait_number("SELECT count(*) FROM rejects", 1_101);

    let ids = sekisho(["rejects", "list", "-c", &config, "--ids"]).ok();
    assert!(ids.contains("nor this, which is later"), "{ids}");
    let dropped = sekisho(["rejects", "drop", "-c", &config, "--all"]);
    assert!(dropped.err.contains("1101 dropped"), "{dropped:?}");
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn what_could_not_be_read_is_listed_shown_replayed_once_and_dropped() {
    let home = Home::of_the_firm("");
    let config = home.config();
    let service = home.start();
    let load = Load::new();
    // Sign-ins that somebody sends under a wrong name, and what no format reads.
    let bodies: String = (0..10).step_by(2).map(|number| load.body(number).text).collect();
    let count = bodies.lines().count();
    service.ingest("web.combined", &bodies);
    service.ingest("web.combined", "\u{1b}]0;title\u{7} <!channel>\n");
    home.wait_number("SELECT count(*) FROM rejects", i64::try_from(count + 1).expect("few"));

    let rejects = |args: &[&str]| {
        let mut all = vec!["rejects", args[0], "-c", &config];
        all.extend(&args[1..]);
        sekisho(all)
    };
    let listed = rejects(&["list"]).ok();
    assert!(
        listed.lines().count() >= 2 && listed.contains("web.combined"),
        "{listed}"
    );
    let ids = rejects(&["list", "--ids"]).ok();
    assert_eq!(ids.lines().count(), count + 2, "{ids}");
    let hostile = ids
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().next())
        .expect("it is the newest");
    let shown = rejects(&["show", hostile]).ok();
    assert!(
        shown.contains("state     open") && shown.contains("<!channel>"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "what is hostile does not act: {shown:?}");

    // Nobody can read them as what they are not.
    let as_they_are = rejects(&["replay", "--source", "web.combined"]);
    assert_eq!(as_they_are.status, Some(1), "{as_they_are:?}");
    assert!(
        as_they_are.err.contains(&format!("0 of {} can be read now", count + 1)),
        "{as_they_are:?}"
    );
    assert_eq!(rejects(&["replay"]).status, Some(2), "what is meant has to be said");

    let replayed = rejects(&["replay", "--all", "--as", "entra.signin"]);
    assert_eq!(replayed.status, Some(1), "one stays: {replayed:?}");
    assert!(
        replayed
            .err
            .contains(&format!("{count} of {} can be read now", count + 1)),
        "{replayed:?}"
    );
    assert!(replayed.err.contains("the service took them"), "{replayed:?}");
    let signed_in = "SELECT count(*) FROM events WHERE source = 'entra.signin'";
    home.wait_number(signed_in, i64::try_from(count).expect("few"));
    let again = rejects(&["replay", "--all", "--as", "entra.signin"]);
    assert!(
        again.err.contains("0 of 1 can be read now"),
        "once is enough: {again:?}"
    );

    // Over a restart too.
    service.kill();
    let service = home.start();
    assert_eq!(rejects(&["drop", hostile]).status, Some(0));
    assert_eq!(rejects(&["drop", hostile]).status, Some(2));
    assert_eq!(rejects(&["list", "--ids"]).ok().lines().count(), 1);
    let all = rejects(&["list", "--ids", "--all"]).ok();
    assert_eq!(all.matches("replayed").count(), count, "{all}");
    assert_eq!(all.matches("dropped").count(), 1, "{all}");
    drained(&service);
    assert_eq!(home.number(signed_in), i64::try_from(count).expect("few"));
    assert_eq!(service.stop().0, Some(0));
}

/// A server that has no such page.
fn not_found() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = vec![0; 65_536];
            if stream.read(&mut request).is_ok() {
                let answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).ok();
            }
        }
    });
    address
}

#[test]
fn a_channel_that_fails_is_told_by_another_and_only_once() {
    let collector = Collector::start();
    let channel = |name: &str, url: &str, more: &str| {
        format!(
            "[[channel]]\nname = \"{name}\"\ntype = \"webhook\"\nurl = \"{url}\"\nsecret = \"{KEY}\"\nmin_level = \"high\"\n{more}"
        )
    };
    let broken = format!("http://{}/gone", not_found());
    let home = Home::of_the_firm(
        &[
            channel("chat", &broken, ""),
            channel("it", &collector.url("it"), "operator = true\nlang = \"ja\"\n"),
        ]
        .concat(),
    );
    let service = home.start();
    for log in crate::live::logs() {
        crate::live::send(&service, &log);
    }
    let of_operator = |posts: &[crate::support::Post], kind: &str| {
        posts.iter().filter(|post| post.json()["type"] == json!(kind)).count()
    };
    let posts = collector.wait("it", "the operator is told", |posts| {
        of_operator(posts, "operator.began") == 1
    });
    let told = posts
        .iter()
        .find(|post| post.json()["type"] == json!("operator.began"))
        .expect("there is one");
    assert!(told.is_signed());
    let text = told.json().to_string();
    assert!(
        text.contains("通知がチャンネルに届いていません") && text.contains("chat"),
        "{text}"
    );
    let condition = "sekisho_condition{condition=\"channel_failing\"}";
    assert_eq!(metrics(&service).get(condition), Some(&1.0));

    service.kill();
    let service = home.start();
    eventually("it is seen again", || metrics(&service).get(condition).copied());
    assert_eq!(
        of_operator(&collector.posts("it"), "operator.began"),
        1,
        "what was told is known"
    );
    assert_eq!(service.stop().0, Some(0));
}
