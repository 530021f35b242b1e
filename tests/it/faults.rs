//! What goes wrong around the program. `docs/operations.md` lists every fault, what happens, and its test.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::fs;
use std::thread;
use std::time::Duration;

use crate::load::Load;
use crate::support::{Home, PATIENCE, eventually, get, gzip, post, root, sekisho};
use crate::watch::metrics;

#[test]
fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let home = Home::of_the_firm("");
    let service = home.start();
    let second = sekisho(["run", "-c", &home.config()]);
    assert_eq!(second.status, Some(2), "{second:?}");
    assert!(second.err.contains("is in use by another process"), "{second:?}");

    let body = Load::new().body(0);
    service.ingest(body.source, &body.text);
    home.wait_number(
        "SELECT count(*) FROM events",
        i64::try_from(body.ids.len()).expect("few"),
    );
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn a_wrong_rule_list_or_database_that_is_put_in_place_is_told_and_not_taken() {
    let home = Home::new("");
    let samples = root().join("sample-logs");
    fs::copy(samples.join("people.csv"), home.path("people.csv")).expect("it can be copied");
    fs::copy(samples.join("geo/City.mmdb"), home.path("City.mmdb")).expect("it can be copied");
    fs::create_dir_all(home.path("rules")).expect("a folder can be made");
    let settings = "data = \"data\"\nzone = \"Asia/Tokyo\"\n[listen]\nhttp = \"127.0.0.1:0\"\nsyslog_udp = \"127.0.0.1:0\"\n\
        syslog_tcp = \"127.0.0.1:0\"\n[geo]\ncity = \"City.mmdb\"\n[context]\npeople = \"people.csv\"\nrules = \"rules\"\n\
        [store]\nepoch_secs = 1\n[source.\"entra.signin\"]\nbackfill = true\n";
    fs::write(home.config(), settings).expect("settings can be written");
    let service = home.start();
    let rules = metrics(&service)["sekisho_rules_running"];
    let refusals = |service: &crate::support::Service| service.log().matches("those in force stay").count();

    let database = fs::read(home.path("City.mmdb")).expect("it is there");
    fs::write(home.path("City.mmdb"), &database[..database.len() / 2]).expect("it can be written");
    eventually("half a database is told", || (0 < refusals(&service)).then_some(()));
    fs::write(home.path("City.mmdb"), &database).expect("it can be written");

    thread::sleep(Duration::from_secs(3));
    let before = refusals(&service);
    fs::create_dir_all(home.path("rules/own")).expect("a folder can be made");
    fs::write(home.path("rules/own/rule.yml"), "title: half a rule\ndetection: [").expect("it can be written");
    eventually("a wrong rule is told", || (before < refusals(&service)).then_some(()));
    eventually("the operator can see it", || {
        metrics(&service)
            .get("sekisho_condition{condition=\"rules_wrong\"}")
            .copied()
    });
    assert_eq!(metrics(&service)["sekisho_rules_running"], rules);

    // What was in force still places a sign-in.
    let body = Load::new().body(0);
    service.ingest(body.source, &body.text);
    home.wait_number("SELECT count(*) FROM events WHERE src_country = 'JP'", 1);
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn hostile_records_cost_themselves_and_nothing_else() {
    const MEMORY_MAX: f64 = 512.0 * 1024.0 * 1024.0;
    let home = Home::of_the_firm("");
    let service = home.start();

    // A line of 64 MiB without an end: cut, and what follows is read.
    let mut line = String::from("<86>2026-10-01T00:00:00+00:00 gw1 sshd[77]: ");
    line.push_str(&"x".repeat(64 << 20));
    line.push_str(
        "\n<86>2026-10-01T00:00:01+00:00 gw1 sshd[77]: pam_unix(sshd:session): session closed for user hana\n",
    );
    service.syslog(&line);
    // A hundred megabytes in a hundred kilobytes.
    let bomb = gzip(&vec![b' '; 128 << 20]);
    let answer = post(service.http, "/ingest/auto", &[("content-encoding", "gzip")], &bomb).expect("it answers");
    assert!(answer.status == 400 || answer.status == 413, "{answer:?}");
    // A hundred thousand brackets.
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    service.ingest("entra.signin", &format!("{{\"a\":{deep}}}\n"));
    // Every encoding but the right one, and none at all.
    for text in [
        encoded("SHIFT_JIS", "利用者 山田 がログインしました"),
        encoded("EUC-JP", "利用者 山田 がログインしました"),
        "\u{feff}{\"a\": 1}".encode_utf16().flat_map(u16::to_le_bytes).collect(),
        b"\0\0\0\0".to_vec(),
        vec![0xff, 0xfe, 0xfd, 0xc0, 0x80],
    ] {
        let answer = post(service.http, "/ingest/entra.signin", &[], &text).expect("it answers");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    let body = Load::new().body(0);
    service.ingest(body.source, &body.text);
    let good = "SELECT count(*) FROM events WHERE event_uid IS NOT NULL AND parse_status <> 'unparsed' AND user_name IS NOT NULL";
    home.wait_number(good, 2);
    assert!(home.number("SELECT count(*) FROM rejects") >= 5);
    let memory = metrics(&service)["process_resident_memory_bytes"];
    assert!(memory < MEMORY_MAX, "{memory} bytes");
    assert_eq!(get(service.http, "/readyz").expect("it answers").status, 200);
    assert_eq!(service.stop().0, Some(0));
}

/// Text in an encoding that logs of this country come in.
fn encoded(name: &str, text: &str) -> Vec<u8> {
    let encoding = match name {
        "SHIFT_JIS" => encoding_rs::SHIFT_JIS,
        _ => encoding_rs::EUC_JP,
    };
    encoding.encode(text).0.into_owned()
}

#[test]
fn a_stop_in_the_middle_of_the_work_is_soon_over_and_loses_nothing() {
    let home = Home::of_the_firm("");
    let load = Load::new();
    let service = home.start();
    let http = service.http;
    let sender = thread::spawn(move || {
        let mut taken = 0;
        loop {
            let body = load.body(taken);
            match post(http, &format!("/ingest/{}", body.source), &[], body.text.as_bytes()) {
                Ok(answer) if answer.status == 200 => taken += 1,
                _ => return taken,
            }
        }
    });
    thread::sleep(Duration::from_millis(1_500));
    let (status, took) = service.stop();
    let taken = sender.join().expect("the sender ends");
    assert_eq!(status, Some(0));
    assert!(took < Duration::from_secs(25).min(PATIENCE), "{took:?}");
    assert!(0 < taken);

    // What there was no time to judge before the end waits in the spool, and is judged by the next.
    let service = home.start();
    let load = Load::new();
    let records: usize = (0..taken).map(|number| load.body(number).ids.len()).sum();
    let records = i64::try_from(records).expect("few");
    // The last body may have been taken while its answer was cut off.
    let last = i64::try_from(load.body(taken).ids.len()).expect("few");
    let stored = eventually("all that was taken is stored", || {
        let stored = home.number("SELECT count(*) FROM events");
        (records <= stored).then_some(stored)
    });
    assert!(stored == records || stored == records + last, "{stored} of {records}");
    assert_eq!(service.stop().0, Some(0));
}

#[test]
fn a_followed_file_that_cannot_be_read_is_told_and_read_when_it_can_be() {
    let home = Home::of_the_firm("[[file]]\npath = \"auth.log\"\nsource = \"linux.sshd\"\n");
    let service = home.start();
    let condition = "sekisho_condition{condition=\"file_unreadable\"}";
    eventually("the operator can see it", || metrics(&service).get(condition).copied());
    let line = "2026-10-01T00:00:01+00:00 gw1 sshd[77]: pam_unix(sshd:session): session closed for user hana\n";
    fs::write(home.path("auth.log"), line).expect("it can be written");
    home.wait_number("SELECT count(*) FROM events", 1);
    eventually("it is over", || {
        (!metrics(&service).contains_key(condition)).then_some(())
    });
    assert_eq!(service.stop().0, Some(0));
}
