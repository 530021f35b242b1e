//! Where something came from, in words.

use std::collections::HashMap;
use std::sync::LazyLock;

use sekisho_model::{Evidence, Lang};

use super::format::{clock, moment};
use super::words::{fill, words};
use super::{Case, Zone, shown};

/// Country code to English and Japanese name.
static COUNTRIES: LazyLock<HashMap<&str, (&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("countries.csv")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (code, names) = line.split_once(',')?;
            Some((code, names.split_once(',')?))
        })
        .collect()
});

/// The name of a country; its code if it has none.
pub(super) fn country(code: &str, lang: Lang) -> String {
    match (COUNTRIES.get(code.to_ascii_uppercase().as_str()), lang) {
        (Some((_, ja)), Lang::Ja) => (*ja).to_owned(),
        (Some((en, _)), Lang::En) => (*en).to_owned(),
        (None, _) => shown(code),
    }
}

/// City and country, whichever is known.
pub(super) fn city_and_country(city: Option<&str>, code: Option<&str>, lang: Lang) -> Option<String> {
    let code = code.filter(|code| !code.is_empty()).map(|code| country(code, lang));
    match (city.filter(|city| !city.is_empty()).map(shown), code, lang) {
        (Some(city), Some(country), Lang::Ja) => Some(format!("{city}（{country}）")),
        (Some(city), Some(country), Lang::En) => Some(format!("{city}, {country}")),
        (city, country, _) => city.or(country),
    }
}

/// The place of an event with its address and network; `None` if nothing is known.
fn place(event: &Evidence, lang: Lang) -> Option<String> {
    let known = city_and_country(event.src_city.as_deref(), event.src_country.as_deref(), lang);
    let rest = [&event.src_ip, &event.src_as_org]
        .into_iter()
        .flatten()
        .map(|text| shown(text));
    let all: Vec<String> = known.into_iter().chain(rest).collect();
    let separator = match lang {
        Lang::Ja => "・",
        Lang::En => " · ",
    };
    (!all.is_empty()).then(|| all.join(separator))
}

/// The latest place, and the one before it if it was another.
pub(super) fn before_and_now(case: &Case, zone: &Zone, lang: Lang) -> Option<String> {
    let mut events: Vec<&Evidence> = case.alerts.iter().flat_map(|found| &found.evidence).collect();
    events.sort_by(|a, b| (a.time, &a.event_uid).cmp(&(b.time, &b.event_uid)));
    let mut from_latest = events
        .into_iter()
        .rev()
        .filter_map(|event| Some((event, place(event, lang)?)));
    let (latest, now) = from_latest.next()?;
    let words = words(lang);
    let known = |event: &Evidence| (event.src_country.clone(), event.src_city.clone());
    let is_elsewhere = |event: &Evidence| match (known(event), known(latest)) {
        ((None, None), _) | (_, (None, None)) => event.src_ip != latest.src_ip,
        (before, now) => before != now,
    };
    let (template, before, before_at) = match from_latest.find(|(event, _)| is_elsewhere(event)) {
        Some((event, before)) if is_same_day(event, latest, zone) => {
            (words.before_and_now, before, clock(event.time, zone))
        }
        Some((event, before)) => (words.before_and_now, before, moment(event.time, zone, lang)),
        None => (words.now_only, String::new(), String::new()),
    };
    let now_at = clock(latest.time, zone);
    Some(fill(
        template,
        &[
            ("before", before),
            ("before_at", before_at),
            ("now", now),
            ("now_at", now_at),
        ],
    ))
}

fn is_same_day(one: &Evidence, other: &Evidence, zone: &Zone) -> bool {
    let day = |event: &Evidence| event.time.to_jiff().to_zoned(zone.clone()).date();
    day(one) == day(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_names_in_both_languages() {
        assert!(240 < COUNTRIES.len());
        assert_eq!(country("nl", Lang::Ja), "オランダ");
        assert_eq!(country("GB", Lang::En), "United Kingdom");
        assert_eq!(country("??", Lang::En), "??");
    }
}
