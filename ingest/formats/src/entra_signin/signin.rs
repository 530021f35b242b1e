//! From one record to one row.

use std::borrow::Cow;

use sekisho_model::{Column, EventBuilder, Raw, Time};

use super::ID;
use super::client::{NO_GUID, family, is_guid, trust};
use super::codes::{self, Meaning};
use super::factors::{Factors, method, refine};
use crate::json::{Json, fill_side, time_of};
use crate::{address, names};

/// OCSF class of authentication.
const AUTHENTICATION: i64 = 3002;

/// Fields that only a sign-in has; for records without a category.
const SIGN_IN_KEYS: [&str; 6] = [
    "conditionalAccessStatus",
    "clientAppUsed",
    "isInteractive",
    "signInEventTypes",
    "authenticationRequirement",
    "appliedConditionalAccessPolicies",
];

/// What `authenticationProtocol` says, and our word.
const PROTOCOLS: [(&str, &str); 5] = [
    ("ropc", "ropc"),
    ("deviceCode", "device_code"),
    ("oAuth2", "oauth2"),
    ("saml20", "saml"),
    ("wsFederation", "ws_federation"),
];

/// What `clientAppUsed` says of a legacy protocol, by a part of it, and our word.
const LEGACY: [(&str, &str); 11] = [
    ("imap", "imap"),
    ("pop", "pop3"),
    ("smtp", "smtp"),
    ("activesync", "activesync"),
    ("exchange web services", "ews"),
    ("mapi", "mapi"),
    ("autodiscover", "autodiscover"),
    ("outlook anywhere", "rpc"),
    ("offline address book", "oab"),
    ("powershell", "powershell"),
    ("other clients", "basic"),
];

/// Writes the row of a record; an error if it is no object.
pub(super) fn read(raw: &Raw<'_>, json: &Json<'_>, index: u32, rows: &mut EventBuilder) -> Result<(), String> {
    if !matches!(json, Json::Object(_)) {
        return Err("expected a JSON object, found another value".to_owned());
    }
    let properties = json.part("properties");
    let record = Record {
        outer: json,
        body: properties.as_deref().unwrap_or(json),
    };
    rows.begin(raw, ID, index);
    record.identity(rows);
    if record.is_sign_in() {
        record.sign_in(rows);
    } else {
        record.something_else(rows);
    }
    fill_side(rows, &[json, record.body]);
    rows.end();
    Ok(())
}

/// A record: the envelope of an Event Hub and the properties in it; of Graph, both the same.
struct Record<'a> {
    outer: &'a Json<'a>,
    body: &'a Json<'a>,
}

impl<'a> Record<'a> {
    fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.body.text_at(key).or_else(|| self.outer.text_at(key))
    }

    fn part(&self, key: &str) -> Option<Cow<'a, Json<'a>>> {
        self.body.part(key).or_else(|| self.outer.part(key))
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.body.get(key).or_else(|| self.outer.get(key))?.flag()
    }

    fn identity(&self, rows: &mut EventBuilder) {
        let times = ["createdDateTime", "activityDateTime", "time", "TimeGenerated"];
        if let Some(time) = times.iter().find_map(|key| self.time(key)) {
            rows.time(Column::Time, time);
        }
        if let Some(id) = self.text("id") {
            rows.native_id(&id);
        }
        let action = self.text("operationName").unwrap_or(Cow::Borrowed("Sign-in activity"));
        rows.text(Column::Action, &action);
    }

    fn time(&self, key: &str) -> Option<Time> {
        [self.body, self.outer]
            .into_iter()
            .find_map(|json| time_of(json.get(key)?))
    }

    fn category(&self) -> Option<Cow<'a, str>> {
        self.outer.text_at("category").or_else(|| self.outer.text_at("Type"))
    }

    fn is_sign_in(&self) -> bool {
        match self.category() {
            Some(category) => category.to_ascii_lowercase().ends_with("signinlogs"),
            None => {
                SIGN_IN_KEYS.iter().any(|key| self.body.get(key).is_some())
                    || self
                        .text("operationName")
                        .is_some_and(|name| name.eq_ignore_ascii_case("Sign-in activity"))
            }
        }
    }

    /// Another category of the same stream: what every record has, marked as not understood.
    fn something_else(&self, rows: &mut EventBuilder) {
        rows.verbatim(Column::ParseStatus, "unparsed");
        rows.text_opt(
            Column::Action,
            self.text("operationName").or_else(|| self.category()).as_deref(),
        );
        let initiator = self.part("initiatedBy");
        let initiator = initiator.as_ref().and_then(|by| by.part("user"));
        let name = initiator.as_ref().and_then(|user| user.text_at("userPrincipalName"));
        if let Some(name) = name.or_else(|| self.text("userPrincipalName")) {
            names::set_user(rows, &name);
        }
        let from = initiator.as_ref().and_then(|user| user.text_at("ipAddress"));
        if let Some(from) = from
            .or_else(|| self.text("callerIpAddress"))
            .or_else(|| self.text("ipAddress"))
        {
            address::set_source(rows, &from);
        }
    }

    fn sign_in(&self, rows: &mut EventBuilder) {
        rows.int(Column::ClassUid, AUTHENTICATION);
        rows.verbatim(Column::Activity, "logon");
        self.who(rows);
        self.whence(rows);
        self.outcome(rows);
        rows.text_opt(Column::AppName, self.text("appDisplayName").as_deref());
        rows.text_opt(Column::AppUid, self.text("appId").as_deref());
        if let Some(resource) = self.text("resourceDisplayName") {
            rows.text(Column::Resource, &resource);
            rows.verbatim(Column::ResourceType, "app");
        }
        rows.text_opt(Column::AuthProtocol, self.protocol().as_deref());
        rows.text_opt(
            Column::SessionUid,
            self.text("sessionId").or_else(|| self.text("correlationId")).as_deref(),
        );
        self.client(rows);
        rows.int_opt(Column::RiskLevel, self.risk());
    }

    /// Whether it is an application that signed in, not a person.
    fn is_service(&self) -> bool {
        match self.category() {
            Some(category) => {
                let category = category.to_ascii_lowercase();
                category.contains("serviceprincipal") || category.contains("managedidentity")
            }
            None => {
                self.text("userPrincipalName").is_none()
                    && self.text("userId").is_none()
                    && self.text("servicePrincipalId").is_some()
            }
        }
    }

    fn who(&self, rows: &mut EventBuilder) {
        if self.is_service() {
            rows.verbatim(Column::UserType, "service");
            rows.text_opt(Column::UserUid, self.text("servicePrincipalId").as_deref());
            if let Some(name) = self
                .text("servicePrincipalName")
                .or_else(|| self.text("appDisplayName"))
            {
                names::set_user(rows, &name);
            }
            return;
        }
        let id = self.text("userId").filter(|id| id != NO_GUID);
        rows.text_opt(Column::UserUid, id.as_deref());
        match self.text("userPrincipalName") {
            Some(name) if is_guid(&name) => {
                if id.is_none() {
                    rows.text(Column::UserUid, &name);
                }
            }
            Some(name) => names::set_user(rows, &name),
            // What was typed; only an address, for some type their password here.
            None => {
                let typed = ["signInIdentifier", "alternateSignInName"]
                    .iter()
                    .find_map(|key| self.text(key));
                if let Some(typed) = typed.filter(|typed| typed.contains('@')) {
                    names::set_user(rows, &typed);
                }
            }
        }
        let kind = self.text("userType").map(|kind| kind.to_ascii_lowercase());
        if let Some(kind) = kind.filter(|kind| kind == "member" || kind == "guest") {
            rows.verbatim(Column::UserType, &kind);
        }
    }

    /// Where it came from. The vendor's idea of the place counts only where there is no address that
    /// our own database could know.
    fn whence(&self, rows: &mut EventBuilder) {
        let texts = [
            self.body.text_at("ipAddress"),
            self.outer.text_at("callerIpAddress"),
            self.outer.text_at("ipAddress"),
        ];
        let _found = texts.into_iter().flatten().any(|text| address::set_source(rows, &text));
        if rows.current(Column::SrcIpType) == Some("public") {
            return;
        }
        let place = self.part("location").or_else(|| self.part("locationDetails"));
        let country = match &place {
            Some(place) => place.text_at("countryOrRegion"),
            None => self.text("location"),
        };
        let country = country.filter(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()));
        rows.text_opt(
            Column::SrcCountry,
            country.map(|code| code.to_ascii_uppercase()).as_deref(),
        );
        let Some(place) = place else { return };
        rows.text_opt(Column::SrcCity, place.text_at("city").as_deref());
        if let Some(point) = place.part("geoCoordinates") {
            let number = |key| point.get(key).and_then(Json::float);
            if let (Some(lat), Some(lon)) = (number("latitude"), number("longitude"))
                && (lat != 0.0 || lon != 0.0)
            {
                rows.float(Column::SrcLat, lat);
                rows.float(Column::SrcLon, lon);
            }
        }
    }

    fn outcome(&self, rows: &mut EventBuilder) {
        let status = self.part("status");
        let inner = |key| status.as_ref().and_then(|status| status.text_at(key));
        let codes = [
            inner("errorCode"),
            self.outer.text_at("resultType"),
            self.text("status"),
            self.text("resultSignature"),
        ];
        let known = codes
            .into_iter()
            .flatten()
            .find_map(|code| Some((codes::by_code(&code)?, code)));
        if let Some((_, code)) = &known {
            rows.text(Column::StatusCode, code);
        }
        let steps = self.part("authenticationDetails");
        let second = self.part("mfaDetail");
        let second = second.as_ref().and_then(|detail| detail.text_at("authMethod"));
        let (requirement, remark) = (self.text("authenticationRequirement"), inner("additionalDetails"));
        let factors = Factors {
            steps: steps.as_deref(),
            requirement: requirement.as_deref(),
            second: second.as_deref(),
            remark: remark.as_deref(),
            interactive: self.interactive(),
        };
        let outcome = known.map(|(outcome, _)| self.locked_or_blocked(refine(outcome, &factors)));
        if let Some(outcome) = outcome {
            rows.int(Column::StatusId, outcome.status);
            rows.text(Column::StatusReason, outcome.reason);
        }
        let methods = factors.methods();
        let methods = methods.or_else(|| method(&self.text("clientCredentialType")?).map(str::to_owned));
        rows.text_opt(Column::AuthMethod, methods.as_deref());
        // Nobody asks an application for a second factor.
        if !self.is_service() {
            rows.text_opt(Column::MfaResult, factors.result(outcome));
        }
        if let Some(interactive) = factors.interactive {
            rows.flag(Column::IsInteractive, interactive);
        }
    }

    /// One code stands for a locked account and for an address that is known for attacks.
    fn locked_or_blocked(&self, outcome: Meaning) -> Meaning {
        if outcome.reason != "user_locked" {
            return outcome;
        }
        let reasons = [
            self.part("status")
                .and_then(|status| status.text_at("failureReason").map(Cow::into_owned)),
            self.outer.text_at("resultDescription").map(Cow::into_owned),
        ];
        let malicious = reasons.into_iter().flatten().any(|text| text.contains("malicious"));
        if malicious {
            Meaning {
                reason: "policy_blocked",
                ..outcome
            }
        } else {
            outcome
        }
    }

    fn interactive(&self) -> Option<bool> {
        if let Some(flag) = self.flag("isInteractive") {
            return Some(flag);
        }
        if let Some(kinds) = self.part("signInEventTypes") {
            return Some(
                kinds
                    .elements()
                    .iter()
                    .any(|kind| kind.text().as_deref() == Some("interactiveUser")),
            );
        }
        let category = self.category()?.to_ascii_lowercase();
        Some(matches!(category.as_str(), "signinlogs" | "adfssigninlogs"))
    }

    fn protocol(&self) -> Option<Cow<'static, str>> {
        let named = self
            .text("authenticationProtocol")
            .filter(|name| !name.eq_ignore_ascii_case("none"));
        if let Some(named) = named {
            let word = PROTOCOLS.iter().find(|(name, _)| named.eq_ignore_ascii_case(name));
            return Some(word.map_or_else(
                || Cow::Owned(named.to_ascii_lowercase()),
                |(_, word)| Cow::Borrowed(*word),
            ));
        }
        if self
            .text("originalTransferMethod")
            .is_some_and(|method| method.eq_ignore_ascii_case("deviceCodeFlow"))
        {
            return Some(Cow::Borrowed("device_code"));
        }
        let client = self.text("clientAppUsed")?.to_ascii_lowercase();
        LEGACY
            .iter()
            .find(|(part, _)| client.contains(part))
            .map(|(_, word)| Cow::Borrowed(*word))
    }

    fn client(&self, rows: &mut EventBuilder) {
        rows.text_opt(Column::UserAgent, self.text("userAgent").as_deref());
        let Some(device) = self.part("deviceDetail") else {
            return;
        };
        let id = device
            .text_at("deviceId")
            .filter(|id| id != NO_GUID)
            .or_else(|| device.text_at("displayName"));
        rows.text_opt(Column::DeviceUid, id.as_deref());
        let flag = |key| device.get(key).and_then(Json::flag);
        let word = trust(
            flag("isCompliant"),
            flag("isManaged"),
            device.text_at("trustType").as_deref(),
        );
        rows.verbatim(Column::DeviceTrust, word.unwrap_or("unknown"));
        let (browser, system) = (device.text_at("browser"), device.text_at("operatingSystem"));
        rows.text_opt(
            Column::ClientFamily,
            family(browser.as_deref(), system.as_deref()).as_deref(),
        );
    }

    /// The higher of the two levels; without the licence for them both are hidden.
    fn risk(&self) -> Option<i64> {
        let levels = ["riskLevelDuringSignIn", "riskLevelAggregated"]
            .iter()
            .filter_map(|key| self.text(key));
        levels
            .filter_map(|level| match level.to_ascii_lowercase().as_str() {
                "none" => Some(0),
                "low" => Some(1),
                "medium" => Some(2),
                "high" => Some(3),
                _ => None,
            })
            .max()
    }
}
