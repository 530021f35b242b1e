//! Detectors are made by name.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::native::{DETECTORS, Surroundings, make};

fn error(name: &str, parameters: &Value) -> String {
    let surroundings = Surroundings::of(TimeZone::UTC);
    make(name, Arc::default(), parameters, &surroundings)
        .unwrap_err()
        .to_string()
}

#[test]
fn every_detector_is_made_with_its_defaults() {
    let surroundings = Surroundings::of(TimeZone::UTC);
    for name in DETECTORS {
        for parameters in [json!(null), json!({})] {
            make(name, Arc::default(), &parameters, &surroundings).unwrap();
        }
    }
}

#[test]
fn a_mistake_says_what_was_expected() {
    for (name, parameters, expected) in [
        (
            "geo_speed",
            json!({}),
            "unknown detector `geo_speed`, expected one of admin_panel, anonymiser, dormant, error_burst, \
             exploit_success, geo_velocity, leaver, mass_download, mass_send, new_country, \
             new_for_administrator, no_second_factor, odd_records, password_stopped, privileged_off_hours, \
             service_account, session_reuse, shared_account, slow_attack, source_silent, unfamiliar_sign_in, \
             vpn_and_cloud",
        ),
        (
            "mass_send",
            json!({"recipients": 5}),
            "parameters of `mass_send`: unknown field `recipients`, expected one of `recipients_min`, \
             `window_minutes`, `people_share`, `unfamiliar_min`, `bounces_min`",
        ),
        (
            "mass_send",
            json!({"recipients_min": 0}),
            "parameters of `mass_send`: `recipients_min` is 0, expected 1 to 1000000",
        ),
        (
            "geo_velocity",
            json!({"ratio_min": 0.5}),
            "parameters of `geo_velocity`: `ratio_min` is 0.5, expected 1 to 100",
        ),
        (
            "new_country",
            json!({"countries": ["Japan"]}),
            "parameters of `new_country`: `countries` has `Japan`, expected codes such as JP",
        ),
        (
            "leaver",
            json!({"grace": 1}),
            "parameters of `leaver`: unknown field `grace`, there are no fields",
        ),
    ] {
        assert_eq!(error(name, &parameters), expected);
    }
    assert_eq!(
        error("mass_send", &json!([])),
        "parameters of `mass_send`: found [], expected a mapping"
    );
}
