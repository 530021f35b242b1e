//! A firm's logs, and the truth about them.

use serde_json::{Value, json};

use crate::addresses::Addresses;
use crate::attack::{Attack, Campaign, known_country, scripted, takeovers, weather};
use crate::calendar::{at, date, utc};
use crate::geo::{Databases, databases};
use crate::geography::networks_csv;
use crate::life::{Known, Workshop, live};
use crate::people::{Person, Staff, people, people_csv};
use crate::recorder::{Label, Record, Recorder};
use crate::settings::{LEARNING_DAYS, Scenario, Settings};

/// People with a second base, where the scenario has them.
const TWO_BASES: usize = 15;

/// Something of a person that detectors may take for an attack, and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is: `trip`.
    pub what: &'static str,
    /// Whose.
    pub user: String,
    /// First and last day.
    pub days: (String, String),
    /// Where.
    pub country: &'static str,
}

/// A simulated firm.
#[derive(Clone, Debug)]
pub struct World {
    /// What it was made of.
    pub settings: Settings,
    /// All records, in the order in which they arrive.
    pub records: Vec<Record>,
    /// What the attackers did.
    pub attacks: Vec<Attack>,
    /// What people did that may look like an attack.
    pub notes: Vec<Note>,
    /// How many people worked for the firm on the days that count, summed over these days.
    pub user_days: u64,
    /// The people list, as the firm has it.
    pub people_csv: String,
    /// The list of networks, as the firm has it.
    pub networks_csv: String,
    /// The geo databases.
    pub databases: Databases,
}

impl World {
    /// Simulates.
    pub fn new(settings: Settings) -> Self {
        let staff = Staff {
            people: settings.people,
            days: settings.days,
            two_bases: if settings.scenario == Scenario::TwoBases {
                TWO_BASES
            } else {
                0
            },
        };
        let people = people(staff, settings.seed);
        let mut workshop = Workshop {
            seed: settings.seed,
            days: settings.days,
            addresses: Addresses::default(),
            recorder: Recorder::new(settings.seed),
        };
        // Attacks come last, so that the days of the people are the same without them.
        let known: Vec<Known> = people.iter().map(|person| live(person, &mut workshop)).collect();
        weather(&people, &mut workshop);
        let attacks = attacks(&settings, &people, &known, &mut workshop);
        let mut records = workshop.recorder.records;
        records.sort_by_key(|record| (record.arrives, record.happened));
        Self {
            settings,
            records,
            attacks,
            notes: notes(&people, &known),
            user_days: user_days(&people, settings.days),
            people_csv: people_csv(&people),
            networks_csv: networks_csv(),
            databases: databases(&workshop.addresses, settings.wrong_country, settings.seed),
        }
    }

    /// When learning ends, in milliseconds since the epoch: nothing before it counts.
    pub fn counts_from(&self) -> i64 {
        at(LEARNING_DAYS, 0.0)
    }

    /// When the first attack can begin.
    pub fn attacks_from(&self) -> i64 {
        at(self.settings.first_attack_day(), 0.0)
    }

    /// The truth as NDJSON: a line for each attack and each note. Records are named by their place in
    /// the order of arrival, from 0.
    pub fn truth(&self) -> String {
        let records = |label: Label| -> Vec<usize> {
            let places = self.records.iter().enumerate();
            places
                .filter(|(_, record)| record.label == label)
                .map(|(place, _)| place)
                .collect()
        };
        let attacks = self.attacks.iter().map(|attack| {
            json!({
                "attack": attack.number,
                "class": attack.class.name(),
                "user": attack.user,
                "begins": utc(attack.begins).to_string(),
                "ends": utc(attack.ends).to_string(),
                "records": records(Label::Attack(attack.number)),
            })
        });
        let notes = self.notes.iter().map(|note| {
            let (first, last) = &note.days;
            json!({"note": note.what, "user": note.user, "first": first, "last": last, "country": note.country})
        });
        let weather = json!({"weather": records(Label::Weather)});
        let lines = attacks
            .chain(notes)
            .chain([weather])
            .map(|line: Value| line.to_string());
        lines.flat_map(|line| [line, "\n".to_owned()]).collect()
    }
}

fn attacks(settings: &Settings, people: &[Person], known: &[Known], workshop: &mut Workshop) -> Vec<Attack> {
    let mut campaign = Campaign {
        people,
        known,
        workshop,
        attacks: Vec::new(),
    };
    let first = settings.first_attack_day();
    match settings.scenario {
        Scenario::Takeovers => takeovers(&mut campaign, settings.attacks, first),
        Scenario::Scripted => scripted(&mut campaign, settings.attacks, first),
        Scenario::TwoBases => known_country(&mut campaign, settings.attacks, first),
        Scenario::Peace => {}
    }
    campaign.attacks
}

fn notes(people: &[Person], known: &[Known]) -> Vec<Note> {
    let trips = people.iter().zip(known).flat_map(|(person, known)| {
        known.trips.iter().map(|trip| Note {
            what: "trip",
            user: person.account.user.clone(),
            days: (date(trip.first), date(trip.last)),
            country: trip.city.country,
        })
    });
    trips.collect()
}

fn user_days(people: &[Person], days: i64) -> u64 {
    let days = (LEARNING_DAYS..days).flat_map(|day| people.iter().map(move |person| person.is_employed(day)));
    u64::try_from(days.filter(|employed| *employed).count()).unwrap_or_default()
}
