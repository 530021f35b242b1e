//! Sign-ins as Microsoft Entra sends them to an Event Hub.

use serde_json::{Value, json};

use super::{Event, Factor, Outcome, TENANT};
use crate::calendar::utc;

/// What is particular to a sign-in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignIn {
    pub(crate) outcome: Outcome,
    pub(crate) app: &'static str,
    /// Whether a person was present; a program renews its token otherwise.
    pub(crate) interactive: bool,
}

/// Code and words of an outcome.
fn status(outcome: Outcome) -> (u32, &'static str) {
    match outcome {
        Outcome::Success(_) => (0, "Other."),
        Outcome::WrongPassword => (
            50126,
            "Error validating credentials due to invalid username or password.",
        ),
        Outcome::NoSuchUser => (50034, "The user account does not exist in the directory."),
        Outcome::Disabled => (50057, "The user account is disabled."),
        Outcome::FactorAsked => (50074, "Strong Authentication is required."),
        Outcome::FactorTimeout | Outcome::FactorDenied => {
            (500_121, "Authentication failed during strong authentication request.")
        }
        Outcome::Blocked => (53003, "Access has been blocked by Conditional Access policies."),
    }
}

fn remark(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::FactorTimeout => Some("MFA denied; user did not respond to mobile app notification"),
        Outcome::FactorDenied => Some("MFA denied; user declined the authentication"),
        Outcome::Success(Factor::ByToken) => Some("MFA requirement satisfied by claim in the token"),
        _ => None,
    }
}

fn steps(outcome: Outcome) -> Value {
    let step = |method: &str, succeeded: bool, detail: &str| {
        json!({
            "authenticationMethod": method,
            "succeeded": succeeded,
            "authenticationStepResultDetail": detail,
        })
    };
    let password = step("Password", true, "Correct password");
    let by_phone = |succeeded, detail| json!([password, step("Mobile app notification", succeeded, detail)]);
    match outcome {
        Outcome::Success(Factor::ByToken) => json!([step(
            "Previously satisfied",
            true,
            "MFA requirement satisfied by claim in the token"
        )]),
        Outcome::Success(Factor::Given) => by_phone(true, "MFA completed in Azure AD"),
        Outcome::FactorTimeout => by_phone(false, "MFA denied; user did not respond to mobile app notification"),
        Outcome::FactorDenied => by_phone(false, "MFA denied; user declined the authentication"),
        Outcome::WrongPassword => json!([step("Password", false, "Invalid username or password")]),
        Outcome::Success(Factor::NotAsked) | Outcome::FactorAsked | Outcome::Blocked => json!([password]),
        Outcome::NoSuchUser | Outcome::Disabled => json!([]),
    }
}

/// The record of a sign-in.
pub(crate) fn sign_in(event: &Event<'_>, sign_in: &SignIn) -> String {
    let time = utc(event.time).to_string();
    let (code, words) = status(sign_in.outcome);
    let single = matches!(
        sign_in.outcome,
        Outcome::Success(Factor::NotAsked) | Outcome::WrongPassword | Outcome::NoSuchUser | Outcome::Disabled
    );
    let ip = event.ip.to_string();
    let properties = json!({
        "id": event.id,
        "createdDateTime": time,
        "userDisplayName": event.account.name,
        "userPrincipalName": event.account.user,
        "userId": event.account.uid,
        "appId": app_id(sign_in.app),
        "appDisplayName": sign_in.app,
        "ipAddress": ip,
        "clientAppUsed": if sign_in.interactive { "Browser" } else { "Mobile Apps and Desktop clients" },
        "userAgent": event.client.agent.text,
        "isInteractive": sign_in.interactive,
        "authenticationRequirement": if single { "singleFactorAuthentication" } else { "multiFactorAuthentication" },
        "authenticationProtocol": "none",
        "conditionalAccessStatus": if sign_in.outcome == Outcome::Blocked { "failure" } else { "notApplied" },
        "status": {"errorCode": code, "failureReason": words, "additionalDetails": remark(sign_in.outcome)},
        "authenticationDetails": steps(sign_in.outcome),
        "deviceDetail": device(event),
        "riskLevelDuringSignIn": "hidden",
        "riskLevelAggregated": "hidden",
        "riskState": "none",
        "riskEventTypes_v2": [],
        "sessionId": event.session,
        "homeTenantId": TENANT,
        "resourceTenantId": TENANT,
        "userType": "Member",
    });
    let category = if sign_in.interactive {
        "SignInLogs"
    } else {
        "NonInteractiveUserSignInLogs"
    };
    json!({
        "time": time,
        "resourceId": format!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
        "operationName": "Sign-in activity",
        "category": category,
        "tenantId": TENANT,
        "resultType": code.to_string(),
        "resultDescription": words,
        "callerIpAddress": ip,
        "correlationId": event.id,
        "identity": event.account.name,
        "Level": "4",
        "properties": properties,
    })
    .to_string()
}

fn device(event: &Event<'_>) -> Value {
    let client = event.client;
    json!({
        "deviceId": client.device.as_deref().unwrap_or_default(),
        "operatingSystem": client.agent.system,
        "browser": client.agent.browser,
        "isCompliant": client.managed,
        "isManaged": client.managed,
        "trustType": if client.managed { "Azure AD joined" } else { "" },
    })
}

/// An id for an application, from its name.
fn app_id(name: &str) -> String {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, mix);
    format!("a9900000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff)
}
