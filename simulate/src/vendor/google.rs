//! Sign-ins as the Reports API of Google Workspace tells them.

use serde_json::json;

use super::{DOMAIN, Event, Factor, Outcome};
use crate::calendar::utc;

/// The record of a sign-in that succeeded or failed.
pub(crate) fn sign_in(event: &Event<'_>, outcome: Outcome) -> String {
    let parameter = |name: &str, value: &str| json!({"name": name, "value": value});
    let methods = match outcome {
        Outcome::Success(Factor::Given) => json!(["password", "google_prompt"]),
        _ => json!(["password"]),
    };
    let mut parameters = vec![
        parameter("login_type", "google_password"),
        json!({"name": "login_challenge_method", "multiValue": methods}),
        json!({"name": "is_suspicious", "boolValue": false}),
    ];
    let name = match outcome {
        Outcome::Success(_) => "login_success",
        Outcome::Disabled => {
            parameters.push(parameter("login_failure_type", "login_failure_account_disabled"));
            "login_failure"
        }
        _ => {
            parameters.push(parameter("login_failure_type", "login_failure_invalid_password"));
            "login_failure"
        }
    };
    json!({
        "kind": "admin#reports#activity",
        "id": {
            "time": utc(event.time).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "uniqueQualifier": event.id,
            "applicationName": "login",
            "customerId": "C01example",
        },
        "etag": "\"x/y\"",
        "actor": {"callerType": "USER", "email": event.account.user, "profileId": event.account.uid},
        "ownerDomain": DOMAIN,
        "ipAddress": event.ip.to_string(),
        "events": [{"type": "login", "name": name, "parameters": parameters}],
    })
    .to_string()
}
