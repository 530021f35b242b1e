//! The closed words of columns: columns of which a value is one of a list, so that rules and detectors may rely on it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::Column;

/// What may be done, with its OCSF class: <https://schema.ocsf.io>. `other` is of no class.
pub const ACTIVITIES: &[(&str, i64)] = &[
    ("logon", 3002),
    ("logoff", 3002),
    ("session_refresh", 3002),
    ("mfa_challenge", 3002),
    ("token_grant", 3002),
    ("vpn_connect", 3002),
    ("vpn_disconnect", 3002),
    ("user_create", 3001),
    ("user_update", 3001),
    ("user_delete", 3001),
    ("user_enable", 3001),
    ("user_disable", 3001),
    ("user_lock", 3001),
    ("user_unlock", 3001),
    ("password_change", 3001),
    ("password_reset", 3001),
    ("mfa_enable", 3001),
    ("mfa_disable", 3001),
    ("role_assign", 3005),
    ("role_remove", 3005),
    ("group_add", 3006),
    ("group_remove", 3006),
    ("web_request", 4002),
    ("mail_send", 4009),
    ("file_download", 6006),
    ("file_access", 6006),
    ("file_share", 6006),
    ("file_delete", 6006),
    ("mail_access", 6003),
    ("mail_rule", 6003),
    ("mailbox_permission", 6003),
    ("app_consent", 6003),
    ("credential_add", 6003),
    ("policy_change", 6003),
    ("admin_command", 6003),
    ("risk_detection", 2004),
    ("other", 0),
];

/// The words of text columns, and of numbered ones in the order of their numbers from 0 on.
const WORDS: &[(Column, &[&str])] = &[
    (Column::StatusId, &["unknown", "success", "failure", "interrupted"]),
    (
        Column::StatusReason,
        &[
            "bad_credentials",
            "no_such_user",
            "bad_password",
            "bad_key",
            "user_disabled",
            "user_locked",
            "account_expired",
            "password_expired",
            "policy_blocked",
            "mfa_required",
            "mfa_denied",
            "mfa_failed",
            "mfa_timeout",
            "session_expired",
            "interrupted",
            "rate_limited",
            "other",
        ],
    ),
    (
        Column::UserType,
        &["member", "guest", "admin", "service", "system", "anonymous"],
    ),
    (
        Column::SrcIpType,
        &[
            "public",
            "private",
            "cgnat",
            "loopback",
            "link_local",
            "redacted",
            "service",
        ],
    ),
    (
        Column::SrcNetKind,
        &[
            "office", "egress", "sase", "mobile", "hosting", "vpn", "tor", "relay", "inflight", "fixed", "unknown",
        ],
    ),
    (
        Column::MfaResult,
        &[
            "none",
            "not_required",
            "required",
            "satisfied",
            "satisfied_by_token",
            "denied",
            "failed",
        ],
    ),
    (
        Column::DeviceTrust,
        &["compliant", "managed", "registered", "unmanaged", "unknown"],
    ),
    (Column::RiskLevel, &["none", "low", "medium", "high", "critical"]),
    (Column::ParseStatus, &["ok", "partial", "unparsed"]),
];

static NAMES_OF_ACTIVITIES: LazyLock<Vec<&str>> = LazyLock::new(|| ACTIVITIES.iter().map(|(name, _)| *name).collect());

/// The words that a column takes; `None` if it takes others than those of a list.
pub fn of(column: Column) -> Option<&'static [&'static str]> {
    if column == Column::Activity {
        return Some(&NAMES_OF_ACTIVITIES);
    }
    WORDS
        .iter()
        .find(|(known, _)| *known == column)
        .map(|(_, words)| *words)
}

/// The OCSF class of an activity; none if it is not of the list.
pub fn class_of(activity: &str) -> Option<i64> {
    let found = ACTIVITIES.iter().find(|(name, _)| *name == activity);
    found.map(|(_, class)| *class)
}

/// The lists as a table of Markdown.
pub fn to_markdown() -> String {
    let columns = std::iter::once(Column::Activity).chain(WORDS.iter().map(|(column, _)| *column));
    let mut text = String::from("| column | its words |\n|---|---|\n");
    for column in columns {
        let words: Vec<String> = of(column)
            .unwrap_or_default()
            .iter()
            .map(|word| format!("`{word}`"))
            .collect();
        // Writing to a `String` does not fail.
        let _never = writeln!(text, "| `{}` | {} |", column.spec().name, words.join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_once() {
        for column in [Column::Activity]
            .into_iter()
            .chain(WORDS.iter().map(|(column, _)| *column))
        {
            let words = of(column).unwrap();
            let distinct: std::collections::BTreeSet<_> = words.iter().collect();
            assert_eq!(distinct.len(), words.len(), "{column:?}");
        }
        assert_eq!(of(Column::UserName), None);
        assert_eq!(class_of("logon"), Some(3002));
        assert_eq!(class_of("login"), None);
    }
}
