//! The row of an event.

use std::borrow::Cow;

use sekisho_model::{Column, EventBuilder, words};

use super::account::Account;
use super::event::Event;
use super::events::{self, Meaning, Outcome, Whose};
use super::failures::{self, Failure, Kind};
use crate::address::{self, Address};
use crate::names;
use crate::reading::Status;

/// Sets the columns that follow from the event's number and values.
pub(super) fn write(event: &Event<'_>, id: u16, rows: &mut EventBuilder) {
    let meaning = events::meaning(id);
    rows.verbatim(Column::Action, &id.to_string());
    rows.verbatim(Column::Activity, meaning.activity);
    rows.int(Column::ClassUid, words::class_of(meaning.activity).unwrap_or_default());
    write_outcome(event, id, meaning, rows);
    write_accounts(event, id, meaning, rows);
    write_origin(event, id, rows);
    write_resource(event, id, meaning, rows);
    if matches!(meaning.activity, "logon" | "logoff") {
        write_sign_in(event, rows);
    }
    if !meaning.protocol.is_empty() {
        rows.verbatim(Column::AuthProtocol, meaning.protocol);
    }
}

fn write_outcome(event: &Event<'_>, id: u16, meaning: Meaning, rows: &mut EventBuilder) {
    let audit = event.audit();
    let failed = match meaning.outcome {
        Outcome::Failure => true,
        Outcome::Success | Outcome::Audit => audit == Some(false),
        Outcome::Code => return write_code(event, id, audit, rows),
        Outcome::Unknown => false,
    };
    let status = match meaning.outcome {
        _ if failed => Status::Failure,
        Outcome::Success => Status::Success,
        Outcome::Audit if audit == Some(true) => Status::Success,
        Outcome::Audit | Outcome::Failure | Outcome::Unknown | Outcome::Code => Status::Unknown,
    };
    let known = if failed { failure(event, id) } else { None };
    let status = known.as_ref().map_or(status, |(_, failure)| failure.status);
    set_status(rows, status);
    if let Some((code, failure)) = known {
        rows.verbatim(Column::StatusCode, &code);
        rows.verbatim(Column::StatusReason, failure.reason);
    }
}

/// Of an event that is written for successes and failures alike.
fn write_code(event: &Event<'_>, id: u16, audit: Option<bool>, rows: &mut EventBuilder) {
    let succeeded = code(event, &["Status", "Error Code", "FailureCode"]) == Some(0);
    match failure(event, id) {
        Some((code, failure)) => {
            set_status(rows, failure.status);
            rows.verbatim(Column::StatusCode, &code);
            rows.verbatim(Column::StatusReason, failure.reason);
        }
        None if audit == Some(false) => set_status(rows, Status::Failure),
        None if succeeded || audit == Some(true) => set_status(rows, Status::Success),
        None => {}
    }
}

fn set_status(rows: &mut EventBuilder, status: Status) {
    rows.int(
        Column::StatusId,
        match status {
            Status::Unknown => 0,
            Status::Success => 1,
            Status::Failure => 2,
            Status::Interrupted => 3,
        },
    );
}

fn code(event: &Event<'_>, names: &[&str]) -> Option<u32> {
    event.any(names).and_then(|text| failures::number(&text))
}

/// The code of a failure as it is written in hexadecimal, and what it means.
fn failure(event: &Event<'_>, id: u16) -> Option<(String, Failure)> {
    if matches!(id, 4820..=4823 | 4825 | 6273 | 6274) {
        let reason = if id == 6273 || id == 6274 {
            "other"
        } else {
            "policy_blocked"
        };
        let code = event.any(&["ReasonCode", "Status"])?.into_owned();
        return Some((
            code,
            Failure {
                status: Status::Failure,
                reason,
            },
        ));
    }
    let kind = match id {
        4768..=4773 | 4824 => Kind::Kerberos,
        _ => Kind::NtStatus,
    };
    // The finer code counts; it is 0 where there is none.
    let said = [&["SubStatus"][..], &["Status", "FailureCode", "Error Code"]];
    let number = said
        .iter()
        .find_map(|names| code(event, names).filter(|number| *number != 0));
    if let Some(number) = number {
        return Some((format!("{number:#x}"), failures::meaning(kind, number)));
    }
    let text = event.get("FailureReason")?;
    let number = failures::number(&text)?;
    Some((text.into_owned(), failures::meaning(Kind::Text, number)))
}

fn write_accounts(event: &Event<'_>, id: u16, meaning: Meaning, rows: &mut EventBuilder) {
    let subject = Account::of(event, "Subject");
    let mut account = match meaning.user {
        Whose::Target => Account::of(event, "Target"),
        Whose::Subject => subject.clone(),
        Whose::Member => Account::member(event),
        Whose::Account => Account::of(event, "Account"),
    };
    if id == 4740 {
        // The field of the domain holds the computer from which the passwords were tried.
        let (name, domain) = (event.get("TargetUserName"), event.get("SubjectDomainName"));
        account.name = name.map(|name| super::account::full_name(&name, domain.as_deref()));
    }
    if let Some(name) = &account.name {
        names::set_user(rows, name);
    }
    rows.text_opt(Column::UserUid, account.sid.as_deref());
    if account.is_system() || matches!(id, 4741..=4743) {
        rows.verbatim(Column::UserType, "system");
    }
    // Who reports a sign-in or a lock is the machine, which did neither.
    let reports = matches!(words::class_of(meaning.activity), Some(3002)) || id == 4740;
    if let Some(actor) = subject.name.as_deref().filter(|_| !(reports && subject.is_system())) {
        let same = account
            .name
            .as_deref()
            .is_some_and(|name| names::normalise(name) == names::normalise(actor))
            || account.sid.is_some() && account.sid == subject.sid;
        if !same {
            names::set_actor(rows, actor);
        }
    }
}

fn write_origin(event: &Event<'_>, id: u16, rows: &mut EventBuilder) {
    let address = event.any(&["IpAddress", "ClientAddress", "CallingStationID", "ClientIPAddress"]);
    if let Some(Address::Ip(ip)) = address.as_deref().map(address::parse)
        && !ip.is_loopback()
        && !ip.is_unspecified()
    {
        address::set_source_ip(rows, ip);
    }
    let device = match id {
        4740 => event.get("TargetDomainName"),
        _ => event.any(&["WorkstationName", "Workstation", "ClientName"]),
    };
    if let Some(device) = device {
        rows.text(Column::DeviceUid, device.trim_start_matches('\\'));
    }
    rows.text_opt(Column::DstHost, event.computer().as_deref());
}

fn write_resource(event: &Event<'_>, id: u16, meaning: Meaning, rows: &mut EventBuilder) {
    let (resource, kind): (Option<Cow<'_, str>>, &str) = match id {
        _ if meaning.user == Whose::Member => (Account::of(event, "Target").name.map(Cow::Owned), "group"),
        4727
        | 4730
        | 4731
        | 4734
        | 4735
        | 4737
        | 4744
        | 4745
        | 4748..=4750
        | 4753..=4755
        | 4758..=4760
        | 4763
        | 4764 => (Account::of(event, "Target").name.map(Cow::Owned), "group"),
        1102 => (event.channel(), "policy"),
        4648 => (event.get("TargetServerName"), "device"),
        4672 | 4704 | 4705 => (event.get("PrivilegeList"), "role"),
        4717 => (event.get("AccessGranted"), "role"),
        4718 => (event.get("AccessRemoved"), "role"),
        4719 => (event.any(&["SubcategoryGuid", "SubcategoryId"]), "policy"),
        4769 | 4770 => {
            rows.text_opt(Column::AppName, event.get("ServiceName").as_deref());
            return;
        }
        5140 | 5145 => (shared_file(event), "file"),
        _ => (
            event
                .any(&["ServiceName", "TaskName"])
                .filter(|_| matches!(id, 4697 | 4698)),
            "app",
        ),
    };
    if let Some(resource) = resource {
        rows.text(Column::Resource, &words(&resource));
        rows.verbatim(Column::ResourceType, kind);
    }
}

/// Lists are written over several lines, with tabs.
fn words(text: &str) -> String {
    text.split(['\r', '\n', '\t'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn shared_file<'j>(event: &Event<'j>) -> Option<Cow<'j, str>> {
    let share = event.get("ShareName")?;
    match event.get("RelativeTargetName") {
        Some(file) => Some(Cow::Owned(format!("{share}\\{file}"))),
        None => Some(share),
    }
}

/// What only events of signing in have.
fn write_sign_in(event: &Event<'_>, rows: &mut EventBuilder) {
    let kind: Option<u8> = event.get("LogonType").and_then(|kind| kind.trim().parse().ok());
    // Microsoft's list of logon types: 2 at the machine, 7 unlocked, 10 over RDP, 11 to 13 the same
    // without a domain controller; 3 network, 4 batch, 5 service, 8 network with a clear password.
    let interactive = match kind {
        Some(2 | 7 | 10..=13) => Some(true),
        Some(0 | 3 | 4 | 5 | 8) => Some(false),
        _ => None,
    };
    if let Some(interactive) = interactive {
        rows.flag(Column::IsInteractive, interactive);
    }
    let package = event
        .any(&["AuthenticationPackageName", "AuthenticationPackage"])
        .unwrap_or_default();
    let finer = event.get("LmPackageName").unwrap_or_default();
    let protocol = if package.eq_ignore_ascii_case("Kerberos") {
        "kerberos"
    } else if is_ntlm(&package) || is_ntlm(&finer) {
        "ntlm"
    } else {
        match kind {
            Some(10 | 12) => "rdp",
            Some(2 | 7 | 11 | 13) => "local",
            _ => "",
        }
    };
    if !protocol.is_empty() {
        rows.verbatim(Column::AuthProtocol, protocol);
    }
    // RFC 4120 7.5.2 and RFC 4556: how the asker of a ticket proved who it is.
    let pre_authentication = event.get("PreAuthType").unwrap_or_default();
    let method = match (kind, pre_authentication.trim()) {
        (Some(8), _) | (_, "2" | "138") => "password",
        (_, "14" | "15" | "16" | "17") => "cert",
        _ => "",
    };
    if !method.is_empty() {
        rows.verbatim(Column::AuthMethod, method);
    }
    let session = event
        .get("TargetLogonId")
        .filter(|session| failures::number(session) != Some(0));
    rows.text_opt(Column::SessionUid, session.as_deref());
}

fn is_ntlm(package: &str) -> bool {
    package.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ntlm"))
        || package.eq_ignore_ascii_case("MICROSOFT_AUTHENTICATION_PACKAGE_V1_0")
}
