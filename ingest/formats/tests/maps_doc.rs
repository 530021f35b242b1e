//! What `docs/maps.md` says is so: its example, and its errors.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use sekisho_formats::{Decoder, Map, Settings, YearPolicy};
use sekisho_model::{Column, Origin, Projection, Raw, Time};
use serde_json::Value;

const DOC: &str = include_str!("../../../docs/maps.md");

/// The blocks of code of that language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = DOC.split(fence.as_str()).skip(1);
    after.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

#[test]
fn the_example_reads_as_it_says() {
    let settings = Settings {
        zone: jiff::tz::TimeZone::get("Asia/Tokyo").unwrap(),
        year: YearPolicy::Nearest,
        maps: vec![Arc::new(Map::parse(blocks("toml").first().unwrap()).unwrap())],
        ..Settings::default()
    };
    let [record, row] = blocks("json").try_into().unwrap();
    let origin = Origin {
        tenant: "default".into(),
        source: "generic.json".into(),
        label: "test".into(),
        log: "test".into(),
        backfill: false,
    };
    let mut decoder = Decoder::new(settings, Projection::default());
    let mut out = decoder.output();
    let raw = Raw {
        origin: &origin,
        offset: 0,
        observed: Time::from_secs(1_782_000_000),
        bytes: record.as_bytes(),
    };
    decoder.decode(&raw, &mut out);
    let batch = out.rows.finish();
    let row: serde_json::Map<String, Value> = serde_json::from_str(row).unwrap();
    for (name, expected) in row {
        let found = batch.display(Column::by_name(&name).unwrap(), 0);
        assert_eq!(found.as_deref(), expected.as_str(), "{name}");
    }
}

#[test]
fn the_errors_read_as_it_says() {
    let json = |rest: &str| format!("id = \"a\"\n[record]\nshape = \"json\"\n{rest}");
    let rule = |when: &str, set: &str| json(&format!("[[rule]]\nwhen = {{ {when} }}\nset = {{ {set} }}"));
    for map in [
        "id = \"a\"".to_owned(),
        "id = \"a\"\n[record]\nshape = \"xml\"".to_owned(),
        "id = \"a\"\n[record]\nshape = \"key_value\"".to_owned(),
        json("[collumns]\naction = \"x\""),
        rule("x = 1.5", "status_id = \"success\""),
        json("[columns]\nusr_name = \"x\""),
        json("[columns]\nsrc_asn = \"x\""),
        json("[words.activity]\nlogin = \"LOGIN\""),
        rule("x = 1", "status_id = \"ok\""),
        rule("x = [\"!1\", \"2\"]", "status_id = \"success\""),
        json("[columns]\nuser_name = \"user..name\""),
        json("[columns]\nuser_name = \"{domain\""),
    ] {
        let message = Map::parse(&map).unwrap_err().to_string();
        // A long list of what was expected is cut short in the document.
        let start = message.split("`, `title`").next().unwrap();
        assert!(DOC.contains(start), "{start:?} is not in docs/maps.md");
    }
}
