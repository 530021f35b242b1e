//! What a clock that jumps does to what is found: nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sekisho_formats::YearPolicy;
use sekisho_model::{Origin, Raw, Time};
use sekisho_pipeline::{Frame, FrameBody, Judge, Records};

use crate::context::{Bundle, Loaded};
use crate::judge::LogJudge;
use crate::settings::{self, Environment, Settings};

/// How far the clock jumps, to and fro.
const JUMP: Duration = Duration::from_hours(1);
/// Records between two jumps.
const STEADY: usize = 7;

fn settings() -> Settings {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    let text = format!(
        "zone = \"Asia/Tokyo\"\n[context]\npeople = '{0}/people.csv'\nnetworks = '{0}/networks.csv'\n\
         [geo]\ncity = '{0}/geo/City.mmdb'\nasn = '{0}/geo/ASN.mmdb'\n",
        samples.display()
    );
    settings::parse(&text, &samples.join("sekisho.toml"), &Environment::new()).unwrap()
}

fn judge() -> LogJudge {
    let settings = settings();
    let bundle = Bundle::collect(&settings.context).unwrap();
    let loaded = Loaded::build(&bundle, &settings).unwrap();
    LogJudge::new(settings, bundle.generation(), loaded, YearPolicy::Nearest)
}

fn origin(source: &str) -> Origin {
    Origin {
        tenant: Arc::from("default"),
        source: Arc::from(source),
        label: Arc::from("test"),
        log: Arc::from("spool"),
        backfill: false,
    }
}

/// The records of the leaver, each with the moment at which it happened.
fn records() -> Vec<(Time, Arc<str>, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs/leaver");
    let mut judge = judge();
    let mut records = Vec::new();
    for source in ["entra.signin", "m365.audit"] {
        let text = std::fs::read_to_string(folder.join(format!("{source}.ndjson"))).unwrap();
        for line in text.lines() {
            let mut out = judge.output();
            let raw = Raw {
                origin: &origin(source),
                offset: 0,
                observed: Time::from_secs(1_790_000_000),
                bytes: line.as_bytes(),
            };
            judge.decode(&raw, &mut out);
            let time = out.rows.finish().time(0);
            records.push((time, Arc::from(source), line.as_bytes().to_vec()));
        }
    }
    records.sort();
    records
}

/// Whom which rule is about, when every record comes as it happens by a clock that is wrong by `wrong`;
/// without the rules that are about clocks and records themselves.
fn found(wrong: impl Fn(usize, Time) -> Time) -> BTreeSet<(String, String)> {
    let (mut judge, mut found) = (judge(), BTreeSet::new());
    let mut first = 0;
    for (number, (time, source, bytes)) in records().into_iter().enumerate() {
        let observed = wrong(number, time);
        let bodies = [
            FrameBody::Records(Records {
                origin: origin(&source),
                cursor: None,
                records: vec![bytes],
            }),
            FrameBody::Tick,
        ];
        for body in bodies {
            let frame = Frame { first, observed, body };
            first = frame.end();
            let judged = judge.judge(&[frame]);
            let alerts = judged.findings.alerts.into_iter();
            for update in alerts.filter(|update| update.alert.rule.family != "platform") {
                found.insert((update.alert.rule.id.to_string(), update.alert.entity.name.to_string()));
            }
        }
    }
    found
}

#[test]
fn a_clock_that_jumps_by_an_hour_to_and_fro_changes_nothing_that_is_found() {
    let right = found(|_, time| time);
    assert!(!right.is_empty());
    let jumping = |number: usize, time: Time| match number / STEADY % 3 {
        0 => time,
        1 => time.plus(JUMP),
        _ => time.minus(JUMP),
    };
    assert_eq!(found(jumping), right);
}
