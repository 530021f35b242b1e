//! How much likelier a value is with somebody else than with the person.
//!
//! A log-likelihood ratio a feature, added up: `ln q(x) / p(x|person)`. What the person does is
//! smoothed by what the firm does, so that little history says little; what somebody else does is
//! mostly what the firm does, and partly what attackers do. Figures from a simulation of a firm and
//! its attackers; they are priors, and the counts soon outweigh them.

use super::feature::{Feature, NO_DEVICE};

/// How many observations of the firm's habits stand behind a person's own.
const FIRM_WEIGHT: f64 = 8.0;

/// How much of the alternative is an attacker; the rest is a colleague.
const ATTACKER_SHARE: f64 = 0.3;

/// The most that one feature adds, in nats: no single novelty is an alarm.
const NATS_MAX: f64 = 5.0;

/// The most that the network and the device of somebody new in the firm add.
const NEWCOMER_NATS_MAX: f64 = 2.0;

/// The most that country, kind and network add together abroad: a journey alone hardly reaches an alarm,
/// and an unknown device, client or hour beside it does.
const ABROAD_NATS_MAX: f64 = 8.0;

/// The most that kind and network add together for an ordinary line in the firm's own country, and with
/// the hours: who works in the office is at home on weekends, on another kind of line, of another network,
/// at other hours, all at once. Without the three bounds, two thirds of the alarms were of these two kinds
/// (simulated); none of the takeovers that are not targeted was lost to them.
const LINE_NATS_MAX: f64 = 4.0;
const LINE_AND_HOURS_NATS_MAX: f64 = 6.0;

/// What a line of the firm's own adds, instead of country, kind and network: behind it nobody is far.
pub(super) const OWN_LINE_NATS: f64 = -9.0;

/// How often a value was seen, and how often any value of the feature was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) value: f64,
    pub(super) all: f64,
}

/// The probability of a value that the firm never saw, before anything is known.
fn unseen(feature: Feature, value: &str) -> f64 {
    match feature {
        Feature::Country => 1.0 / 60.0,
        Feature::Network => 1.0 / 2_000.0,
        Feature::Client => 1.0 / 12.0,
        Feature::Kind | Feature::Hours => 1.0 / 8.0,
        // Not one device among hundreds, but what half of all firms have: else the first sign-ins of a
        // firm without managed devices would all be strange.
        Feature::Device if value == NO_DEVICE => 1.0 / 2.0,
        Feature::Device => 1.0 / 300.0,
    }
}

/// The probability of a value with an attacker. `is_home`: whether it is the firm's own country.
fn attacker(feature: Feature, value: &str, is_home: bool) -> f64 {
    match (feature, value) {
        (Feature::Country, _) if is_home => 0.10,
        (Feature::Country, _) => 0.90 * unseen(feature, value),
        (Feature::Kind, "hosting") => 0.35,
        (Feature::Kind, "fixed") => 0.40,
        (Feature::Kind, "vpn") => 0.15,
        (Feature::Kind, "mobile") => 0.08,
        (Feature::Kind, _) => 0.02,
        (Feature::Device, NO_DEVICE) => 0.98,
        (Feature::Device, _) => 0.02 * unseen(feature, value),
        (Feature::Network | Feature::Client | Feature::Hours, _) => unseen(feature, value),
    }
}

/// What the value of a feature adds to how unfamiliar a sign-in is, in nats; below zero if it is
/// rather the person's than anybody's.
pub(super) fn nats(feature: Feature, value: &str, is_home: bool, person: Seen, firm: Seen) -> f64 {
    let firm = (firm.value + unseen(feature, value)) / (firm.all + 1.0);
    let own = (person.value + FIRM_WEIGHT * firm) / (person.all + FIRM_WEIGHT);
    let other = (1.0 - ATTACKER_SHARE) * firm + ATTACKER_SHARE * attacker(feature, value, is_home);
    (other / own).ln().min(NATS_MAX)
}

/// Lowers what features add that change together: one journey is one novelty, and so is a weekend at home.
/// What hides where somebody is keeps its full weight in the firm's own country, where nobody needs it.
pub(super) fn cap(parts: &mut [(Feature, &str, f64)], at_home: bool) {
    use Feature::{Country, Hours, Kind, Network};
    let hides =
        |(feature, value, _): &(Feature, &str, f64)| *feature == Kind && matches!(*value, "hosting" | "vpn" | "tor");
    if !at_home {
        shrink(parts, &[Country, Kind, Network], ABROAD_NATS_MAX);
    } else if !parts.iter().any(hides) {
        shrink(parts, &[Kind, Network], LINE_NATS_MAX);
        shrink(parts, &[Kind, Network, Hours], LINE_AND_HOURS_NATS_MAX);
    }
}

/// Lowers what some features add, so that they add no more than `most` together.
fn shrink(parts: &mut [(Feature, &str, f64)], of: &[Feature], most: f64) {
    let adds = |(feature, _, nats): &(Feature, &str, f64)| of.contains(feature) && 0.0 < *nats;
    let sum: f64 = parts.iter().filter(|part| adds(part)).map(|(_, _, nats)| nats).sum();
    if most < sum {
        for part in parts.iter_mut().filter(|part| adds(part)) {
            part.2 *= most / sum;
        }
    }
}

/// The most that a feature adds for somebody new in the firm, whose devices and lines are all new.
pub(super) fn newcomer_max(feature: Feature) -> f64 {
    match feature {
        Feature::Network | Feature::Device => NEWCOMER_NATS_MAX,
        Feature::Country | Feature::Kind | Feature::Client | Feature::Hours => NATS_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: f64, all: f64) -> Seen {
        Seen { value, all }
    }

    #[test]
    fn figures_are_those_of_the_formula() {
        for (name, feature, value, home, person, firm, expected) in [
            // p_firm = 1/60; own = 1/60; other = (0.7 + 0.27)/60.
            (
                "nothing is known",
                Feature::Country,
                "NL",
                false,
                seen(0.0, 0.0),
                seen(0.0, 0.0),
                -0.030_459,
            ),
            // p_firm = (90 + 1/60)/101; own = (40 + 8 p)/48; other = 0.7 p + 0.03.
            (
                "home",
                Feature::Country,
                "JP",
                true,
                seen(40.0, 40.0),
                seen(90.0, 100.0),
                -0.406_544,
            ),
            (
                "a country that nobody was in",
                Feature::Country,
                "NL",
                false,
                seen(0.0, 40.0),
                seen(0.0, 4_000.0),
                5.0,
            ),
            // p_firm = 10.125/101; own = 8 p/48; other = 0.7 p + 0.105.
            (
                "a colleague's kind of network",
                Feature::Kind,
                "hosting",
                false,
                seen(0.0, 40.0),
                seen(10.0, 100.0),
                2.349_893,
            ),
            // p_firm = 0.01 of a hundred laptops; own nearly 1.
            (
                "the own laptop",
                Feature::Device,
                "PC-1",
                false,
                seen(200.0, 200.0),
                seen(200.0, 20_000.0),
                -4.920_2,
            ),
        ] {
            let found = nats(feature, value, home, person, firm);
            assert!((found - expected).abs() < 1e-5, "{name}: {found}");
        }
    }

    #[test]
    fn the_longer_the_history_the_odder_what_is_new() {
        let of = |count: f64| nats(Feature::Hours, "off 00-06", false, seen(0.0, count), seen(5.0, 1_000.0));
        assert!(of(0.0) < of(20.0) && of(20.0) < of(200.0));
    }

    #[test]
    fn what_changes_together_counts_once() {
        for (name, at_home, kind, expected) in [
            ("a journey", false, "fixed", 8.0 + 2.0),
            ("a weekend at home", true, "fixed", 6.0),
            ("a rented server in the own country", true, "hosting", 14.0),
        ] {
            let mut parts = vec![
                (Feature::Country, "", if at_home { -0.5 } else { 5.0 }),
                (Feature::Kind, kind, 5.0),
                (Feature::Network, "1", 5.0),
                (Feature::Hours, "off 06-12", if at_home { 4.0 } else { 2.0 }),
                (Feature::Client, "Edge/Windows", -0.5),
            ];
            cap(&mut parts, at_home);
            let added: f64 = parts.iter().map(|(_, _, nats)| nats.max(0.0)).sum();
            assert!((added - expected).abs() < 1e-9, "{name}: {added}");
        }
    }
}
