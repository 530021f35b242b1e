//! English.

use sekisho_model::Severity;

use super::Words;

pub(super) static WORDS: Words = Words {
    level,
    title: "[{level}] {what}: {who}",
    title_more: " (and {count} more)",
    got_worse: " (got worse)",
    got_more: " (something new joined)",
    resent: "(resent) ",
    no_alert: "Suspicious activity",
    no_reason: "See the command below for what is known.",
    who: "Who",
    users: "{who} (accounts: {users})",
    users_and_more: "{who} (accounts: {users} and others, {count} in all)",
    comma: ", ",
    colon: ": ",
    when: "When",
    places: "Where",
    before_and_now: "{before} ({before_at}) → {now} ({now_at})",
    now_only: "{now} ({now_at})",
    why: "Why",
    titled: "{title}: {reason}",
    reasons_more: "{count} more alerts.",
    sure: "How sure",
    sure_bands: [
        "{score}/100, almost certain. Act now.",
        "{score}/100, likely. Treat it as real and check it first.",
        "{score}/100, possible. Ask the person whether it was them.",
        "{score}/100, unlikely. For your information.",
    ],
    steps: "What to do",
    steps_default: [
        "Call the person and ask whether it was them.",
        "If not, disable the account and end all its sessions.",
        "Change the password, and check what was done last: mail forwarding, downloads.",
    ],
    late: "Found late: the record came {delay} late (happened {happened}, received {received}).",
    reference: "More: sekisho incidents show {id}",
    reasons: &[
        (
            "match",
            "Records with {field} that had not been seen in the {first_seen_days} days before: {evidence}.",
        ),
        (
            "match",
            "Records that match this rule: {evidence}, the latest on {resource}.",
        ),
        (
            "match",
            "Records that match this rule: {evidence}, the latest at {target}.",
        ),
        ("match", "Records that match this rule: {evidence}."),
        (
            "event_count",
            "Records of {group} were not followed by what should follow within {not_followed_secs}.",
        ),
        (
            "event_count",
            "Records were not followed by what should follow within {not_followed_secs}.",
        ),
        (
            "event_count",
            "{count} records within {window_secs} for {group} (the threshold is {threshold}).",
        ),
        (
            "event_count",
            "{count} records within {window_secs} (the threshold is {threshold}).",
        ),
        ("event_count", "{count} records within {window_secs}."),
        ("event_count", "{count} records within a short time."),
        (
            "value_count",
            "{distinct} different {field} within {window_secs} for {group} (the threshold is {threshold}).",
        ),
        (
            "value_count",
            "{distinct} different {field} within {window_secs} (the threshold is {threshold}).",
        ),
        ("value_count", "{distinct} different {field} within {window_secs}."),
        ("value_count", "{distinct} different values within a short time."),
        (
            "value_sum",
            "The {field} of {group} add up to {sum} within {window_secs} (the threshold is {threshold}).",
        ),
        (
            "value_sum",
            "The {field} add up to {sum} within {window_secs} (the threshold is {threshold}).",
        ),
        ("value_sum", "The values add up to {sum} within a short time."),
        (
            "value_avg",
            "The {field} of {group} were {average} on average within {window_secs} (the bound is {threshold}).",
        ),
        (
            "value_avg",
            "The {field} were {average} on average within {window_secs} (the bound is {threshold}).",
        ),
        (
            "value_median",
            "The median of the {field} of {group} was {average} within {window_secs} (the bound is {threshold}).",
        ),
        (
            "value_median",
            "The median of the {field} was {average} within {window_secs} (the bound is {threshold}).",
        ),
        (
            "value_percentile",
            "The percentile of the {field} of {group} was {average} within {window_secs} (the bound is {threshold}).",
        ),
        (
            "value_percentile",
            "The percentile of the {field} was {average} within {window_secs} (the bound is {threshold}).",
        ),
        ("temporal_ordered", "{steps}, in this order, within {window_secs}."),
        (
            "temporal_ordered",
            "Several steps followed each other in a known order within {window_secs}.",
        ),
        (
            "temporal_ordered",
            "Several steps followed each other in a known order.",
        ),
        ("temporal", "{rules} came together within {window_secs}."),
        ("temporal", "Several related things came together within {window_secs}."),
        ("temporal", "Several related things came together."),
        (
            "geo_velocity",
            "{from_end} → {to_end}. They are {distance_km} km apart ({effective_km} km after the error of the positions): the way takes at least {minutes_needed}, and there were only {minutes_taken} ({ratio} times too fast).",
        ),
        (
            "geo_velocity",
            "{from_end} → {to_end}. They are {distance_km} km apart: the way takes at least {minutes_needed}, and there were only {minutes_taken}.",
        ),
        ("geo_velocity", "{from_end} → {to_end}. Nobody travels that fast."),
        (
            "geo_velocity",
            "It was used from two places that are too far apart for the time between.",
        ),
        (
            "leaver",
            "The person left on {left}; the account was used {days_since} days later.",
        ),
        (
            "leaver",
            "The person left on {left}. Somebody knew the password {days_right} days later, and was stopped only by the second factor or a policy.",
        ),
        (
            "leaver",
            "The person left on {left}. Somebody tried to sign in {days_tried} days later, and was refused.",
        ),
        ("leaver", "The person left on {left}, and the account was used."),
        ("leaver", "The person has left, and the account was used."),
        (
            "mass_download",
            "{files} files with {megabytes} MB in all were downloaded within {window_secs}.",
        ),
        (
            "mass_download",
            "{files} different files were downloaded within {window_secs} (the threshold is {threshold}; they count more for being {factors}).",
        ),
        (
            "mass_download",
            "{files} different files were downloaded within {window_secs} (the threshold is {threshold}).",
        ),
        ("mass_download", "Many files were downloaded within a short time."),
        (
            "mass_send",
            "{messages} messages to {unfamiliar_recipients} recipients within {window_secs}, from where the person is not known (the threshold is {threshold}).",
        ),
        (
            "mass_send",
            "{bounces} of its mails came back within {window_secs} (the threshold is {threshold}).",
        ),
        (
            "mass_send",
            "The mail service itself stopped the account ({restricted}).",
        ),
        (
            "mass_send",
            "{messages} messages to {recipients} recipients within {window_secs} (the threshold is {threshold}).",
        ),
        (
            "mass_send",
            "Mail to {recipients} recipients within {window_secs} (the threshold is {threshold}).",
        ),
        ("mass_send", "Mail to {recipients} recipients within a short time."),
        (
            "privileged_off_hours",
            "An administrator's action {office_state}, at {local_time} local time.",
        ),
        ("privileged_off_hours", "An administrator's action {office_state}."),
        ("privileged_off_hours", "An administrator's action at an unusual time."),
        (
            "session_reuse",
            "{from_end} ({from_client}) → {to_end} ({to_client}). This is one session, used {minutes_taken} apart. What changed: {changed}.",
        ),
        (
            "session_reuse",
            "{from_end} → {to_end}. This is one session, used {minutes_taken} apart. What changed: {changed}.",
        ),
        (
            "session_reuse",
            "One session was used from elsewhere or with another program. What changed: {changed}.",
        ),
        (
            "session_reuse",
            "One session was used from elsewhere or with another program.",
        ),
        (
            "vpn_and_cloud",
            "In the VPN from {from_end}, and meanwhile in the cloud from {to_end}. One person cannot be in both countries.",
        ),
        (
            "vpn_and_cloud",
            "While the person was in the VPN, the cloud was used from another country.",
        ),
        (
            "password_stopped",
            "Used from {from_end} before. Then the right password was given from {to_end}, which is unlike the person, and was stopped by {stopped_by}. There is no success from the same place or device within {window_secs}.",
        ),
        (
            "password_stopped",
            "The right password was given from {to_end}, which is unlike the person, and was stopped by {stopped_by}. There is no success from the same place or device within {window_secs}.",
        ),
        (
            "password_stopped",
            "The right password was given from an unfamiliar place, and stopped.",
        ),
        (
            "slow_attack",
            "Within {days} days, the passwords of {users} people were tried from {addresses} addresses (the threshold is {threshold} people). Each address tried once or twice, and none succeeded.",
        ),
        (
            "slow_attack",
            "Within {days} days, the person's password was tried from {addresses} addresses in {countries} countries. Each address tried once or twice, and none succeeded.",
        ),
        (
            "slow_attack",
            "Passwords are tried little by little, from many addresses.",
        ),
        (
            "exploit_success",
            "{site} answered a request that holds an attack ({resource}) with success ({http_status}, {bytes} bytes), and not as it answers what does not exist.",
        ),
        (
            "exploit_success",
            "The server answered a request that holds an attack ({resource}) with success ({http_status}).",
        ),
        (
            "exploit_success",
            "The server answered a request that holds an attack with success.",
        ),
        (
            "admin_panel",
            "From a network outside that is new to it, somebody {how} at the admin panel of {site} ({path}).",
        ),
        (
            "admin_panel",
            "Somebody signed in to the admin panel of a site from a network outside that is new to it.",
        ),
        (
            "error_burst",
            "{errors} of {answers} answers within {minutes} minutes were {failure} (the threshold is {threshold} a minute).",
        ),
        ("error_burst", "The site answered with errors for minutes."),
        (
            "source_silent",
            "Nothing was received for {silent_secs}, at a time when something always is; its pauses are usually no longer than {usual_minutes}.",
        ),
        (
            "source_silent",
            "Nothing was received at a time when something always is.",
        ),
        (
            "odd_records",
            "{count} records within {window_secs} say that they happened after they were received, by up to {secs_ahead}.",
        ),
        (
            "odd_records",
            "{count} records within {window_secs} could not be read, or not entirely (the threshold is {threshold}).",
        ),
        ("odd_records", "Records that cannot be read are on the rise."),
        (
            "new_country",
            "The person's first sign-in from {country} in {back_days} days (others in the firm from there: {colleagues}).",
        ),
        ("new_country", "The person's first sign-in from this country."),
        (
            "new_for_administrator",
            "An administrator signed in by a way not used before: {strange}.",
        ),
        (
            "new_for_administrator",
            "An administrator signed in by a way not used before.",
        ),
        (
            "service_account",
            "The service account came by a way not used before: {strange}.",
        ),
        ("service_account", "A person signed in with the service account."),
        ("anonymiser", "The sign-in came through: {net_kind} ({as_org})."),
        ("anonymiser", "The sign-in came through: {net_kind}."),
        (
            "dormant",
            "The account was used after {idle_days} days without any use.",
        ),
        (
            "no_second_factor",
            "Sign-ins that succeeded without a second factor: {evidence}.",
        ),
        ("unfamiliar_sign_in", "Unlike before: {strange}."),
        ("unfamiliar_sign_in", "It is unlike the person's sign-ins so far."),
    ],
    reason_any: "\"{title}\" was found (records: {evidence}).",
    fields: &[
        ("user_name", "user names"),
        ("person", "people"),
        ("src_ip", "source addresses"),
        ("src_country", "countries"),
        ("src_city", "cities"),
        ("src_asn", "source networks"),
        ("dst_host", "servers"),
        ("app_name", "applications"),
        ("url", "URLs"),
        ("resource", "files or objects"),
        ("user_agent", "clients"),
        ("item_count", "items"),
        ("device_uid", "devices"),
        ("country", "country"),
        ("kind", "line"),
        ("network", "provider"),
        ("client", "client"),
        ("hours", "hours"),
        ("device", "device"),
        ("address", "address"),
    ],
    values: &[
        ("open", "within office hours"),
        ("closed", "outside office hours"),
        ("holiday", "on a holiday"),
        ("office", "office line"),
        ("egress", "company egress"),
        ("sase", "SASE"),
        ("mobile", "mobile network"),
        ("hosting", "data centre"),
        ("vpn", "VPN"),
        ("tor", "Tor"),
        ("relay", "relay service"),
        ("inflight", "in-flight network"),
        ("fixed", "fixed line"),
        ("factor_leaving", "by somebody who leaves"),
        ("factor_off_hours", "outside office hours"),
        ("factor_unmanaged", "on an unmanaged device"),
        ("changed_anonymous", "a data centre, VPN or Tor"),
        ("changed_client", "the browser"),
        ("changed_country", "the country"),
        ("changed_script", "a script instead of a browser"),
        ("mfa_denied", "a refused second factor"),
        ("mfa_failed", "a failed second factor"),
        ("mfa_required", "the second factor"),
        ("password_expired", "the password's expiry"),
        ("policy_blocked", "an access policy"),
        ("panel_login", "signed in"),
        ("panel_page", "opened a page that needs a sign-in"),
        ("failure_refused", "refusals"),
        ("failure_server", "errors of the server"),
        ("none", "not managed by the firm"),
        ("work 00-06", "working day 00-06"),
        ("work 06-12", "working day 06-12"),
        ("work 12-18", "working day 12-18"),
        ("work 18-24", "working day 18-24"),
        ("off 00-06", "day off 00-06"),
        ("off 06-12", "day off 06-12"),
        ("off 12-18", "day off 12-18"),
        ("off 18-24", "day off 18-24"),
    ],
    unlike_usual: "{feature} {now} (usually {usual}, {others})",
    unlike: "{feature} {now} ({others})",
    nobody_else: "nobody else in the firm",
    one_other: "1 other in the firm",
    others: "{count} others in the firm",
    named_network: "{name} (AS{number})",
    quoted: "\"{thing}\"",
    and: " and ",
    then: " → ",
};

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Info",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}
