//! The closed list of activities.

/// The OCSF class of an activity; none if it is not of the list. `other` is of no class.
pub(crate) fn class(activity: &str) -> Option<i64> {
    Some(match activity {
        "logon" | "logoff" | "session_refresh" | "mfa_challenge" | "token_grant" | "vpn_connect" | "vpn_disconnect" => {
            3002
        }
        "user_create" | "user_update" | "user_delete" | "user_enable" | "user_disable" | "user_lock"
        | "user_unlock" | "password_change" | "password_reset" | "mfa_enable" | "mfa_disable" => 3001,
        "role_assign" | "role_remove" => 3005,
        "group_add" | "group_remove" => 3006,
        "web_request" => 4002,
        "mail_send" => 4009,
        "file_download" | "file_access" | "file_share" | "file_delete" => 6006,
        "mail_access" | "mail_rule" | "mailbox_permission" | "app_consent" | "credential_add" | "policy_change"
        | "admin_command" => 6003,
        "risk_detection" => 2004,
        "other" => 0,
        _ => return None,
    })
}
