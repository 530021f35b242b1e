//! What people read of each shipped rule: the message of its first test that fires, in both languages, in
//! `tests/messages/`. After a change that is meant: `INSTA_UPDATE=always cargo test --bin sekisho messages`.

use std::collections::BTreeSet;
use std::path::Path;

use sekisho_alert::text::Telling;
use sekisho_alert::{Case, CaseAlert, Message};
use sekisho_model::{Findings, Lang, Occasion};

use super::testing::first_firing;
use super::{RuleText, shipped};
use crate::settings::{self, Environment, Settings};

fn settings() -> Settings {
    settings::parse("zone = \"Asia/Tokyo\"", Path::new("(defaults)"), &Environment::new()).unwrap()
}

/// The incident of the first alert that was found, with all its alerts, as they stand in the end.
fn case(findings: &Findings) -> Case {
    let mut alerts: Vec<CaseAlert> = Vec::new();
    for update in &findings.alerts {
        match alerts
            .iter_mut()
            .find(|found| found.alert.alert_id == update.alert.alert_id)
        {
            Some(found) => {
                found.alert = update.alert.clone();
                found.evidence.extend(update.evidence.clone());
            }
            None => alerts.push(CaseAlert {
                alert: update.alert.clone(),
                evidence: update.evidence.clone(),
            }),
        }
    }
    alerts.retain(|found| found.alert.merged_into.is_none());
    let id = alerts[0].alert.incident_id.clone();
    alerts.retain(|found| found.alert.incident_id == id);
    let incident = findings
        .incidents
        .iter()
        .rfind(|incident| incident.incident_id == id)
        .unwrap();
    Case {
        incident: incident.clone(),
        alerts,
    }
}

fn message(path: &str, text: &RuleText) -> Option<(String, String)> {
    let settings = settings();
    let findings = first_firing(path, text, &settings).unwrap()?;
    let case = case(&findings);
    let told = [Lang::Ja, Lang::En].map(|lang| {
        let telling = Telling {
            lang,
            zone: &settings.zone,
            occasions: &[Occasion::Opened],
            resent: false,
        };
        Message::of(&case, telling).plain()
    });
    let rule = &case.alerts[0].alert.rule;
    let route = format!("{} → {}", rule.route.name(), case.incident.severity.name());
    Some((rule.id.to_string(), format!("{route}\n\n{}", told.join("\n\n"))))
}

#[test]
fn messages_of_the_shipped_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages");
    let mut shown = BTreeSet::new();
    let mut snapshots = insta::Settings::clone_current();
    snapshots.set_snapshot_path(&folder);
    snapshots.set_prepend_module_to_snapshot(false);
    snapshots.set_omit_expression(true);
    for (path, text) in shipped() {
        let Some((id, told)) = message(&path, &text) else {
            continue;
        };
        snapshots.bind(|| insta::assert_snapshot!(id.clone(), told));
        shown.insert(format!("{id}.snap"));
    }
    let files = std::fs::read_dir(&folder).unwrap();
    let kept: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept, shown, "a message without its rule, or a rule without its message");
}
