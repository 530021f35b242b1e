//! With what a sign-in was proved, and how the second factor went.

use super::codes::{FAILURE, Meaning, SUCCESS, mfa_result};
use crate::json::Json;

/// Methods by a part of their name, as Entra writes it in different places and years, and our word.
/// The first that fits counts.
const METHODS: [(&str, &str); 27] = [
    ("passwordless", "passwordless_phone"),
    ("password", "password"),
    ("fido", "fido2"),
    ("passkey", "fido2"),
    ("windows hello", "windows_hello"),
    ("windowshello", "windows_hello"),
    ("certificate", "cert"),
    ("temporary access pass", "temporary_access_pass"),
    ("notification", "push"),
    ("push", "push"),
    ("text message", "sms"),
    ("sms", "sms"),
    ("voice", "phone_call"),
    ("phone call", "phone_call"),
    ("call", "phone_call"),
    ("oath", "otp"),
    ("verification code", "otp"),
    ("one-time", "otp"),
    ("onetime", "otp"),
    ("otp", "otp"),
    ("phone sign-in", "passwordless_phone"),
    ("authenticator", "push"),
    ("phoneapp", "push"),
    ("secret", "client_secret"),
    ("managedidentity", "managed_identity"),
    ("federated", "federated"),
    ("assertion", "cert"),
];

/// The word of a method, if it names one.
pub(super) fn method(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    METHODS
        .iter()
        .find(|(part, _)| name.contains(part))
        .map(|(_, word)| *word)
}

/// What the record tells of how the user proved who it is.
pub(super) struct Factors<'a> {
    /// `authenticationDetails`, if there is one.
    pub(super) steps: Option<&'a Json<'a>>,
    /// `authenticationRequirement`.
    pub(super) requirement: Option<&'a str>,
    /// `mfaDetail.authMethod`, of old records.
    pub(super) second: Option<&'a str>,
    /// `status.additionalDetails`.
    pub(super) remark: Option<&'a str>,
    /// Whether a person was present.
    pub(super) interactive: Option<bool>,
}

impl Factors<'_> {
    /// The methods that were tried, in order: `password+push`.
    pub(super) fn methods(&self) -> Option<String> {
        let mut words: Vec<&str> = Vec::new();
        let steps = self.steps.map(Json::elements).unwrap_or_default();
        let names = steps.iter().filter_map(|step| step.text_at("authenticationMethod"));
        for name in names.chain(self.second.map(Into::into)) {
            if let Some(word) = method(&name)
                && !words.contains(&word)
            {
                words.push(word);
            }
        }
        if words.is_empty() { None } else { Some(words.join("+")) }
    }

    /// How the second factor went; `None` if nothing tells.
    pub(super) fn result(&self, outcome: Option<Meaning>) -> Option<&'static str> {
        let told = outcome.and_then(|outcome| mfa_result(outcome.reason));
        if let Some("denied" | "failed") = told {
            return told;
        }
        if self.single() {
            return Some("not_required");
        }
        let succeeded = outcome.is_some_and(|outcome| outcome.status == SUCCESS);
        let by_token = ["mfa requirement satisfied by claim in the token", "remembered device"];
        if self.any_text(&|text| by_token.iter().any(|words| text.contains(words))) {
            return Some("satisfied_by_token");
        }
        if self.second_step_succeeded() || self.any_text(&|text| text.contains("mfa completed")) {
            return Some("satisfied");
        }
        if succeeded && self.second.is_some() {
            return Some("satisfied");
        }
        if told.is_some() {
            return told;
        }
        self.requirement?;
        match (succeeded, self.interactive) {
            (true, Some(false)) => Some("satisfied_by_token"),
            (true, _) => Some("satisfied"),
            (false, _) => Some("required"),
        }
    }

    fn single(&self) -> bool {
        self.requirement
            .is_some_and(|text| text.eq_ignore_ascii_case("singleFactorAuthentication"))
    }

    /// A step with something else than a password; also a first one, if it is two factors in one.
    fn second_step_succeeded(&self) -> bool {
        let steps = self.steps.map(Json::elements).unwrap_or_default();
        steps.iter().any(|step| {
            let word = step.text_at("authenticationMethod").and_then(|name| method(&name));
            let second = word.is_some_and(|word| !matches!(word, "password" | "federated"));
            second && step.get("succeeded").and_then(Json::flag) == Some(true)
        })
    }

    /// Whether one of the remarks, in lower case, meets `test`.
    fn any_text(&self, test: &dyn Fn(&str) -> bool) -> bool {
        let steps = self.steps.map(Json::elements).unwrap_or_default();
        let results = steps
            .iter()
            .filter_map(|step| step.text_at("authenticationStepResultDetail"));
        results
            .chain(self.remark.map(Into::into))
            .any(|text| test(&text.to_ascii_lowercase()))
    }

    /// Why the second factor failed, by what the record remarks: every remark begins with "MFA denied",
    /// and what follows tells a refusal from a missing answer and from a wrong code.
    pub(super) fn failure(&self) -> &'static str {
        const NO_ANSWER: [&str; 5] = ["did not respond", "timed out", "timeout", "no response", "no answer"];
        const REFUSED: [&str; 4] = ["declined", "fraud", "user is blocked", "denied by user"];
        let mentions = |words: &[&str]| self.any_text(&|text| words.iter().any(|word| text.contains(word)));
        if mentions(&NO_ANSWER) {
            "mfa_timeout"
        } else if mentions(&REFUSED) {
            "mfa_denied"
        } else {
            "mfa_failed"
        }
    }
}

/// A failure at the second factor, told apart by what the record remarks.
pub(super) fn refine(outcome: Meaning, factors: &Factors<'_>) -> Meaning {
    if outcome.reason == "mfa_failed" {
        Meaning {
            status: FAILURE,
            reason: factors.failure(),
        }
    } else {
        outcome
    }
}
