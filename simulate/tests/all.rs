//! The simulated firm is what it says it is.
#![expect(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::LazyLock;

use jiff::tz::{Offset, TimeZone};
use sekisho_enrich::{Geo, Networks, People};
use sekisho_formats::{Decoder, Settings as Reading, YearPolicy};
use sekisho_model::{Column, EventBatch, Origin, Projection, Raw, Time};
use sekisho_simulate::{Class, Family, Label, Record, Scenario, Settings, Source, WRONG_COUNTRY_STRESS, World};

fn settings(scenario: Scenario, people: usize) -> Settings {
    Settings {
        days: 75,
        ..Settings::usual(scenario, people, 7)
    }
}

static TAKEOVERS: LazyLock<World> = LazyLock::new(|| World::new(settings(Scenario::Takeovers, 30)));
static SCRIPTED: LazyLock<World> = LazyLock::new(|| World::new(settings(Scenario::Scripted, 15)));

/// The rows of some records; one row a record, read in full.
fn rows(records: &[&Record]) -> EventBatch {
    let reading = Reading {
        zone: TimeZone::fixed(Offset::constant(9)),
        year: YearPolicy::Nearest,
        ..Reading::default()
    };
    let mut decoder = Decoder::new(reading, Projection::default());
    let mut out = decoder.output();
    for (offset, record) in (0..).zip(records) {
        let origin = Origin {
            tenant: "default".into(),
            source: record.source.id().into(),
            label: "test".into(),
            log: "test".into(),
            backfill: false,
        };
        let raw = Raw {
            origin: &origin,
            offset,
            observed: Time::from_millis(record.arrives),
            bytes: record.line.as_bytes(),
        };
        decoder.decode(&raw, &mut out);
        assert!(out.rejects.is_empty(), "{}: {:?}", record.line, out.rejects);
    }
    decoder.flush(&mut out);
    out.rows.finish()
}

fn of(world: &World, source: Source) -> Vec<&Record> {
    world.records.iter().filter(|record| record.source == source).collect()
}

fn share(hits: usize, all: usize) -> f64 {
    f64::from(u32::try_from(hits).unwrap()) / f64::from(u32::try_from(all.max(1)).unwrap())
}

#[test]
fn the_same_settings_give_the_same_bytes() {
    let again = World::new(TAKEOVERS.settings);
    assert_eq!(again.records, TAKEOVERS.records);
    assert_eq!(again.truth(), TAKEOVERS.truth());
    assert_eq!(again.people_csv, TAKEOVERS.people_csv);
    assert_eq!(again.databases.city, TAKEOVERS.databases.city);
    let other = Settings {
        seed: 8,
        ..TAKEOVERS.settings
    };
    assert_ne!(World::new(other).records, TAKEOVERS.records);
}

#[test]
fn people_and_weather_are_the_same_with_and_without_attackers() {
    let peace = World::new(settings(Scenario::Peace, 30));
    let others = |world: &World| -> BTreeSet<String> {
        let others = world
            .records
            .iter()
            .filter(|record| !matches!(record.label, Label::Attack(_)));
        others.map(|record| record.line.clone()).collect()
    };
    assert!(peace.attacks.is_empty());
    assert_eq!(others(&peace), others(&TAKEOVERS));
}

#[test]
fn every_record_becomes_one_row_that_says_what_was_done() {
    for world in [&*TAKEOVERS, &*SCRIPTED] {
        for source in Source::ALL {
            let records = of(world, source);
            assert!(!records.is_empty(), "{}", source.id());
            let rows = rows(&records);
            assert_eq!(rows.len(), records.len(), "{}", source.id());
            for (row, record) in records.iter().enumerate() {
                says_what_was_done(&rows, row, record);
            }
        }
    }
}

fn says_what_was_done(rows: &EventBatch, row: usize, record: &Record) {
    let text = |column| rows.text(column, row);
    assert_eq!(text(Column::ParseStatus), Some("ok"), "{}", record.line);
    assert_eq!(text(Column::Source), Some(record.source.id()), "{}", record.line);
    assert_eq!(text(Column::SrcIpType), Some("public"), "{}", record.line);
    assert_ne!(text(Column::Activity), Some("other"), "{}", record.line);
    let ahead = match record.source {
        Source::FortigateEvent => 90_000,
        _ => 0,
    };
    let apart = rows.time(row).distance(Time::from_millis(record.happened + ahead));
    assert!(apart.as_secs() < 1, "{} happened {}", record.line, record.happened);
    assert!(record.happened <= record.arrives, "{}", record.line);
    let named = record.source == Source::WebCombined || text(Column::UserName).is_some();
    assert!(named, "{}", record.line);
}

#[test]
fn outcomes_are_read_as_they_were_meant() {
    let records = of(&SCRIPTED, Source::EntraSignin);
    let rows = rows(&records);
    let reasons: BTreeSet<Option<&str>> = (0..rows.len())
        .map(|row| rows.text(Column::StatusReason, row))
        .collect();
    for reason in [
        "bad_credentials",
        "no_such_user",
        "user_disabled",
        "mfa_required",
        "mfa_timeout",
        "mfa_denied",
        "policy_blocked",
    ] {
        assert!(reasons.contains(&Some(reason)), "{reason} is not in {reasons:?}");
    }
    let results: BTreeSet<Option<&str>> = (0..rows.len()).map(|row| rows.text(Column::MfaResult, row)).collect();
    for result in ["not_required", "satisfied", "satisfied_by_token", "denied"] {
        assert!(results.contains(&Some(result)), "{result} is not in {results:?}");
    }
    let audit = of(&SCRIPTED, Source::M365Audit);
    let rows = self::rows(&audit);
    let activities: BTreeSet<Option<&str>> = (0..rows.len()).map(|row| rows.text(Column::Activity, row)).collect();
    let expected = [
        "mail_access",
        "file_access",
        "file_download",
        "mail_send",
        "mail_rule",
        "role_assign",
    ];
    for activity in expected {
        assert!(
            activities.contains(&Some(activity)),
            "{activity} is not in {activities:?}"
        );
    }
}

#[test]
fn the_truth_fits_the_records() {
    for world in [&*TAKEOVERS, &*SCRIPTED] {
        assert!(world.records.is_sorted_by_key(|record| record.arrives));
        for attack in &world.attacks {
            let label = Label::Attack(attack.number);
            let records: Vec<&Record> = world.records.iter().filter(|record| record.label == label).collect();
            assert!(!records.is_empty(), "{attack:?}");
            for record in records {
                let slack = 120_000;
                assert!(
                    (attack.begins - slack..=attack.ends + slack).contains(&record.happened),
                    "{attack:?}: {}",
                    record.line
                );
                assert!(world.attacks_from() <= record.happened + slack, "{attack:?}");
                let many = attack.class == Class::SprayThenSuccess || record.source != Source::EntraSignin;
                let user = attack.user.as_deref().unwrap_or_default();
                assert!(many || record.line.contains(user), "{attack:?}: {}", record.line);
            }
        }
    }
    let classes: BTreeSet<Class> = SCRIPTED.attacks.iter().map(|attack| attack.class).collect();
    // Somebody has to have left for the account of a leaver to be used.
    let optional = [Class::Leaver];
    for class in Class::ALL.iter().filter(|class| class.family() == Family::Scripted) {
        assert!(classes.contains(class) || optional.contains(class), "{}", class.name());
    }
}

#[test]
fn a_person_with_two_bases_is_attacked_from_the_second() {
    let world = World::new(settings(Scenario::TwoBases, 30));
    assert_eq!(world.attacks.len(), world.settings.attacks);
    for attack in &world.attacks {
        let user = attack.user.as_ref().unwrap();
        let abroad = |note: &&sekisho_simulate::Note| &note.user == user && note.country != "JP";
        assert!(world.notes.iter().filter(abroad).count() >= 2, "{user} hardly travels");
    }
}

/// The rates of the table in the documentation, over two and a half months of thirty people.
#[test]
fn life_is_as_busy_as_the_table_says() {
    let ordinary = |record: &&Record| record.label == Label::Ordinary && record.source != Source::WebCombined;
    let acts = TAKEOVERS.records.iter().filter(ordinary).count();
    let days = 30 * 75;
    let a_day = share(acts, days);
    assert!((6.5..9.0).contains(&a_day), "{a_day} records a person and day");

    let entra: Vec<&Record> = of(&TAKEOVERS, Source::EntraSignin)
        .into_iter()
        .filter(ordinary)
        .collect();
    let rows = rows(&entra);
    let by_hand: Vec<usize> = (0..rows.len())
        .filter(|row| rows.flag(Column::IsInteractive, *row) == Some(true))
        .collect();
    let failed = by_hand
        .iter()
        .filter(|row| rows.int(Column::StatusId, **row) == Some(2));
    let failed = share(failed.count(), by_hand.len());
    assert!((0.05..0.27).contains(&failed), "{failed} of sign-ins by hand fail");

    let managed = (0..rows.len()).filter(|row| rows.text(Column::DeviceTrust, *row) == Some("compliant"));
    let managed = share(managed.count(), rows.len());
    assert!(
        (0.4..0.7).contains(&managed),
        "{managed} on managed devices: 70 % of laptops"
    );

    let late = entra
        .iter()
        .filter(|record| record.arrives - record.happened > 30 * 60_000);
    let late = share(late.count(), entra.len());
    assert!(
        (0.03..0.08).contains(&late),
        "{late} of Entra's records come after half an hour"
    );
}

#[test]
fn a_geo_database_is_wrong_as_often_as_it_says() {
    let stress = Settings {
        wrong_country: WRONG_COUNTRY_STRESS,
        ..TAKEOVERS.settings
    };
    for (world, countries) in [(&*TAKEOVERS, 0.0..0.012), (&World::new(stress), 0.012..0.05)] {
        let geo = |bytes: &Vec<u8>| Geo::from_bytes(vec![("db".to_owned(), bytes.clone())]).unwrap();
        let (truth, city) = (geo(&world.databases.truth), geo(&world.databases.city));
        let asn = geo(&world.databases.asn);
        let rows = rows(&of(world, Source::EntraSignin));
        let addresses: BTreeSet<IpAddr> = (0..rows.len())
            .filter_map(|row| rows.text(Column::SrcIp, row)?.parse().ok())
            .collect();
        let (mut fixed, mut countries_wrong, mut named, mut cities_wrong) = (0, 0, 0, 0);
        for address in addresses {
            let operator = asn.lookup(address).as_org.unwrap();
            if !operator.contains("Fibre") && !operator.contains("Hosting") {
                continue;
            }
            let (true_place, place) = (truth.lookup(address), city.lookup(address));
            fixed += 1;
            let abroad = place.country != true_place.country;
            countries_wrong += usize::from(abroad);
            if let Some(city) = place.city.filter(|_| !abroad) {
                named += 1;
                cities_wrong += usize::from(Some(city) != true_place.city);
            }
        }
        let wrong = share(countries_wrong, fixed);
        assert!(countries.contains(&wrong), "{wrong} of {fixed} in another country");
        let wrong = share(cities_wrong, named);
        assert!((0.02..0.09).contains(&wrong), "{wrong} of {named} in another city");
    }
}

#[test]
fn the_lists_of_the_firm_can_be_read() {
    let (_, problems) = People::parse("people.csv", &TAKEOVERS.people_csv).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let (networks, problems) = Networks::parse("networks.csv", &TAKEOVERS.networks_csv).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let office = networks.own(Some("203.0.113.10".parse().unwrap()), None).unwrap();
    assert_eq!(office.kind.as_str(), "office");
}
