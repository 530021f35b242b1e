//! Why an alert was raised, in a sentence: from what the detector measured.

use sekisho_model::{Alert, Bilingual, Evidence, Facts, Lang, Time};
use serde_json::Value;

use super::format::{self, clock, duration_secs, number};
use super::place::{city_and_country, country};
use super::words::{Words, fill, try_fill, word, words};
use super::{Zone, shown, strange};

/// The most things of a list that a sentence names.
const LIST_MAX: usize = 5;

/// The outcome of what was tried and failed.
const FAILURE: i8 = 2;

/// What a template may name, and its text.
type Values = Vec<(&'static str, String)>;

/// How a fact is written. Facts that a detector does not give are not said.
#[derive(Clone, Copy)]
enum As {
    Number,
    Text,
    Seconds,
    Minutes,
    Date,
    Local,
    Field,
    Word,
    Words,
    Then,
    And,
    Strange,
    Country,
}

/// The facts that sentences are made of, by the names that detectors give them, the name in the
/// sentence, and the form.
const FACTS: &[(&str, &str, As)] = &[
    ("count", "count", As::Number),
    ("threshold", "threshold", As::Number),
    ("distinct", "distinct", As::Number),
    ("sum", "sum", As::Number),
    ("average", "average", As::Number),
    ("first_seen_days", "first_seen_days", As::Number),
    ("not_followed_secs", "not_followed_secs", As::Seconds),
    ("group", "group", As::Text),
    ("window_secs", "window_secs", As::Seconds),
    ("window_minutes", "window_secs", As::Minutes),
    ("field", "field", As::Field),
    ("steps", "steps", As::Then),
    ("rules", "steps", As::Then),
    ("rules", "rules", As::And),
    ("distance_km", "distance_km", As::Number),
    ("effective_km", "effective_km", As::Number),
    ("minutes_taken", "minutes_taken", As::Minutes),
    ("minutes_needed", "minutes_needed", As::Minutes),
    ("ratio", "ratio", As::Number),
    ("left", "left", As::Date),
    ("days_since_left", "days_since", As::Number),
    ("days_since_left_password_right", "days_right", As::Number),
    ("days_since_left_tried", "days_tried", As::Number),
    ("days_since", "days_since", As::Number),
    ("messages", "messages", As::Number),
    ("recipients", "recipients", As::Number),
    ("unfamiliar_recipients", "unfamiliar_recipients", As::Number),
    ("bounces", "bounces", As::Number),
    ("restricted", "restricted", As::Text),
    ("files", "files", As::Number),
    ("megabytes", "megabytes", As::Number),
    ("factors", "factors", As::Words),
    ("local_time", "local_time", As::Local),
    ("office_state", "office_state", As::Word),
    ("from_client", "from_client", As::Text),
    ("to_client", "to_client", As::Text),
    ("changed", "changed", As::Words),
    ("secs_ahead", "secs_ahead", As::Seconds),
    ("silent_secs", "silent_secs", As::Seconds),
    ("usual_minutes", "usual_minutes", As::Minutes),
    ("minutes", "minutes", As::Number),
    ("answers", "answers", As::Number),
    ("errors", "errors", As::Number),
    ("failure", "failure", As::Word),
    ("how", "how", As::Word),
    ("site", "site", As::Text),
    ("path", "path", As::Text),
    ("http_status", "http_status", As::Text),
    ("bytes", "bytes", As::Number),
    ("days", "days", As::Number),
    ("devices", "devices", As::Number),
    ("addresses", "addresses", As::Number),
    ("users", "users", As::Number),
    ("countries", "countries", As::Number),
    ("stopped_by", "stopped_by", As::Word),
    ("features", "strange", As::Strange),
    ("idle_days", "idle_days", As::Number),
    ("country", "country", As::Country),
    ("colleagues", "colleagues", As::Number),
    ("back_days", "back_days", As::Number),
    ("net_kind", "net_kind", As::Word),
    ("as_org", "as_org", As::Text),
];

/// Why an alert was raised. A kind of rule that is not known, or facts that are missing, give a plainer
/// sentence, never none.
pub fn reason(alert: &Alert, evidence: &[Evidence], lang: Lang, zone: &Zone) -> String {
    let words = words(lang);
    let mut values: Values = FACTS
        .iter()
        .filter_map(|&(fact, name, form)| Some((name, written(alert.facts.get(fact)?, form, lang, words)?)))
        .collect();
    if alert.rule.kind == "event_count" {
        // Of several rules, any of which is enough: each has a threshold of its own.
        values.retain(|(name, value)| *name != "threshold" || value != "1");
    }
    values.extend(end("from", &alert.facts, lang, zone).map(|end| ("from_end", end)));
    values.extend(end("to", &alert.facts, lang, zone).map(|end| ("to_end", end)));
    values.push(("title", shown(alert.rule.title.get(lang))));
    let count = alert.evidence_count.max(evidence.len().try_into().unwrap_or(u64::MAX));
    values.push(("evidence", count.to_string()));
    let latest = evidence.iter().max_by_key(|event| event.time);
    values.extend(latest.and_then(|event| Some(("resource", shown(event.resource.as_ref()?)))));
    values.extend(latest.and_then(|event| Some(("target", shown(event.target.as_ref()?)))));

    values.extend(latest.and_then(|event| Some(("done", done(event, words)?))));

    let mut templates = words.reasons.iter().filter(|(kind, _)| *kind == alert.rule.kind);
    let sentence = templates.find_map(|(_, template)| try_fill(template, &values));
    let sentence = sentence.unwrap_or_else(|| fill(words.reason_any, &values));
    // Of one event, what did not follow is the whole sentence.
    match try_fill(words.not_followed, &values) {
        Some(more) if alert.rule.kind != "event_count" => format!("{sentence}{more}"),
        _ => sentence,
    }
}

/// What was done in a record, and whether it failed; none if nothing is known of it.
fn done(event: &Evidence, words: &Words) -> Option<String> {
    let done = word(words.activities, &event.activity)?.to_owned();
    Some(if event.status_id == FAILURE {
        fill(words.failed, &[("done", done)])
    } else {
        done
    })
}

fn written(value: &Value, form: As, lang: Lang, words: &Words) -> Option<String> {
    match form {
        As::Number => value.as_f64().map(number),
        As::Text => text(value, lang),
        As::Seconds => Some(duration_secs(whole(value.as_f64()?)?, lang)),
        As::Minutes => Some(duration_secs(whole(value.as_f64()? * 60.0)?, lang)),
        As::Date => text(value, lang).map(|text| text.parse().map_or(text, |date| format::date(date, lang))),
        As::Local => text(value, lang).map(|text| local(&text, lang).unwrap_or(text)),
        As::Field => text(value, lang).map(|name| word(words.fields, &name).map_or(name, str::to_owned)),
        As::Word => text(value, lang).map(|name| word(words.values, &name).map_or(name, str::to_owned)),
        As::Words => listed(value, words),
        As::Then => list(value, words.then, lang, words),
        As::And => list(value, words.and, lang, words),
        As::Country => Some(country(value.as_str()?, lang)),
        As::Strange => strange::written(value, lang, words),
    }
}

/// A time with its offset, as the clock there showed it.
fn local(text: &str, lang: Lang) -> Option<String> {
    let (civil, _offset) = text.split_at_checked(text.len().checked_sub("+09:00".len())?)?;
    let civil: jiff::civil::DateTime = civil.parse().ok()?;
    Some(format!(
        "{} {}",
        format::date(civil.date(), lang),
        civil.strftime("%H:%M")
    ))
}

/// To the nearest whole number.
fn whole(value: f64) -> Option<i64> {
    // There is no lossless cast from a float; through text it is exact or none.
    format!("{value:.0}").parse().ok()
}

fn text(value: &Value, lang: Lang) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(shown(text)),
        Value::Number(value) => value.as_f64().map(number),
        Value::Array(values) => {
            let texts: Vec<String> = values
                .iter()
                .take(LIST_MAX)
                .filter_map(|value| text(value, lang))
                .collect();
            (!texts.is_empty()).then(|| texts.join(words(lang).comma))
        }
        Value::Object(values) => {
            // A group: which values the records have in common.
            let texts: Vec<String> = values
                .values()
                .take(LIST_MAX)
                .filter_map(|value| text(value, lang))
                .collect();
            (!texts.is_empty()).then(|| texts.join(words(lang).comma))
        }
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// Words of a fact that has several.
fn listed(value: &Value, words: &Words) -> Option<String> {
    let known = value.as_array()?.iter().filter_map(Value::as_str);
    let known: Vec<&str> = known.filter_map(|name| word(words.values, name)).collect();
    (!known.is_empty()).then(|| known.join(words.comma))
}

fn list(value: &Value, joint: &str, lang: Lang, words: &Words) -> Option<String> {
    // A thing is a text, or a text in each language.
    let things = value.as_array()?.iter().take(LIST_MAX).filter_map(|thing| match thing {
        Value::String(text) => Some(text.clone()),
        _ => Some(
            serde_json::from_value::<Bilingual>(thing.clone())
                .ok()?
                .get(lang)
                .to_owned(),
        ),
    });
    let quoted: Vec<String> = things
        .map(|thing| fill(words.quoted, &[("thing", shown(&thing))]))
        .collect();
    (2 <= quoted.len()).then(|| quoted.join(joint))
}

/// One end of a journey: place, address, network and time, whichever of them is known; none without a
/// place.
fn end(prefix: &str, facts: &Facts, lang: Lang, zone: &Zone) -> Option<String> {
    let fact = |name: &str| facts.get(&format!("{prefix}_{name}"));
    let name = |name: &str| fact(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let place = city_and_country(name("city"), name("country"), lang)?;
    let kind = name("net_kind")
        .filter(|kind| *kind != "unknown")
        .map(|kind| word(words(lang).values, kind).map_or_else(|| shown(kind), str::to_owned));
    let details = [name("ip").map(shown), name("as_org").map(shown), kind];
    let mut parts = vec![place];
    parts.extend(details.into_iter().flatten());
    let joined = parts.join(match lang {
        Lang::Ja => "・",
        Lang::En => " · ",
    });
    Some(match fact("time").and_then(time) {
        Some(time) => format!("{joined} {}", clock(time, zone)),
        None => joined,
    })
}

/// Microseconds, or RFC 3339.
fn time(value: &Value) -> Option<Time> {
    match value {
        Value::Number(micros) => micros.as_i64().map(Time),
        Value::String(text) => text.parse::<jiff::Timestamp>().ok().map(Time::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
