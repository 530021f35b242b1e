//! From one record to one row.

use std::borrow::Cow;

use sekisho_model::{Column, EventBuilder, Raw, words};

use super::accounts::{self, Account};
use super::operations::{Operation, operation};
use super::{ID, resources};
use crate::entra_signin::client::{family, is_guid, trust};
use crate::entra_signin::codes::{self, FAILURE, INTERRUPTED, Meaning, SUCCESS, mfa_result};
use crate::json::{Json, fill_side, time_of};
use crate::{address, names};

/// Writes the row of a record; an error if it is none.
pub(super) fn read(raw: &Raw<'_>, json: &Json<'_>, index: u32, rows: &mut EventBuilder) -> Result<(), String> {
    if !matches!(json, Json::Object(_)) {
        return Err("expected a JSON object, found another value".to_owned());
    }
    let inner = json.part("AuditData");
    if inner.is_none() && json.get("AuditData").is_some() {
        return Err("`AuditData` is not JSON".to_owned());
    }
    begin(raw, inner.as_deref().unwrap_or(json), json, index, rows)?;
    rows.end();
    Ok(())
}

/// Writes all of the row of a record but its end. `outer` is what the record stands in.
pub(super) fn begin(
    raw: &Raw<'_>,
    json: &Json<'_>,
    outer: &Json<'_>,
    index: u32,
    rows: &mut EventBuilder,
) -> Result<(), String> {
    if !matches!(json, Json::Object(_)) {
        return Err("expected a JSON object, found another value".to_owned());
    }
    let record = Record::of(json);
    rows.begin(raw, ID, index);
    record.common(rows);
    match record.operation.activity {
        "logon" => record.sign_in(rows),
        _ => record.result(rows),
    }
    record.who(rows);
    record.what(rows);
    fill_side(rows, &[record.json, outer]);
    Ok(())
}

struct Record<'a> {
    json: &'a Json<'a>,
    name: Cow<'a, str>,
    operation: Operation,
}

impl<'a> Record<'a> {
    fn of(json: &'a Json<'a>) -> Self {
        let name = json.text_at("Operation").unwrap_or_default();
        let mut operation = operation(&name);
        if name.eq_ignore_ascii_case("Set-Mailbox") && resources::sets_forwarding(json) {
            operation = Operation {
                activity: "mail_rule",
                resource_type: "mailbox",
            };
        }
        Self { json, name, operation }
    }

    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.json.text_at(key)
    }

    /// A value of one of the lists of names and values.
    fn named(&self, list: &str, name: &str) -> Option<Cow<'a, str>> {
        let value = self.json.get(list)?.named(name)?.text()?;
        if EventBuilder::means_nothing(&value) {
            None
        } else {
            Some(value)
        }
    }

    fn common(&self, rows: &mut EventBuilder) {
        if let Some(time) = ["CreationTime", "CreationDate"]
            .iter()
            .find_map(|key| time_of(self.json.get(key)?))
        {
            rows.time(Column::Time, time);
        }
        if let Some(id) = self.text("Id").or_else(|| self.text("Identity")) {
            rows.native_id(&id);
        }
        if self.name.is_empty() {
            rows.verbatim(Column::ParseStatus, "unparsed");
        }
        rows.text(Column::Action, &self.name);
        rows.verbatim(Column::Activity, self.operation.activity);
        rows.int(
            Column::ClassUid,
            words::class_of(self.operation.activity).unwrap_or_default(),
        );
        let _found = ["ClientIP", "ClientIPAddress", "ActorIpAddress"]
            .iter()
            .filter_map(|key| self.text(key))
            .any(|text| address::set_source(rows, &text));
        self.client(rows);
        let app = self.text("ApplicationDisplayName").or_else(|| self.text("Workload"));
        rows.text_opt(Column::AppName, app.as_deref());
        let context = self.json.part("AppAccessContext");
        let context = |key| {
            context
                .as_ref()
                .and_then(|context| context.text_at(key).map(Cow::into_owned))
        };
        let app = ["ApplicationId", "ClientAppId", "AppId"]
            .iter()
            .find_map(|key| self.text(key));
        rows.text_opt(
            Column::AppUid,
            app.map(Cow::into_owned).or_else(|| context("ClientAppId")).as_deref(),
        );
        let session = context("AADSessionId")
            .or_else(|| self.named("DeviceProperties", "SessionId").map(Cow::into_owned))
            .or_else(|| self.text("SessionId").map(Cow::into_owned));
        rows.text_opt(Column::SessionUid, session.as_deref());
    }

    fn client(&self, rows: &mut EventBuilder) {
        let agent = self
            .named("ExtendedProperties", "UserAgent")
            .or_else(|| self.text("UserAgent"))
            .or_else(|| self.agent_of_directory().map(Cow::Owned))
            .or_else(|| self.text("ClientInfoString"));
        rows.text_opt(Column::UserAgent, agent.as_deref());
        if self.json.get("DeviceProperties").is_none() {
            return;
        }
        let device = |name| self.named("DeviceProperties", name);
        rows.text_opt(
            Column::DeviceUid,
            device("Id").or_else(|| device("DisplayName")).as_deref(),
        );
        let flag = |name| device(name).map(|value| value.eq_ignore_ascii_case("true"));
        let word = trust(
            flag("IsCompliant"),
            flag("IsCompliantAndManaged"),
            device("TrustType").as_deref(),
        );
        rows.text_opt(Column::DeviceTrust, word);
        let family = family(device("BrowserType").as_deref(), device("OS").as_deref());
        rows.text_opt(Column::ClientFamily, family.as_deref());
    }

    /// Changes of the directory have it in a string of JSON.
    fn agent_of_directory(&self) -> Option<String> {
        let details = self.named("ExtendedProperties", "additionalDetails")?;
        let details = Json::parse(&details).ok()?;
        details.text_at("User-Agent").map(Cow::into_owned)
    }

    /// How a sign-in went: by the operation, then by the error, never by `ResultStatus`.
    fn sign_in(&self, rows: &mut EventBuilder) {
        let failed = self.name.eq_ignore_ascii_case("UserLoginFailed");
        let number = self.text("ErrorNumber").filter(|number| number != "0");
        let error = self.text("LogonError");
        let meaning = match (&number, &error) {
            (Some(number), _) => codes::by_code(number),
            (None, Some(error)) => Some(codes::by_name(error)),
            (None, None) => None,
        };
        let meaning = meaning.unwrap_or(Meaning {
            status: if failed { FAILURE } else { SUCCESS },
            reason: if failed { "other" } else { "" },
        });
        let redirect = !failed
            && self
                .named("ExtendedProperties", "ResultStatusDetail")
                .is_some_and(|word| word == "Redirect");
        let (status, reason) = if redirect && meaning.status == SUCCESS {
            (INTERRUPTED, "interrupted")
        } else {
            (meaning.status, meaning.reason)
        };
        rows.int(Column::StatusId, status);
        rows.text(Column::StatusReason, reason);
        rows.text_opt(
            Column::StatusCode,
            number.or(error).or_else(|| self.text("ErrorNumber")).as_deref(),
        );
        rows.text_opt(Column::AuthProtocol, self.protocol());
        rows.text_opt(Column::MfaResult, mfa_result(reason));
    }

    /// The protocol, of the kind of request: `OAuth2:Token`, `SAS:EndAuth`.
    fn protocol(&self) -> Option<&'static str> {
        let request = self.named("ExtendedProperties", "RequestType")?.to_ascii_lowercase();
        let known = [
            ("cmsi", "oidc"),
            ("devicecode", "device_code"),
            ("deviceauth", "device_code"),
            ("saml", "saml"),
            ("wsfed", "ws_federation"),
            ("oauth2", "oauth2"),
            ("login:login", "oidc"),
        ];
        known
            .iter()
            .find(|(part, _)| request.contains(part))
            .map(|(_, word)| *word)
    }

    /// How anything else went. Records of files have no result: they are written when it is done.
    fn result(&self, rows: &mut EventBuilder) {
        let result = self.text("ResultStatus");
        let status = match result.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("true" | "success" | "succeeded" | "partiallysucceeded" | "passed") => SUCCESS,
            Some("false" | "failed" | "failure" | "error") => FAILURE,
            Some(_) => 0,
            None if self.name.is_empty() => 0,
            None => SUCCESS,
        };
        rows.int(Column::StatusId, status);
        rows.text_opt(Column::StatusCode, result.as_deref());
        if status == FAILURE {
            rows.verbatim(Column::StatusReason, "other");
        }
    }

    /// Whose account it is, and who did it, if that is someone else.
    fn who(&self, rows: &mut EventBuilder) {
        let by = self
            .text("UserId")
            .and_then(Account::read)
            .or_else(|| self.actor_by_address());
        let by = by.or_else(|| {
            self.text("UserKey")
                .filter(|key| is_guid(key) || key.contains('@'))
                .and_then(Account::read)
        });
        let subject = self.subject().and_then(Account::read);
        match (subject, by) {
            // An alert is told by Microsoft itself, which did nothing.
            (Some(subject), Some(_)) if self.operation.activity == "risk_detection" => set_account(rows, &subject),
            (Some(subject), Some(by)) if !by.as_str().eq_ignore_ascii_case(subject.as_str()) => {
                set_account(rows, &subject);
                names::set_actor(rows, by.as_str());
                if let Some(id) = self.json.get("Target").and_then(accounts::object_id) {
                    rows.text(Column::UserUid, &id);
                }
            }
            (_, Some(by)) => {
                set_account(rows, &by);
                self.own_id(rows);
                self.own_type(rows, &by);
            }
            (Some(subject), None) => set_account(rows, &subject),
            (None, None) => self.own_id(rows),
        }
    }

    /// The account's immutable id.
    fn own_id(&self, rows: &mut EventBuilder) {
        let id = self
            .named("ExtendedProperties", "actorObjectId")
            .or_else(|| self.json.get("Actor").and_then(accounts::object_id))
            .or_else(|| self.text("UserKey").filter(|key| is_guid(key)));
        rows.text_opt(Column::UserUid, id.as_deref());
    }

    fn own_type(&self, rows: &mut EventBuilder, by: &Account<'_>) {
        let word = match by {
            Account::System(_) => Some("system"),
            Account::Anonymous(_) => Some("anonymous"),
            Account::Name(name) if name.to_ascii_lowercase().contains("#ext#") => Some("guest"),
            Account::Name(_) | Account::Id(_) => self.text("UserType").and_then(|kind| accounts::user_type(&kind)),
        };
        rows.text_opt(Column::UserType, word);
    }

    /// The address among the entries of `Actor`.
    fn actor_by_address(&self) -> Option<Account<'a>> {
        accounts::entry(self.json.get("Actor")?, &[5], |id| id.contains('@')).and_then(Account::read)
    }

    /// The account that was changed, where that is what the operation does.
    fn subject(&self) -> Option<Cow<'a, str>> {
        let is_address = |text: &Cow<'_, str>| text.contains('@') && !text.contains(char::is_whitespace);
        match self.operation.activity {
            "user_create" | "user_update" | "user_delete" | "user_enable" | "user_disable" | "password_change"
            | "password_reset" | "mfa_enable" | "mfa_disable" | "role_assign" | "role_remove" | "group_add"
            | "group_remove" => self
                .text("TargetUserOrGroupName")
                .filter(is_address)
                .or_else(|| self.text("ObjectId").filter(is_address))
                .or_else(|| accounts::entry(self.json.get("Target")?, &[5], |id| id.contains('@'))),
            "mail_rule" => ["Mailbox", "Identity"]
                .iter()
                .find_map(|name| resources::parameter(self.json, name).filter(is_address))
                .or_else(|| self.text("MailboxOwnerUPN")),
            "mailbox_permission" => ["User", "Trustee"]
                .iter()
                .find_map(|name| resources::parameter(self.json, name).filter(is_address)),
            "risk_detection" => self
                .text("AlertEntityId")
                .filter(is_address)
                .or_else(|| resources::alerted(self.json).map(Cow::Owned).filter(is_address)),
            _ => None,
        }
    }

    fn what(&self, rows: &mut EventBuilder) {
        let Operation {
            activity,
            resource_type: kind,
        } = self.operation;
        let resource = match (activity, kind) {
            ("mail_rule", _) => resources::rule(self.json),
            ("mail_send", _) => ["SendAsUserSmtp", "SendOnBehalfOfUserSmtp", "MailboxOwnerUPN"]
                .iter()
                .find_map(|key| self.text(key)),
            (_, "mailbox") => self
                .text("MailboxOwnerUPN")
                .or_else(|| resources::parameter(self.json, "Identity"))
                .or_else(|| self.text("ObjectId")),
            (_, "role" | "group" | "app" | "policy" | "device") => resources::directory_object(self.json, kind),
            ("logon" | "logoff", _) => None,
            ("risk_detection", _) => self.text("Name").or_else(|| self.text("ObjectId")),
            _ => self.text("ObjectId"),
        };
        if let Some(resource) = resource {
            rows.text(Column::Resource, &resource);
            if !kind.is_empty() {
                rows.verbatim(Column::ResourceType, kind);
            }
        }
        rows.int_opt(Column::ItemCount, resources::item_count(self.json, activity));
        if activity == "risk_detection" {
            rows.int_opt(
                Column::RiskLevel,
                self.text("Severity").and_then(|severity| resources::risk(&severity)),
            );
        }
    }
}

fn set_account(rows: &mut EventBuilder, account: &Account<'_>) {
    match account {
        Account::Name(name) | Account::System(name) | Account::Anonymous(name) => names::set_user(rows, name),
        Account::Id(id) => rows.text(Column::UserUid, id),
    }
}
