//! What an operation acted on, and on whose account.

use std::borrow::Cow;

use crate::json::Json;

/// Parameters that send mail elsewhere, the most telling first.
const FORWARDS: [&str; 8] = [
    "ForwardTo",
    "RedirectTo",
    "ForwardAsAttachmentTo",
    "ForwardingSmtpAddress",
    "ForwardingAddress",
    "BlindCopyTo",
    "RedirectMessageTo",
    "CopyTo",
];

/// Parameters of `Set-Mailbox` that make it a rule for mail.
const FORWARD_SETTINGS: [&str; 3] = [
    "ForwardingSmtpAddress",
    "ForwardingAddress",
    "DeliverToMailboxAndForward",
];

/// The value of a parameter of a command.
pub(super) fn parameter<'a>(record: &'a Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    let value = record.get("Parameters")?.named(name)?.text()?;
    if value.trim().is_empty() { None } else { Some(value) }
}

/// Whether `Set-Mailbox` sets where mail goes.
pub(super) fn sets_forwarding(record: &Json<'_>) -> bool {
    let Some(parameters) = record.get("Parameters") else {
        return false;
    };
    FORWARD_SETTINGS.iter().any(|name| parameters.named(name).is_some())
}

/// Where a rule sends mail; else its name.
pub(super) fn rule<'a>(record: &'a Json<'a>) -> Option<Cow<'a, str>> {
    FORWARDS
        .iter()
        .find_map(|name| parameter(record, name))
        .map(|target| {
            Cow::Owned(
                target
                    .trim()
                    .trim_start_matches("smtp:")
                    .trim_start_matches("SMTP:")
                    .to_owned(),
            )
        })
        .or_else(|| forward_of_outlook(record).map(Cow::Owned))
        .or_else(|| parameter(record, "Name"))
        .or_else(|| record.get("OperationProperties")?.named("RuleName")?.text())
        .or_else(|| parameter(record, "Identity"))
        .or_else(|| record.text_at("ObjectId"))
}

/// The recipients of a rule made in Outlook: a list of actions in a string of JSON.
fn forward_of_outlook(record: &Json<'_>) -> Option<String> {
    let actions = record.get("OperationProperties")?.named("RuleActions")?.text()?;
    let actions = Json::parse(&actions).ok()?;
    let recipients: Vec<Cow<'_, str>> = actions
        .elements()
        .iter()
        .flat_map(|action| action.get("Recipients").map(Json::elements).unwrap_or_default())
        .filter_map(|recipient| recipient.text().or_else(|| recipient.text_at("Values")))
        .collect();
    if recipients.is_empty() {
        None
    } else {
        Some(recipients.join(";"))
    }
}

/// The name of a role, group, application or policy that a change of the directory was about.
pub(super) fn directory_object<'a>(record: &'a Json<'a>, kind: &str) -> Option<Cow<'a, str>> {
    let property = match kind {
        "role" => Some("Role.DisplayName"),
        "group" => Some("Group.DisplayName"),
        _ => None,
    };
    property
        .and_then(|name| changed(record, name))
        .or_else(|| super::accounts::entry(record.get("Target")?, &[1], |_| true))
        .or_else(|| record.text_at("ObjectId"))
}

/// The new value of a property; of one that was taken away, the old. Some are strings of JSON.
fn changed<'a>(record: &'a Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    let properties = record.get("ModifiedProperties")?;
    let property = properties.elements().iter().find(|pair| pair.pair(name).is_some())?;
    let value = ["NewValue", "OldValue"].iter().find_map(|key| property.text_at(key))?;
    match Json::parse(&value) {
        Ok(Json::Text(inner)) => Some(Cow::Owned(inner.into_owned())),
        Ok(_) | Err(_) => Some(value),
    }
}

/// Whom an alert is about, as the alert's own data have it.
pub(super) fn alerted(record: &Json<'_>) -> Option<String> {
    let data = record.part("Data")?;
    ["f3u", "eid", "suid"]
        .iter()
        .find_map(|key| data.text_at(key).filter(|text| text.contains('@')))
        .map(Cow::into_owned)
}

/// The word of `risk_level` for the severity of an alert.
pub(super) fn risk(severity: &str) -> Option<i64> {
    Some(match severity.trim().to_ascii_lowercase().as_str() {
        "informational" => 0,
        "low" => 1,
        "medium" => 2,
        "high" => 3,
        _ => return None,
    })
}

/// How many mails, recipients or items the record stands for.
pub(super) fn item_count(record: &Json<'_>, activity: &str) -> Option<i64> {
    let item = record.get("Item");
    let count = |key| record.get(key).or_else(|| item?.get(key))?.int();
    let length = |key| {
        let list = record.get(key).or_else(|| item?.get(key))?.elements();
        if list.is_empty() {
            None
        } else {
            i64::try_from(list.len()).ok()
        }
    };
    match activity {
        "mail_send" => count("RecipientCount")
            .or_else(|| length("RecipientList"))
            .or_else(|| length("Recipients")),
        "mail_access" => count("OperationCount"),
        _ => length("AffectedItems"),
    }
}
