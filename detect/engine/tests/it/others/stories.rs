//! Two stories of somebody else, and a machine that faced the internet: what must be told, and of whom
//! nothing may be told.

use std::collections::BTreeMap;

use sekisho_model::Severity;
use serde_json::{Value, json};

use super::{Rig, corpora};

/// A sign-in of a story as Microsoft Entra writes it.
fn sign_in(number: usize, entry: &Value, interactive: bool) -> String {
    let failed = entry["ErrorCode"]
        .as_str()
        .map(|code| code.trim_start_matches("AADSTS").parse::<i64>().unwrap());
    let (city, country) = entry["Location"]
        .as_str()
        .and_then(|place| place.split_once(", "))
        .unwrap_or_default();
    json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"),
        "createdDateTime": entry["Timestamp"],
        "userPrincipalName": entry["UPN"],
        "userId": "00000000-0000-4000-8000-0000000000aa",
        "appDisplayName": entry["AppDisplayName"],
        "ipAddress": entry["IPAddress"],
        "isInteractive": interactive,
        "clientAppUsed": "Browser",
        "location": {"city": city, "countryOrRegion": if country == "UK" { "GB" } else { country }},
        "status": {"errorCode": failed.unwrap_or(0)},
    })
    .to_string()
}

fn records(story: &Value) -> Vec<String> {
    let data = &story["data_sources"];
    [
        ("signin_logs", true),
        ("noninteractive_signin_logs", false),
        ("failed_signins", true),
    ]
    .into_iter()
    .flat_map(|(part, interactive)| {
        let entries = data[part].as_array().cloned().unwrap_or_default();
        entries.into_iter().map(move |entry| (entry, interactive))
    })
    .enumerate()
    .map(|(number, (entry, interactive))| sign_in(number, &entry, interactive))
    .collect()
}

fn story(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(corpora()?.join("stories").join(name)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn a_business_trip_is_not_told() {
    let Some(story) = story("02_benign_business_travel.json") else {
        return;
    };
    let records = records(&story);

    let (found, read) = Rig::bare().judge("trip", "entra.signin", &records);

    assert_eq!(read, records.len());
    let told: Vec<&str> = found.iter().map(|detection| &*detection.rule.id).collect();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_leavers_tokens_that_still_work_are_told_at_once() {
    let Some(story) = story("05_disabled_account_signin.json") else {
        return;
    };
    let user = story["detection"]["PrimaryEntityId"].as_str().unwrap();
    let mut rig = Rig::new(&format!("user,left\n{user},2026-04-24\n"), "cidr,asn,kind,label\n");

    let (found, _) = rig.judge("leaver", "entra.signin", &records(&story));

    let leaver = found
        .iter()
        .find(|detection| detection.rule.id.as_ref() == "SK-401")
        .unwrap();
    assert_eq!(&*leaver.entity.name, user);
    assert_eq!(leaver.weight.severity, Severity::Critical);
}

/// The busiest failing address of that log also signs in 47 times: a shared line of real people.
#[test]
fn people_who_mistype_behind_a_shared_address_are_not_accused_of_a_break_in() {
    const SHARED: &str = "24.151.103.17";
    let Some(folder) = corpora() else { return };
    let text = std::fs::read_to_string(folder.join("logs/auth/auth.log")).unwrap();
    let records: Vec<String> = text.lines().map(str::to_owned).collect();

    let (found, _) = Rig::bare().judge("auth", "linux.sshd", &records);

    let mut of_source: BTreeMap<&str, usize> = BTreeMap::new();
    for detection in &found {
        let by_it = detection
            .evidence
            .iter()
            .any(|event| event.src_ip.as_deref() == Some(SHARED));
        if by_it {
            *of_source.entry(&*detection.rule.id).or_default() += 1;
        }
    }
    eprintln!("auth.log: {SHARED} is named by {of_source:?}");
    let heaviest = found
        .iter()
        .filter(|detection| &*detection.entity.name == SHARED)
        .map(|detection| detection.weight.severity)
        .max();
    assert!(heaviest <= Some(Severity::Medium), "{heaviest:?}");
    assert!(!of_source.contains_key("SK-104"), "an opened account is claimed");
    let others = found.iter().filter(|detection| detection.rule.id.as_ref() == "SK-108");
    assert!(others.count() > 10, "the real attackers are no longer found");
}
