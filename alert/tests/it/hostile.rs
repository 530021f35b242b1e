//! Strings that somebody may put into a log, through every renderer.

use std::sync::Arc;

use sekisho_alert::channel::webhook::{BODY_BYTES_MAX, Content};
use sekisho_alert::channel::{slack, terminal, webhook};
use sekisho_alert::text::Telling;
use sekisho_alert::untrusted::to_json;
use sekisho_alert::{AlertLine, Case, CaseAlert, Message};
use sekisho_model::{Bilingual, Entity, EntityKind, Evidence, Lang, Occasion, RuleInfo, Severity};
use serde_json::{Value, json};

use crate::support::{START, alert, incident};

/// One JSON string a line; `×10000` after it repeats it.
const CORPUS: &str = include_str!("hostile.txt");

fn corpus() -> Vec<String> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (text, times) = line
                .rsplit_once(" ×")
                .map_or((line, 1), |(text, times)| (text, times.parse().unwrap()));
            serde_json::from_str::<String>(text).expect(line).repeat(times)
        })
        .collect()
}

/// An incident with the text everywhere a log can bring it.
fn case(kind: &str, text: &str) -> Case {
    let mut found = alert("a1", "i1", &["e1"]);
    let entity = Entity {
        kind: EntityKind::Source,
        name: text.into(),
    };
    let some = Some(text.to_owned());
    found.evidence = vec![
        Evidence {
            event_uid: "e0".into(),
            time: START,
            src_country: Some("JP".into()),
            ..Evidence::default()
        },
        Evidence {
            event_uid: "e1".into(),
            time: START,
            observed: START,
            source: text.to_owned(),
            activity: text.to_owned(),
            status_id: 1,
            user_name: some.clone(),
            src_ip: some.clone(),
            src_country: some.clone(),
            src_city: some.clone(),
            src_as_org: some.clone(),
            src_net_kind: some.clone(),
            target: some.clone(),
            resource: some.clone(),
            user_agent: some.clone(),
            mfa_result: some,
            item_count: None,
            privileged: false,
        },
    ];
    found.alert.facts = serde_json::from_value(json!({
        "count": 3, "window_secs": 60, "threshold": 2, "distinct": 4, "sum": 5, "field": text, "group": {"user_name": text},
        "rules": [text, text], "from_city": text, "from_country": text, "from_ip": text, "from_as_org": text,
        "to_city": text, "to_country": text, "to_time": text, "left": text, "local_time": text, "office_state": text,
        "from_net_kind": text,
    }))
    .unwrap();
    found.alert.entity = entity.clone();
    let title = Bilingual {
        en: text.to_owned(),
        ja: text.to_owned(),
    };
    found.alert.rule = Arc::new(RuleInfo {
        kind: kind.into(),
        title,
        ..RuleInfo::default()
    });
    let incident = sekisho_model::Incident {
        entity,
        ..incident("i1", Severity::High)
    };
    Case {
        incident,
        alerts: vec![CaseAlert {
            alert: found.alert,
            evidence: found.evidence,
        }],
    }
}

/// The kind that names most facts comes first.
const KINDS: [&str; 10] = [
    "geo_velocity",
    "match",
    "event_count",
    "value_count",
    "value_sum",
    "temporal_ordered",
    "temporal",
    "leaver",
    "privileged_off_hours",
    "unknown",
];

/// Calls `check` for every text, kind and language; the endless texts, which take long, with one kind.
fn every(kinds: &[&str], check: impl Fn(&str, &Case, &Message)) {
    let zone = jiff::tz::TimeZone::UTC;
    for text in corpus() {
        let kinds = if text.len() < 1_000 { kinds } else { &kinds[..1] };
        for (kind, lang) in kinds.iter().flat_map(|kind| [(kind, Lang::En), (kind, Lang::Ja)]) {
            let case = case(kind, &text);
            let telling = Telling {
                lang,
                zone: &zone,
                occasions: &[Occasion::Opened],
                resent: false,
            };
            check(&text, &case, &Message::of(&case, telling));
        }
    }
}

/// What no text may hold: it acts, hides, links or calls wherever it is shown.
fn is_harmless(text: &str) -> Result<(), String> {
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(u32::from(c), 0xAD | 0x61C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
                | 0xFE00..=0xFE0F | 0xE0000..=0xE0FFF)
    };
    if let Some(c) = text.chars().find(|c| hidden(*c)) {
        return Err(format!("{:#x}", u32::from(c)));
    }
    let lower = text.to_lowercase();
    let active = [
        "://",
        "javascript:",
        "mailto:",
        "@everyone",
        "@here",
        "@channel",
        "@all",
        "www.",
        "](h",
        "](//",
    ];
    active
        .iter()
        .find(|token| lower.contains(**token))
        .map_or(Ok(()), |token| Err((*token).to_owned()))
}

/// Every string in a JSON value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::Object(values) => values.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_corpus_is_large() {
    assert!(60 <= corpus().len(), "{}", corpus().len());
}

#[test]
fn a_message_holds_nothing_that_acts() {
    every(&KINDS, |text, _, message| {
        assert_eq!(is_harmless(&message.plain()), Ok(()), "{text:?}\n{}", message.plain());
        assert!(message.plain().chars().count() < 6_000);
        assert!(
            message
                .parts()
                .flat_map(|part| &part.lines)
                .all(|line| !line.contains('\n'))
        );
        assert!(!message.title.contains('\n'));
    });
}

#[test]
fn slack_finds_no_mention_and_no_markup() {
    every(&KINDS, |text, _, message| {
        let body = slack::render(message);
        for shown in strings(&body) {
            assert_eq!(is_harmless(shown), Ok(()), "{text:?}");
            assert!(!shown.contains(['<', '>']), "{text:?}: {shown}");
            let unescaped = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            assert!(!unescaped.contains('&'), "{text:?}: {shown}");
        }
        for block in body["blocks"].as_array().unwrap() {
            let texts = [
                &block["text"],
                &block["fields"][0],
                &block["fields"][1],
                &block["elements"][0],
            ];
            assert!(
                texts
                    .iter()
                    .filter(|text| !text.is_null())
                    .all(|text| text["type"] == "plain_text")
            );
        }
    });
}

#[test]
fn a_terminal_gets_no_sequence_but_our_styles() {
    every(&KINDS, |text, _, message| {
        let shown = terminal::render(message, 80);
        let mut bare = String::new();
        let mut parts = shown.split('\u{1b}');
        bare.push_str(parts.next().unwrap());
        for part in parts {
            let (sequence, rest) = part.split_once('m').unwrap();
            let is_style = sequence
                .strip_prefix('[')
                .is_some_and(|s| s.bytes().all(|b| b.is_ascii_digit() || b == b';'));
            assert!(is_style, "{text:?}: {sequence:?}");
            bare.push_str(rest);
        }
        assert_eq!(is_harmless(&bare), Ok(()), "{text:?}");
        assert!(bare.lines().all(|line| line.starts_with("┃ ")));
    });
}

#[test]
fn a_webhook_body_is_one_line_of_json_that_acts_nowhere() {
    let zone = jiff::tz::TimeZone::UTC;
    every(&KINDS[..1], |text, case, message| {
        let content = Content {
            event_type: "incident.opened",
            now: START,
            case,
            message,
            zone: &zone,
            resent: false,
        };
        let body = webhook::render(content).unwrap();
        assert!(body.len() <= BODY_BYTES_MAX);
        assert!(
            !body.contains(['<', '>', '&', '\n', '\u{1b}', '\u{202e}', '\u{200b}', '\u{2028}']),
            "{text:?}"
        );
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(is_harmless(value["data"]["text"].as_str().unwrap()), Ok(()), "{text:?}");
    });
}

#[test]
fn an_alert_line_is_harmless_to_look_at_and_exact_to_read() {
    let zone = jiff::tz::TimeZone::UTC;
    every(&KINDS[..1], |text, case, message| {
        let found = &case.alerts[0];
        let line = AlertLine::of(&found.alert, &found.evidence, message.lang, &zone);
        let json = line.to_json().unwrap();
        assert!(!json.chars().any(char::is_control), "{text:?}");
        assert!(
            !json.contains(['<', '>', '&', '\u{202e}', '\u{200b}', '\u{2028}', '\u{e0041}']),
            "{text:?}"
        );
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["user_name"], *text);
        assert_eq!(value["evidence"][1]["user_name"], *text);
        assert_eq!(is_harmless(value["reason"].as_str().unwrap()), Ok(()), "{text:?}");
    });
}

#[test]
fn any_value_can_be_written_as_json() {
    for text in corpus() {
        assert_eq!(serde_json::from_str::<String>(&to_json(&text).unwrap()).unwrap(), text);
    }
}
