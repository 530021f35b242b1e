//! What a person does, day by day.

mod acts;
mod place;

use crate::addresses::{Addresses, Line};
use crate::calendar::{at, is_business_day};
use crate::geography::{Kind, Operator};
use crate::people::Person;
use crate::random::Random;
use crate::recorder::Recorder;
use crate::travel::{Trip, trips};
use crate::vendor::{Agent, Client, LAPTOP_AGENTS, PHONE_AGENTS};

/// Things done on a business day, on average; other days have fewer.
const ACTS_A_DAY: f64 = 10.6;
/// The same on a weekend on which somebody works.
const ACTS_A_WEEKEND_DAY: f64 = 4.0;

/// The share of what somebody does through a VPN of their own, on a day on which it is on.
const VPN_SHARE: f64 = 0.7;

/// What everybody uses, and of what each person uses one to three more.
const APPS: [&str; 3] = ["Office 365 Exchange Online", "Microsoft Teams", "SharePoint Online"];
const MORE_APPS: [&str; 10] = [
    "Salesforce",
    "Power BI",
    "Zoom",
    "Slack",
    "Box",
    "Azure Portal",
    "Dynamics 365",
    "SmartHR",
    "freee",
    "kintone",
];

/// What the whole firm shares while its log is made.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) seed: u64,
    pub(crate) days: i64,
    pub(crate) addresses: Addresses,
    pub(crate) recorder: Recorder,
}

/// What an attacker can find out about a person.
#[derive(Debug)]
pub(crate) struct Known {
    /// The program on the laptop, from a day on.
    laptops: Vec<(i64, Agent)>,
    pub(crate) trips: Vec<Trip>,
    /// The days on which they worked.
    pub(crate) days: Vec<i64>,
}

impl Known {
    /// The program on the laptop on a day.
    pub(crate) fn agent(&self, day: i64) -> Agent {
        let until = self.laptops.iter().rev().find(|(from, _)| *from <= day);
        until
            .or(self.laptops.first())
            .map_or(LAPTOP_AGENTS[0].0, |(_, agent)| *agent)
    }
}

/// A device that somebody signs in on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// The laptop.
    Laptop,
    /// The phone.
    Phone,
    /// A computer that stays where it is.
    Desktop,
}

/// The session of a person's device on a day.
pub(crate) fn session(seed: u64, person: usize, day: i64, device: Device) -> String {
    let device = match device {
        Device::Laptop => 0,
        Device::Phone => 1,
        Device::Desktop => 2,
    };
    let path = [0x5e5, number(person), day.unsigned_abs(), device];
    Random::of(seed, &path).guid()
}

fn number(person: usize) -> u64 {
    u64::try_from(person).unwrap_or_default()
}

/// A person with what they own now.
#[derive(Debug)]
struct Life<'a> {
    person: &'a Person,
    workshop: &'a mut Workshop,
    home: Line,
    laptop: Client,
    phone: Client,
    carrier: Operator,
    cafe: Line,
    apps: Vec<&'static str>,
    known: Known,
}

/// Where somebody is on a day.
#[derive(Clone, Debug)]
enum Base {
    Office,
    Home,
    Trip(Trip),
}

/// Writes down a person's days.
pub(crate) fn live(person: &Person, workshop: &mut Workshop) -> Known {
    let mut random = Random::of(workshop.seed, &[0x11f, number(person.number)]);
    let days = workshop.days;
    let trips = trips(person, days, &mut workshop.addresses, &mut random);
    let home = new_home(person, workshop, &mut random);
    let laptop = new_laptop(person, &mut random);
    let mut apps = APPS.to_vec();
    for _ in 0..random.whole(1, 3) {
        apps.push(random.pick(&MORE_APPS));
    }
    let mut life = Life {
        person,
        home,
        cafe: workshop.addresses.line(Kind::Fixed, person.home, &mut random),
        known: Known {
            laptops: vec![(0, laptop.agent)],
            trips,
            days: Vec::new(),
        },
        laptop,
        phone: Client {
            agent: random.weighted(&PHONE_AGENTS),
            device: None,
            managed: false,
        },
        carrier: Operator::of(Kind::Mobile, person.home, &mut random),
        apps,
        workshop,
    };
    for day in (0..days).filter(|day| person.is_employed(*day)) {
        life.day(day);
    }
    life.known
}

fn new_laptop(person: &Person, random: &mut Random) -> Client {
    Client {
        agent: random.weighted(&LAPTOP_AGENTS),
        device: person.managed_laptop.then(|| random.guid()),
        managed: person.managed_laptop,
    }
}

fn new_home(person: &Person, workshop: &mut Workshop, random: &mut Random) -> Line {
    let operator = Operator::of(Kind::Fixed, person.home, random);
    home_of(person, operator, workshop, random)
}

fn home_of(person: &Person, operator: Operator, workshop: &mut Workshop, random: &mut Random) -> Line {
    let mut line = workshop.addresses.line_of(operator, person.home, random);
    if person.dual_stack {
        workshop.addresses.dual_stack(&mut line, random);
    }
    if random.chance(0.02) {
        workshop.addresses.mislabel(&line);
    }
    line
}

impl Life<'_> {
    fn day(&mut self, day: i64) {
        let mut random = Random::of(
            self.workshop.seed,
            &[0xda1, number(self.person.number), day.unsigned_abs()],
        );
        self.change(day, &mut random);
        if let Some(base) = self.base(day, &mut random) {
            self.known.days.push(day);
            self.work(day, &base, &mut random);
        }
        if self.person.always_on {
            self.stay_signed_in(day, &mut random);
        }
    }

    /// What changes overnight: the address of the line, its provider, the laptop, the applications.
    fn change(&mut self, day: i64, random: &mut Random) {
        if random.chance(0.001) {
            self.home = new_home(self.person, self.workshop, random);
        } else if random.chance(0.02) {
            self.home = home_of(self.person, self.home.operator, self.workshop, random);
        }
        if random.chance(0.004) {
            self.laptop = new_laptop(self.person, random);
            self.known.laptops.push((day, self.laptop.agent));
        }
        if random.chance(0.005) {
            self.apps.push(random.pick(&MORE_APPS));
        }
    }

    /// Where the person works, if they do.
    fn base(&self, day: i64, random: &mut Random) -> Option<Base> {
        let trip = self
            .known
            .trips
            .iter()
            .find(|trip| trip.first <= day && day <= trip.last);
        let (works, at_home) = (random.unit(), random.unit());
        if let Some(trip) = trip {
            return Some(Base::Trip(trip.clone()));
        }
        let business = is_business_day(day);
        if works >= (if business { 0.96 } else { 0.12 }) {
            return None;
        }
        let home = self.person.remote || !business || self.person.works_from_home && at_home < 0.6;
        Some(if home { Base::Home } else { Base::Office })
    }

    fn work(&mut self, day: i64, base: &Base, random: &mut Random) {
        let start = random.normal(9.0, 0.6);
        let end = random.normal(18.6, 1.4).max(start + 2.0);
        let mean = if is_business_day(day) {
            ACTS_A_DAY
        } else {
            ACTS_A_WEEKEND_DAY
        };
        let with_vpn = self.person.personal_vpn && random.chance(0.08);
        let exit = with_vpn.then(|| self.vpn_exit(random));
        if let (true, Base::Home | Base::Trip(_)) = (self.person.vpn, base) {
            self.tunnel(day, base, (start, end), random);
        }
        for _ in 0..random.poisson(mean) {
            let off = random.chance(0.12);
            let hour = match off {
                true if random.chance(0.4) => random.between(6.5, start.max(7.0)),
                true => random.between(end, 23.5_f64.max(end)),
                false => random.between(start, end),
            };
            let Some(hour) = present(base, day, hour) else { continue };
            let by_phone = self.person.has_phone && random.chance(if off { 0.75 } else { 0.3 });
            let line = match &exit {
                Some(exit) if random.chance(VPN_SHARE) => exit.clone(),
                _ => self.line(base, hour, by_phone, random),
            };
            self.act(at(day, hour), &line, by_phone, random);
        }
        self.seldom(day, base, random);
    }
}

/// The hour in Japan at which somebody does what they do at an hour of their day, if they are there.
fn present(base: &Base, day: i64, hour: f64) -> Option<f64> {
    let Base::Trip(trip) = base else { return Some(hour) };
    let hour = (hour + trip.shift_hours()).rem_euclid(24.0);
    let (from, to) = trip.hours_of(day);
    (from <= hour && hour < to).then_some(hour)
}
