//! Columnar evaluation against a plain interpreter that judges one row at a time.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use arrow_array::{ArrayRef, DictionaryArray, types::Int32Type};
use proptest::prelude::*;
use sekisho_model::{Column, EventBatch};
use sekisho_sigma::{Anchor, Bound, Comparison, Condition, Document, FieldTest, Number, Rule, Search, Test, Token};
use serde_json::{Map, Value, json};

use crate::common::{at, batch, engine, row};

/// A field that only the record has; several values are parted by a control character.
const NATIVE: &str = "devicedetail.trust";

// ---- the plain interpreter -------------------------------------------------------------------

type Row = Map<String, Value>;

fn holds(rule: &Rule, row: &Row) -> bool {
    let searches: Vec<bool> = rule
        .detection
        .searches
        .iter()
        .map(|(_, search)| found(search, row))
        .collect();
    condition(&rule.detection.condition, &searches)
}

fn condition(condition_: &Condition, searches: &[bool]) -> bool {
    match condition_ {
        Condition::Search(place) => searches[*place],
        Condition::All(parts) => parts.iter().all(|part| condition(part, searches)),
        Condition::Any(parts) => parts.iter().any(|part| condition(part, searches)),
        Condition::Not(part) => !condition(part, searches),
        Condition::AtLeast(least, places) => places.iter().filter(|place| searches[**place]).count() >= *least,
    }
}

fn found(search: &Search, row: &Row) -> bool {
    match search {
        Search::All(parts) => parts.iter().all(|part| found(part, row)),
        Search::Any(parts) => parts.iter().any(|part| found(part, row)),
        Search::Field(test) => field(test, row),
    }
}

fn field(test: &FieldTest, row: &Row) -> bool {
    let value = value_of(test.field.as_deref().unwrap_or("raw"), row);
    let mut results = test.tests.iter().map(|one| {
        // A field with several values meets a test if one of them does.
        match &value {
            None => one_test(one, None, row),
            Some(Value::String(texts)) => texts.split('\u{1e}').any(|text| one_test(one, Some(&json!(text)), row)),
            Some(value) => one_test(one, Some(value), row),
        }
    });
    let met = if test.all {
        results.all(|met| met)
    } else {
        results.any(|met| met)
    };
    if test.negated { value.is_some() && !met } else { met }
}

fn value_of(name: &str, row: &Row) -> Option<Value> {
    row.iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.clone())
        .filter(|v| !v.is_null())
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap().to_string(),
        other => other.to_string(),
    }
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(if *truth { 1.0 } else { 0.0 }),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn as_f64(number: Number) -> f64 {
    match number {
        Number::Int(number) => f64::from(i32::try_from(number).unwrap()),
        Number::Float(number) => number,
    }
}

fn one_test(test: &Test, value: Option<&Value>, row: &Row) -> bool {
    let Some(value) = value else {
        return match test {
            Test::Null | Test::Exists(false) => true,
            Test::Text(pattern) => pattern.is_empty(),
            _ => false,
        };
    };
    let text = text_of(value);
    match test {
        Test::Null | Test::Exists(false) => false,
        Test::Exists(true) => true,
        Test::Text(pattern) => {
            let text: Vec<char> = text.chars().collect();
            wild(&pattern.tokens, &text, pattern.cased)
        }
        Test::Number(number) => number_of(value).is_some_and(|value| value.total_cmp(&as_f64(*number)).is_eq()),
        Test::Bool(truth) => text.eq_ignore_ascii_case(&truth.to_string()),
        Test::Regex {
            pattern,
            ignore_case,
            multi_line,
            dot_all,
        } => regex::RegexBuilder::new(pattern)
            .case_insensitive(*ignore_case)
            .multi_line(*multi_line)
            .dot_matches_new_line(*dot_all)
            .build()
            .unwrap()
            .is_match(&text),
        Test::Cidr(range) => {
            let (network, bits) = range.split_once('/').unwrap();
            let mask = u32::MAX.checked_shl(32 - bits.parse::<u32>().unwrap()).unwrap_or(0);
            let network: Ipv4Addr = network.parse().unwrap();
            text.parse::<Ipv4Addr>()
                .is_ok_and(|address| u32::from(address) & mask == u32::from(network) & mask)
        }
        Test::Compare(comparison, Bound::Number(bound)) => number_of(value).is_some_and(|value| {
            let bound = as_f64(*bound);
            match comparison {
                Comparison::Lt => value < bound,
                Comparison::Lte => value <= bound,
                Comparison::Gt => value > bound,
                Comparison::Gte => value >= bound,
            }
        }),
        Test::Compare(_, Bound::Text(_)) | Test::Moment(..) => panic!("{test:?} is not generated"),
        Test::Field { name, anchor, cased } => value_of(name, row).is_some_and(|other| {
            let fold = |text: String| if *cased { text } else { text.to_lowercase() };
            let (text, other) = (fold(text.clone()), fold(text_of(&other)));
            match anchor {
                Anchor::Whole => text == other,
                Anchor::Start => text.starts_with(&other),
                Anchor::End => text.ends_with(&other),
                Anchor::Anywhere => text.contains(&other),
            }
        }),
    }
}

fn wild(tokens: &[Token], text: &[char], cased: bool) -> bool {
    match tokens.split_first() {
        None => text.is_empty(),
        Some((Token::Any, rest)) => (0..=text.len()).any(|from| wild(rest, &text[from..], cased)),
        Some((Token::One, rest)) => !text.is_empty() && wild(rest, &text[1..], cased),
        Some((Token::Literal(literal), rest)) => {
            let literal: Vec<char> = literal.chars().collect();
            literal.len() <= text.len()
                && literal
                    .iter()
                    .zip(text)
                    .all(|(a, b)| a == b || !cased && a.to_lowercase().eq(b.to_lowercase()))
                && wild(rest, &text[literal.len()..], cased)
        }
    }
}

// ---- generated rules and rows ----------------------------------------------------------------

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a",
        "A",
        "ab",
        "aB",
        "b",
        "abc",
        "a.b",
        "é",
        "É",
        "日本",
        "1",
        "10",
        "1.5",
        "true",
        "192.0.2.7",
        "198.51.100.1",
        "a\\\\b",
        "-",
        "k",
        "x y",
    ])
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        word().prop_map(str::to_owned),
        (word(), word()).prop_map(|(a, b)| format!("{a}*{b}")),
        word().prop_map(|a| format!("{a}?")),
        word().prop_map(|a| format!("*{a}*")),
        Just("*".to_owned()),
        Just("\\*".to_owned()),
        Just(String::new()),
    ]
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

/// `field|modifiers: value`.
fn item() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "user_name",
        "src_ip",
        "url",
        "status_id",
        "is_interactive",
        "src_lat",
        "http_status",
        "deviceDetail.trust",
        "app_name",
        "USER_NAME",
        "callerIpAddress",
    ]);
    let texts =
        proptest::collection::vec(pattern().prop_map(|text| quoted(&text)), 1..4).prop_map(|all| all.join(", "));
    let scalar = prop::sample::select(vec!["1", "2", "10", "1.5", "true", "false", "null", "0"]);
    let spelled = prop::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|all",
        "|all",
        "|cased",
        "|contains|cased",
        "|neq",
        "|startswith|neq",
    ]);
    prop_oneof![
        4 => (name.clone(), spelled, texts).prop_map(|(name, spelled, texts)| format!("{name}{spelled}: [{texts}]")),
        2 => (name.clone(), scalar).prop_map(|(name, value)| format!("{name}: {value}")),
        1 => (name.clone(), prop::sample::select(vec!["lt", "lte", "gt", "gte"]), prop::sample::select(vec!["1", "2", "1.5", "200"]))
            .prop_map(|(name, comparison, bound)| format!("{name}|{comparison}: {bound}")),
        1 => (name.clone(), any::<bool>()).prop_map(|(name, exists)| format!("{name}|exists: {exists}")),
        1 => (name.clone(), prop::sample::select(vec!["re", "re|i", "re|i|s"]), prop::sample::select(vec!["^a", "b$", "a.b", "[0-9]+", "^A?$"]))
            .prop_map(|(name, kind, regex)| format!("{name}|{kind}: '{regex}'")),
        1 => Just("src_ip|cidr: [192.0.2.0/24, 198.51.100.1/32]".to_owned()),
        1 => (name.clone(), prop::sample::select(vec!["fieldref", "fieldref|startswith", "fieldref|contains"]))
            .prop_map(|(name, kind)| format!("{name}|{kind}: app_name")),
    ]
}

fn search() -> impl Strategy<Value = String> {
    let map = proptest::collection::vec(item(), 1..4).prop_map(|mut items| {
        let mut seen = BTreeSet::new();
        items.retain(|item| seen.insert(item.split(':').next().unwrap().to_owned()));
        format!("{{{}}}", items.join(", "))
    });
    let map = map.boxed();
    let words = proptest::collection::vec(pattern().prop_map(|text| quoted(&text)), 1..3).boxed();
    prop_oneof![
        4 => map.clone(),
        1 => proptest::collection::vec(map, 1..3).prop_map(|maps| format!("[{}]", maps.join(", "))),
        1 => words.clone().prop_map(|words| format!("[{}]", words.join(", "))),
        1 => words.prop_map(|words| format!("{{'|all': [{}]}}", words.join(", "))),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "s1",
        "not s1",
        "s1 and not s2",
        "1 of them",
        "all of them",
        "2 of them",
        "s1 or (s2 and not s3)",
        "not 1 of s*",
        "not (s1 and s2) or s3",
    ]);
    let logsource = prop::sample::select(vec!["{product: azure, service: signinlogs}", "{product: azure}"]);
    (proptest::collection::vec(search(), 3), condition, logsource).prop_map(|(searches, condition, logsource)| {
        format!(
            "title: t\nid: SK-001\nlogsource: {logsource}\ndetection:\n  s1: {}\n  s2: {}\n  s3: {}\n  condition: {condition}\n",
            searches[0], searches[1], searches[2]
        )
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![2 => Just(Value::Null), 5 => word().prop_map(|word| json!(word.replace("\\\\", "\\")))]
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let numbers = (
        prop::option::of(0..4_i64),
        prop::option::of(any::<bool>()),
        prop::option::of(prop::sample::select(vec![1.5, 2.0, -3.25])),
    );
    let texts = (
        value(),
        value(),
        value(),
        value(),
        proptest::collection::vec(value(), 0..3),
        value(),
    );
    let shape = (
        numbers,
        texts,
        prop::option::of(prop::sample::select(vec![200_i64, 404, 1])),
        any::<bool>(),
    );
    proptest::collection::vec(shape, 1..20).prop_map(|rows| {
        let rows = rows.into_iter().enumerate().map(|(index, ((status, present, lat), (user, ip, url, app, trust, raw), http, ours))| {
            let trust: Vec<&str> = trust.iter().filter_map(Value::as_str).collect();
            row(json!({
                "event_uid": index.to_string(), "time": at(0), "source": if ours { "entra.signin" } else { "linux.sshd" },
                "status_id": status.unwrap_or(0), "is_interactive": present, "src_lat": lat, "http_status": http,
                "user_name": user, "src_ip": ip.clone(), "url": url, "app_name": app,
                "raw": raw.as_str().unwrap_or("record"), NATIVE: (!trust.is_empty()).then(|| trust.join("\u{1e}")),
                "callerIpAddress": ip,
            }))
        });
        rows.collect()
    })
}

/// The rows as a batch, with the native field in a side column.
fn with_side(rows: &[Row]) -> EventBatch {
    let columns: Vec<Row> = rows
        .iter()
        .map(|row| {
            row.iter()
                .filter(|(name, _)| Column::by_name(name).is_some())
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect()
        })
        .collect();
    let side: DictionaryArray<Int32Type> = rows.iter().map(|row| row[NATIVE].as_str()).collect();
    let side: ArrayRef = Arc::new(side);
    EventBatch::try_new(batch(&columns).columns().clone(), vec![(Arc::from(NATIVE), side)]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn columns_and_rows_agree(text in rule(), rows in rows()) {
        let mut parsed = sekisho_sigma::parse("rule.yml", &text);
        prop_assert_eq!(&parsed.problems, &[], "{}", text);
        let Document::Rule(rule) = parsed.documents.remove(0) else { panic!("{text}") };
        let expected: BTreeSet<String> = rows
            .iter()
            .filter(|row| row["source"] == "entra.signin" && holds(&rule, row))
            .map(|row| row["event_uid"].as_str().unwrap().to_owned())
            .collect();

        let found: BTreeSet<String> = engine(&[&text])
            .detect(&with_side(&rows))
            .into_iter()
            .flat_map(|detection| detection.evidence)
            .map(|evidence| evidence.event_uid)
            .collect();

        prop_assert_eq!(found, expected, "{}", text);
    }
}
