//! What there is to say of the ends of a finding.

use sekisho_model::{Evidence, Facts};
use serde_json::json;

/// Adds one end of a journey, under names that begin with `prefix`.
pub(super) fn end(facts: &mut Facts, prefix: &str, event: &Evidence) {
    let texts = [
        ("ip", &event.src_ip),
        ("country", &event.src_country),
        ("city", &event.src_city),
        ("as_org", &event.src_as_org),
        ("net_kind", &event.src_net_kind),
    ];
    for (name, text) in texts {
        facts.insert(format!("{prefix}_{name}"), json!(text));
    }
    facts.insert(format!("{prefix}_time"), json!(event.time.to_string()));
    facts.insert(format!("{prefix}_source"), json!(event.source));
}
