//! Accounts that are used by somebody else.

use super::{Campaign, Class, any, client, stranger};
use crate::addresses::Line;
use crate::calendar::{HOUR, Millis, SECOND, at, day_of, is_weekend};
use crate::geography::{ATTACKERS, Kind, city_at_home};
use crate::life::{Device, Known, session};
use crate::people::Person;
use crate::random::{Random, cut};
use crate::recorder::{Doing, Label};
use crate::vendor::entra::SignIn;
use crate::vendor::m365::Deed;
use crate::vendor::{Client, Factor, Outcome};

/// How the attacks are shared out: of real takeovers, 55 % came from addresses on lists.
const SHARES: [(Class, f64); 7] = [
    (Class::ForeignResidential, 20.0),
    (Class::ForeignHosting, 25.0),
    (Class::HomeHosting, 15.0),
    (Class::HomeResidential, 8.0),
    (Class::AitmForeign, 15.0),
    (Class::AitmHome, 10.0),
    (Class::HomeMobile, 7.0),
];
/// The share of attacks that were put off to the weekend.
const PUT_OFF: f64 = 0.35;

/// So many takeovers, spread over the days from `first` on.
pub(crate) fn takeovers(campaign: &mut Campaign<'_>, count: usize, first: i64) {
    for place in 0..count {
        let mut random = Random::of(
            campaign.workshop.seed,
            &[0x7a0, u64::try_from(place).unwrap_or_default()],
        );
        let class = random.weighted(&SHARES);
        takeover(campaign, class, first, &mut random);
    }
}

/// So many takeovers of people with two bases, from the country of the second.
pub(crate) fn known_country(campaign: &mut Campaign<'_>, count: usize, first: i64) {
    for place in 0..count {
        let mut random = Random::of(
            campaign.workshop.seed,
            &[0x7a1, u64::try_from(place).unwrap_or_default()],
        );
        let commuters: Vec<usize> = campaign
            .people
            .iter()
            .filter(|person| person.second_base.is_some())
            .map(|person| person.number)
            .collect();
        if commuters.is_empty() {
            return;
        }
        let (person, known) = campaign.both(random.pick(&commuters));
        let (person, worked) = (person.clone(), known.days.clone());
        let begins = begin(Class::KnownCountry, &worked, first, campaign.workshop.days, &mut random);
        let city = person.second_base.unwrap_or_else(|| random.weighted(&ATTACKERS));
        let line = campaign.workshop.addresses.line(Kind::Fixed, city, &mut random);
        let client = stranger(&mut random);
        let session = random.guid();
        let plot = Plot {
            class: Class::KnownCountry,
            person: &person,
            lines: vec![line],
            client,
            session,
            begins,
        };
        act(campaign, &plot, &mut random);
    }
}

fn takeover(campaign: &mut Campaign<'_>, class: Class, first: i64, random: &mut Random) {
    let day = random.whole(first, campaign.workshop.days - 4);
    let (person, known) = campaign.victim(day, random);
    let (person, worked) = (person.clone(), known.days.clone());
    let begins = begin(class, &worked, first, campaign.workshop.days, random);
    let stolen = matches!(class, Class::AitmForeign | Class::AitmHome);
    let (session, client) = if stolen {
        stolen_session(campaign, (&person, known_of(campaign, &person)), begins, random)
    } else {
        (random.guid(), stranger(random))
    };
    let lines = (0..random.whole(1, 2)).map(|_| line(campaign, class, random)).collect();
    let plot = Plot {
        class,
        person: &person,
        lines,
        client,
        session,
        begins,
    };
    act(campaign, &plot, random);
}

#[expect(clippy::indexing_slicing, reason = "the number is of a person of the list")]
fn known_of<'a>(campaign: &Campaign<'a>, person: &Person) -> &'a Known {
    let known: &'a [Known] = campaign.known;
    &known[person.number]
}

/// An attack on the victim's own session begins while the victim works; others at any hour.
fn begin(class: Class, worked: &[i64], first: i64, days: i64, random: &mut Random) -> Millis {
    let last = days - 4;
    let worked: Vec<i64> = worked
        .iter()
        .copied()
        .filter(|day| (first..=last).contains(day))
        .collect();
    if matches!(class, Class::AitmForeign | Class::AitmHome) && !worked.is_empty() {
        return at(random.pick(&worked), random.between(9.5, 20.0));
    }
    let mut day = random.whole(first, last);
    if random.chance(PUT_OFF) {
        while !is_weekend(day) && day < last {
            day += 1;
        }
    }
    at(day, random.between(0.0, 24.0))
}

/// The session of the victim on the day; half of the tools show the victim's program too.
fn stolen_session(
    campaign: &Campaign<'_>,
    (person, known): (&Person, &Known),
    begins: Millis,
    random: &mut Random,
) -> (String, Client) {
    let day = day_of(begins);
    let same = random.chance(0.5);
    let agent = if same {
        client(known.agent(day))
    } else {
        stranger(random)
    };
    (
        session(campaign.workshop.seed, person.number, day, Device::Laptop),
        agent,
    )
}

fn line(campaign: &mut Campaign<'_>, class: Class, random: &mut Random) -> Line {
    let abroad = random.weighted(&ATTACKERS);
    let at_home = city_at_home(random);
    let (kind, city) = match class {
        Class::ForeignHosting => (Kind::Hosting, abroad),
        Class::HomeHosting | Class::AitmHome => (Kind::Hosting, at_home),
        Class::HomeResidential => (Kind::Fixed, at_home),
        Class::HomeMobile => (Kind::Mobile, at_home),
        // Tools that steal sessions stand on rented servers or behind home lines that are rented out.
        Class::AitmForeign if random.chance(0.5) => (Kind::Hosting, abroad),
        _ => (Kind::Fixed, abroad),
    };
    campaign.workshop.addresses.line(kind, city, random)
}

/// A takeover that is about to happen.
struct Plot<'a> {
    class: Class,
    person: &'a Person,
    lines: Vec<Line>,
    client: Client,
    session: String,
    begins: Millis,
}

/// 3 to 15 events over half an hour to 30 hours: a sign-in, then reading.
fn act(campaign: &mut Campaign<'_>, plot: &Plot<'_>, random: &mut Random) {
    let label = Label::Attack(campaign.number());
    let hours = (random.between(0.5_f64.ln(), 30.0_f64.ln())).exp();
    let span = cut(hours * 3_600_000.0).min(30 * HOUR);
    let count = random.whole(3, 15);
    let mut times: Vec<Millis> = (1..count)
        .map(|_| plot.begins + random.whole(60 * SECOND, span))
        .collect();
    times.sort_unstable();
    let stolen = matches!(plot.class, Class::AitmForeign | Class::AitmHome);
    let first = doing(plot, plot.begins, label, random);
    let recorder = &mut campaign.workshop.recorder;
    if !stolen && random.chance(0.3) {
        let before = Doing {
            time: plot.begins - SECOND * random.whole(20, 90),
            ..first
        };
        recorder.entra(&before, by_hand(Outcome::WrongPassword));
    }
    recorder.entra(&first, by_hand(Outcome::Success(factor(plot, random))));
    for time in &times {
        let doing = doing(plot, *time, label, random);
        match random.unit() {
            share if share < 0.4 => recorder.entra(
                &doing,
                SignIn {
                    interactive: random.chance(0.5),
                    ..by_hand(Outcome::Success(factor(plot, random)))
                },
            ),
            share if share < 0.5 && !stolen => recorder.google(&doing, Outcome::Success(Factor::NotAsked)),
            share if share < 0.85 => recorder.m365(&doing, &Deed::MailRead),
            _ => recorder.m365(&doing, &Deed::FileOpened(format!("plan-0-{}.xlsx", random.below(300)))),
        }
    }
    let ends = times.last().copied().unwrap_or(plot.begins);
    campaign.note(plot.class, Some(&plot.person.account.user), plot.begins, ends);
}

fn doing<'a>(plot: &'a Plot<'_>, time: Millis, label: Label, random: &mut Random) -> Doing<'a> {
    Doing {
        time,
        account: &plot.person.account,
        line: any(&plot.lines, random),
        client: &plot.client,
        session: &plot.session,
        label,
    }
}

/// A stolen session has its second factor; for others the victim was made to give it, or has none.
fn factor(plot: &Plot<'_>, random: &mut Random) -> Factor {
    match plot.class {
        _ if plot.person.without_factor => Factor::NotAsked,
        Class::AitmForeign | Class::AitmHome => Factor::ByToken,
        _ if random.chance(0.5) => Factor::Given,
        _ => Factor::ByToken,
    }
}

fn by_hand(outcome: Outcome) -> SignIn {
    SignIn {
        outcome,
        app: "Office 365 Exchange Online",
        interactive: true,
    }
}
