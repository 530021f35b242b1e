//! The people of the firm, and how they live and work. The shares are own estimates.

use crate::calendar::date;
use crate::geography::{City, DESTINATIONS, HOMES};
use crate::random::Random;
use crate::vendor::{Account, DOMAIN};

/// Somebody who works for the firm.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit that people have or not")]
pub(crate) struct Person {
    pub(crate) number: usize,
    pub(crate) account: Account,
    pub(crate) home: &'static City,
    pub(crate) office: &'static City,
    /// Works from home on most days.
    pub(crate) works_from_home: bool,
    /// Never comes to the office.
    pub(crate) remote: bool,
    /// The laptop goes through a security service.
    pub(crate) sase: bool,
    /// The laptop goes through the company VPN when it is not in the office.
    pub(crate) vpn: bool,
    /// Uses a VPN of their own now and then.
    pub(crate) personal_vpn: bool,
    pub(crate) managed_laptop: bool,
    pub(crate) has_phone: bool,
    /// The phone uses a privacy relay on Wi-Fi.
    pub(crate) relay: bool,
    /// A computer at home stays signed in.
    pub(crate) always_on: bool,
    pub(crate) goes_to_cafes: bool,
    pub(crate) dual_stack: bool,
    /// Signs in to the server.
    pub(crate) developer: bool,
    pub(crate) privileged: bool,
    /// Never set up a second factor.
    pub(crate) without_factor: bool,
    /// Which share of their sign-ins fails: 5 to 27 %, as in the published data of RBA.
    pub(crate) failure_rate: f64,
    /// The city abroad where they work one week in four.
    pub(crate) second_base: Option<&'static City>,
    /// First and last working day.
    pub(crate) joined: i64,
    pub(crate) left: Option<i64>,
}

impl Person {
    /// Whether they work for the firm on a day.
    pub(crate) fn is_employed(&self, day: i64) -> bool {
        self.joined <= day && self.left.is_none_or(|left| day <= left)
    }
}

/// How many people there are, and of what kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staff {
    pub(crate) people: usize,
    pub(crate) days: i64,
    /// How many have a second base abroad.
    pub(crate) two_bases: usize,
}

/// The people of a firm.
pub(crate) fn people(staff: Staff, seed: u64) -> Vec<Person> {
    (0..staff.people).map(|number| person(number, staff, seed)).collect()
}

fn person(number: usize, staff: Staff, seed: u64) -> Person {
    let key = u64::try_from(number).unwrap_or_default();
    let mut random = Random::of(seed, &[0x9e0, key]);
    let (home, office) = random.weighted(&HOMES);
    let remote = random.chance(0.08);
    let second_base = (number < staff.two_bases).then(|| random.weighted(&DESTINATIONS));
    let joined = if random.chance(0.06) && second_base.is_none() {
        random.whole(5, staff.days - 10)
    } else {
        -random.whole(200, 5_000)
    };
    let leaves = random.chance(0.04) && joined < 0 && second_base.is_none();
    Person {
        number,
        account: Account {
            user: format!("user{number:03}@{DOMAIN}"),
            login: format!("user{number:03}"),
            name: format!("User {number:03}"),
            uid: random.guid(),
        },
        home,
        office,
        works_from_home: random.chance(0.3),
        remote,
        sase: random.chance(0.3),
        vpn: random.chance(0.2),
        personal_vpn: random.chance(0.04),
        managed_laptop: random.chance(0.7),
        has_phone: random.chance(0.8),
        relay: random.chance(0.25),
        always_on: random.chance(0.05),
        goes_to_cafes: random.chance(0.15),
        dual_stack: random.chance(0.4),
        developer: random.chance(0.08),
        // At least one administrator, and one in fifty.
        privileged: number % 50 == 7,
        without_factor: random.chance(0.2),
        failure_rate: 0.05 + 0.22 * random.unit() * random.unit(),
        second_base,
        joined,
        left: leaves.then(|| random.whole(-30, staff.days / 3)),
    }
}

/// The people list of the firm.
pub(crate) fn people_csv(people: &[Person]) -> String {
    let mut lines = vec![
        "user,aliases,kind,joined,left,privileged".to_owned(),
        format!("{NEWSLETTER}@{DOMAIN},{NEWSLETTER},service,2020-04-01,,false"),
    ];
    lines.extend(people.iter().map(|person| {
        let Account { user, login, .. } = &person.account;
        let left = person.left.map(date).unwrap_or_default();
        let joined = date(person.joined);
        format!("{user},{login},member,{joined},{left},{}", person.privileged)
    }));
    lines.push(String::new());
    lines.join("\n")
}

/// The account that sends the newsletter.
pub(crate) const NEWSLETTER: &str = "newsletter";
