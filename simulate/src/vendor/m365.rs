//! Records of the Microsoft 365 unified audit log.

use serde_json::{Map, Value, json};

use super::{Event, TENANT};
use crate::calendar::utc;

/// What somebody did.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Read mail.
    MailRead,
    /// Opened a file.
    FileOpened(String),
    /// Downloaded a file.
    FileDownloaded(String),
    /// Sent a mail to so many.
    Sent(u64),
    /// Made a rule that moves mail to a folder.
    RuleMoves,
    /// Made a rule that forwards mail to an address.
    RuleForwards(&'static str),
    /// Gave somebody a role.
    RoleGranted(String),
}

impl Deed {
    fn operation(&self) -> &'static str {
        match self {
            Self::MailRead => "MailItemsAccessed",
            Self::FileOpened(_) => "FileAccessed",
            Self::FileDownloaded(_) => "FileDownloaded",
            Self::Sent(_) => "Send",
            Self::RuleMoves | Self::RuleForwards(_) => "New-InboxRule",
            Self::RoleGranted(_) => "Add member to role.",
        }
    }

    fn record_type(&self) -> u8 {
        match self {
            Self::MailRead => 50,
            Self::FileOpened(_) | Self::FileDownloaded(_) => 6,
            Self::Sent(_) => 2,
            Self::RuleMoves | Self::RuleForwards(_) => 1,
            Self::RoleGranted(_) => 8,
        }
    }

    fn workload(&self) -> &'static str {
        match self {
            Self::FileOpened(_) | Self::FileDownloaded(_) => "SharePoint",
            Self::RoleGranted(_) => "AzureActiveDirectory",
            _ => "Exchange",
        }
    }
}

/// The record of a deed.
pub(crate) fn record(event: &Event<'_>, deed: &Deed) -> String {
    let user = event.account.user.as_str();
    let agent = event.client.agent.text;
    let mut record = json!({
        "CreationTime": utc(event.time).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        "Id": event.id,
        "Operation": deed.operation(),
        "OrganizationId": TENANT,
        "RecordType": deed.record_type(),
        "UserType": 0,
        "UserKey": event.account.uid,
        "Version": 1,
        "Workload": deed.workload(),
        "ClientIP": event.ip.to_string(),
        "UserId": user,
        "AppAccessContext": {"AADSessionId": event.session, "ClientAppId": "a9900000-0000-4000-8000-0000000000aa"},
    });
    let more = match deed {
        Deed::MailRead => json!({
            "ResultStatus": "Succeeded", "LogonType": 0, "MailboxOwnerUPN": user, "OperationCount": 3,
            "ClientInfoString": format!("Client=OWA;{agent}"),
            "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        }),
        Deed::FileOpened(name) | Deed::FileDownloaded(name) => json!({
            "ObjectId": format!("https://example.sharepoint.com/sites/sales/{name}"),
            "SourceFileName": name, "UserAgent": agent,
        }),
        Deed::Sent(recipients) => json!({
            "ResultStatus": "Succeeded", "LogonType": 0, "MailboxOwnerUPN": user, "recipientCount": recipients,
            "ClientInfoString": format!("Client=OWA;{agent}"), "Item": {"Subject": "Notice"},
        }),
        Deed::RuleMoves => json!({
            "ResultStatus": "True",
            "Parameters": [{"Name": "Name", "Value": "Newsletters"}, {"Name": "MoveToFolder", "Value": "Newsletters"}],
        }),
        Deed::RuleForwards(to) => json!({
            "ResultStatus": "True",
            "Parameters": [{"Name": "Name", "Value": "."}, {"Name": "ForwardTo", "Value": to}],
        }),
        Deed::RoleGranted(to) => json!({
            "ResultStatus": "Success", "ObjectId": to,
            "ModifiedProperties": [{"Name": "Role.DisplayName", "NewValue": "Exchange Administrator", "OldValue": ""}],
        }),
    };
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        extend(record, more);
    }
    record.to_string()
}

fn extend(record: &mut Map<String, Value>, more: Map<String, Value>) {
    record.extend(more);
}
