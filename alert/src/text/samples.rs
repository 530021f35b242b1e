//! Incidents to test with.

use std::sync::Arc;

use sekisho_model::{
    Alert, Bilingual, Entity, EntityKind, Evidence, Facts, Incident, Lang, Occasion, Route, RuleInfo, Severity, Time,
};
use serde_json::{Value, json};

use super::{Case, CaseAlert, Message, Telling, Zone};

/// 2026-10-03T00:47:00Z, a Saturday morning in Tokyo.
pub(crate) const NOW: Time = Time::from_secs(1_790_988_420);

pub(crate) fn tokyo() -> Zone {
    Zone::get("Asia/Tokyo").unwrap()
}

pub(crate) fn opened(lang: Lang, zone: &Zone) -> Telling<'_> {
    Telling {
        lang,
        zone,
        occasions: &[Occasion::Opened],
        resent: false,
    }
}

pub(crate) fn facts(value: Value) -> Facts {
    serde_json::from_value(value).unwrap()
}

pub(crate) fn rule(kind: &str, en: &str, ja: &str) -> RuleInfo {
    RuleInfo {
        id: "SK-000".into(),
        title: Bilingual { en: en.into(), ja: ja.into() },
        severity: Severity::High,
        family: "travel".into(),
        kind: kind.into(),
        attack: vec!["T1078.004".into()],
        response: Bilingual {
            en: "1. Call the person.\n2. If it was not them, disable the account.\n\n3. Change the password.\n4. Rest.".into(),
            ja: "1. 本人に電話で確認する。\n2. 心当たりがなければアカウントを停止する。\n3. パスワードを変更する。\n4. 休む。".into(),
        },
        ..RuleInfo::default()
    }
}

pub(crate) fn alert(rule: RuleInfo, entity: &Entity, facts: Facts) -> Alert {
    Alert {
        alert_id: "a1".into(),
        incident_id: "0123456789abcdef0123456789abcdef".into(),
        tenant: "default".into(),
        severity: rule.severity,
        rule: Arc::new(rule),
        entity: entity.clone(),
        score: 66.04,
        first_time: NOW,
        last_time: Time::from_secs(NOW.secs() + 45 * 60),
        found_late_secs: None,
        evidence_count: 2,
        facts,
        merged_into: None,
    }
}

pub(crate) fn person(name: &str) -> Entity {
    Entity {
        kind: EntityKind::Person,
        name: name.into(),
    }
}

pub(crate) fn event(uid: &str, minutes: i64, place: (&str, &str, &str)) -> Evidence {
    let time = Time::from_secs(NOW.secs() + minutes * 60);
    Evidence {
        event_uid: uid.into(),
        time,
        observed: time,
        source: "entra.signin".into(),
        activity: "logon".into(),
        status_id: 1,
        user_name: Some("taro@example.co.jp".into()),
        src_ip: Some(place.2.into()),
        src_country: Some(place.1.into()),
        src_city: Some(place.0.into()),
        ..Evidence::default()
    }
}

fn case(severity: Severity, score: f64, alerts: Vec<CaseAlert>) -> Case {
    let first = &alerts[0].alert;
    Case {
        incident: Incident {
            incident_id: first.incident_id.clone(),
            tenant: "default".into(),
            entity: first.entity.clone(),
            severity,
            score,
            route: Route::Incident,
            first_time: first.first_time,
            last_time: first.last_time,
            families: vec!["travel".into()],
            merged_into: None,
        },
        alerts,
    }
}

pub(crate) fn journey_case() -> Case {
    let facts = facts(json!({
        "from_city": "Tokyo", "from_country": "JP", "from_ip": "203.0.113.7", "from_time": NOW.0,
        "to_city": "Amsterdam", "to_country": "NL", "to_ip": "198.51.100.9", "to_net_kind": "fixed",
        "to_time": NOW.0 + 45 * 60 * 1_000_000,
        "distance_km": 9290.4, "effective_km": 9160.1, "minutes_taken": 45, "minutes_needed": 606.2, "ratio": 13.46,
    }));
    let rule = rule("geo_velocity", "Impossible travel", "移動不可能なサインイン");
    let alert = alert(rule, &person("taro@example.co.jp"), facts);
    let evidence = vec![
        event("e1", 0, ("Tokyo", "JP", "203.0.113.7")),
        event("e2", 45, ("Amsterdam", "NL", "198.51.100.9")),
    ];
    case(Severity::High, 66.04, vec![CaseAlert { alert, evidence }])
}

pub(crate) fn leaver_case() -> Case {
    let mut leaver = rule("leaver", "Leaver's account used", "退職者アカウントの使用");
    leaver.id = "SK-401".into();
    leaver.severity = Severity::Critical;
    let entity = person("hana@example.co.jp");
    let mut first = alert(leaver, &entity, facts(json!({"left": "2026-03-31", "days_since": 186})));
    first.last_time = first.first_time;
    first.found_late_secs = Some(9_600);
    first.evidence_count = 1;
    let mut evidence = event("e1", 0, ("", "VN", "192.0.2.77"));
    evidence.user_name = Some("hana@example.co.jp".into());
    evidence.src_as_org = Some("Example Telecom".into());
    evidence.observed = Time::from_secs(NOW.secs() + 9_600);
    let mut second = alert(
        rule("value_count", "Mass download", "大量ダウンロード"),
        &entity,
        facts(json!({"distinct": 1240, "field": "resource", "window_secs": 3600, "threshold": 50})),
    );
    second.alert_id = "a2".into();
    let second = CaseAlert {
        alert: second,
        evidence: Vec::new(),
    };
    case(
        Severity::Critical,
        92.4,
        vec![
            CaseAlert {
                alert: first,
                evidence: vec![evidence],
            },
            second,
        ],
    )
}

/// More of everything than any channel takes.
pub(crate) fn endless_case() -> Case {
    let long = "x".repeat(1_000);
    let entity = person(&long);
    let many = (0..40).map(|index| {
        let mut rule = rule("match", &long, &"長".repeat(5_000));
        rule.response = Bilingual {
            en: [long.as_str(); 9].join("\n"),
            ja: "手".repeat(9_000),
        };
        let mut alert = alert(rule, &entity, facts(json!({"group": long})));
        alert.alert_id = format!("a{index}");
        let mut evidence: Vec<Evidence> = (0..300)
            .map(|index| event(&format!("e{index}"), index, (&long, "JP", "203.0.113.7")))
            .collect();
        for event in &mut evidence {
            event.resource = Some(long.clone());
        }
        CaseAlert { alert, evidence }
    });
    case(Severity::Critical, 1e9, many.collect())
}

pub(crate) fn journey(lang: Lang) -> Message {
    Message::of(&journey_case(), opened(lang, &tokyo()))
}

pub(crate) fn leaver(lang: Lang) -> Message {
    Message::of(&leaver_case(), opened(lang, &tokyo()))
}

pub(crate) fn endless() -> Message {
    Message::of(&endless_case(), opened(Lang::En, &tokyo()))
}
