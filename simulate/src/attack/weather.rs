//! What everybody on the Internet is tried with all day, and the visitors of the firm's site.

use crate::addresses::Line;
use crate::calendar::{Millis, SECOND, at};
use crate::geography::{ATTACKERS, Kind, city_at_home};
use crate::life::Workshop;
use crate::people::{NEWSLETTER, Person};
use crate::random::Random;
use crate::recorder::{Doing, Label};
use crate::vendor::entra::SignIn;
use crate::vendor::fortigate::Tunnel;
use crate::vendor::m365::Deed;
use crate::vendor::sshd::Attempt;
use crate::vendor::web::Request;
use crate::vendor::{Account, DOMAIN, LAPTOP_AGENTS, Outcome};

/// Sign-ins with wrong passwords from outside, a day and person: of 31 million attempts in the RBA data,
/// a sixth were wrong passwords of real accounts from outside.
const OUTSIDE_FAILURES: f64 = 0.25;
/// How much more there is in a wave.
const WAVE: f64 = 2.0;
/// Names that are tried on every server.
const NAMES: [&str; 8] = ["root", "admin", "test", "oracle", "ubuntu", "postgres", "git", "backup"];
/// Paths that are tried on every site.
const PROBES: [&str; 8] = [
    "/.env",
    "/wp-login.php",
    "/.git/config",
    "/xmlrpc.php",
    "/phpmyadmin/",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/cgi-bin/luci",
    "/actuator/health",
];

/// Writes down the weather of all days.
pub(crate) fn weather(people: &[Person], workshop: &mut Workshop) {
    let mut random = Random::of(workshop.seed, &[0x3ea]);
    let wave_begins = random.whole(0, workshop.days);
    let wave_ends = wave_begins + random.whole(7, 21);
    for day in 0..workshop.days {
        let much = if (wave_begins..wave_ends).contains(&day) {
            WAVE
        } else {
            1.0
        };
        let path = [0x3ea, 1, day.unsigned_abs()];
        let mut sky = Sky {
            people,
            workshop,
            day,
            random: Random::of(random.clone().next(), &path),
        };
        sky.clouds(much);
        sky.server(much);
        sky.firewall(much);
        sky.site(much);
        sky.newsletter();
    }
}

struct Sky<'a> {
    people: &'a [Person],
    workshop: &'a mut Workshop,
    day: i64,
    random: Random,
}

impl Sky<'_> {
    fn outside(&mut self) -> Line {
        let city = self.random.weighted(&ATTACKERS);
        let kind = if self.random.chance(0.7) {
            Kind::Hosting
        } else {
            Kind::Fixed
        };
        self.workshop.addresses.line(kind, city, &mut self.random)
    }

    /// Wrong passwords for accounts in the cloud, one to three from an address.
    fn clouds(&mut self, much: f64) {
        let people = f64::from(u32::try_from(self.people.len()).unwrap_or(u32::MAX));
        for _ in 0..self.random.poisson(much * OUTSIDE_FAILURES * people / 2.0) {
            let line = self.outside();
            let target = super::any(self.people, &mut self.random);
            // The account of somebody who left is disabled.
            let gone = target.left.is_some_and(|left| left < self.day);
            let account = target.account.clone();
            let unknown = self.random.chance(0.3);
            let user = format!("info{}@{DOMAIN}", self.random.below(90));
            let account = if unknown { Account { user, ..account } } else { account };
            let client = super::stranger(&mut self.random);
            let mut time = at(self.day, self.random.between(0.0, 24.0));
            for _ in 0..self.random.whole(1, 3) {
                let doing = Doing {
                    time,
                    account: &account,
                    line: &line,
                    client: &client,
                    session: "",
                    label: Label::Weather,
                };
                let sign_in = SignIn {
                    outcome: match (unknown, gone) {
                        (true, _) => Outcome::NoSuchUser,
                        (false, true) => Outcome::Disabled,
                        (false, false) => Outcome::WrongPassword,
                    },
                    app: "Office 365 Exchange Online",
                    interactive: true,
                };
                self.workshop.recorder.entra(&doing, sign_in);
                time += SECOND * self.random.whole(2, 90);
            }
        }
    }

    /// Names that do not exist, in bursts, and root.
    fn server(&mut self, much: f64) {
        for _ in 0..self.random.poisson(5.0 * much) {
            let line = self.outside();
            let mut time = at(self.day, self.random.between(0.0, 24.0));
            for _ in 0..self.random.whole(1, 12) {
                let name = self.random.pick(&NAMES);
                let attempt = attempt(name);
                self.workshop.recorder.ssh(time, &line, (name, attempt), Label::Weather);
                time += SECOND * self.random.whole(2, 40);
            }
        }
    }

    fn firewall(&mut self, much: f64) {
        for _ in 0..self.random.poisson(4.0 * much) {
            let line = self.outside();
            let time = at(self.day, self.random.between(0.0, 24.0));
            let name = self.random.pick(&NAMES);
            let refused = Tunnel::Refused(name, "sslvpn_login_unknown_user");
            self.workshop.recorder.tunnel(time, &line, refused, Label::Weather);
        }
    }

    /// Visitors, and those who look for holes.
    fn site(&mut self, much: f64) {
        for _ in 0..self.random.poisson(15.0) {
            let city = city_at_home(&mut self.random);
            let line = self.workshop.addresses.line(Kind::Mobile, city, &mut self.random);
            let begins = at(self.day, self.random.between(7.0, 24.0));
            let agent = self.random.weighted(&LAPTOP_AGENTS).text;
            for visit in 0..self.random.whole(1, 6) {
                let time = begins + visit * SECOND * self.random.whole(3, 60);
                self.page(time, &line, agent);
            }
        }
        for _ in 0..self.random.poisson(3.0 * much) {
            let line = self.outside();
            let begins = at(self.day, self.random.between(0.0, 24.0));
            for probe in 0..self.random.whole(1, 6) {
                let request = Request {
                    path: self.random.pick(&PROBES),
                    status: 404,
                    bytes: 153,
                    agent: "Mozilla/5.0 zgrab/0.x",
                };
                let time = begins + probe * SECOND * self.random.whole(1, 5);
                self.workshop.recorder.web(time, &line, &request, Label::Weather);
            }
        }
    }

    /// A page of the site, or one that a browser asks for in vain.
    fn page(&mut self, time: Millis, line: &Line, agent: &str) {
        let page = self.random.below(40);
        let path = format!("/products/{page}.html");
        let (path, status) = if page == 0 {
            ("/favicon.png", 404)
        } else {
            (path.as_str(), 200)
        };
        let request = Request {
            path,
            status,
            bytes: 900 + 100 * page,
            agent,
        };
        self.workshop.recorder.web(time, line, &request, Label::Ordinary);
    }

    /// Each Tuesday a program writes to all customers.
    fn newsletter(&mut self) {
        if (self.day + 1).rem_euclid(7) != 0 {
            return;
        }
        let account = Account {
            user: format!("{NEWSLETTER}@{DOMAIN}"),
            login: NEWSLETTER.to_owned(),
            name: "Newsletter".to_owned(),
            uid: "7e5a0000-0000-4000-8000-0000000000aa".to_owned(),
        };
        let office = &crate::geography::TOKYO;
        let line = self.workshop.addresses.line(Kind::Office, office, &mut self.random);
        let client = super::client(LAPTOP_AGENTS[1].0);
        let doing = Doing {
            time: at(self.day, 10.0),
            account: &account,
            line: &line,
            client: &client,
            session: "newsletter",
            label: Label::Ordinary,
        };
        self.workshop.recorder.m365(&doing, &Deed::Sent(600));
    }
}

/// What a server says of a name that is tried: only root exists.
fn attempt(name: &str) -> Attempt {
    match name {
        "root" => Attempt::WrongPassword,
        _ => Attempt::NoSuchUser,
    }
}
