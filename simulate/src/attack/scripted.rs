//! Attacks that have a course by which they are known.

use super::{Campaign, Class, Family, any, stranger};
use crate::addresses::Line;
use crate::calendar::{DAY, HOUR, MINUTE, Millis, SECOND, at};
use crate::geography::{ATTACKERS, Kind, city_at_home};
use crate::people::Person;
use crate::random::Random;
use crate::recorder::{Doing, Label};
use crate::vendor::entra::SignIn;
use crate::vendor::fortigate::Tunnel;
use crate::vendor::m365::Deed;
use crate::vendor::sshd::Attempt;
use crate::vendor::web::Request;
use crate::vendor::{Account, Client, Factor, Outcome};

/// So many attacks of each class, on the days from `first` on.
pub(crate) fn scripted(campaign: &mut Campaign<'_>, each: usize, first: i64) {
    let classes = (0..)
        .zip(Class::ALL)
        .filter(|(_, class)| class.family() == Family::Scripted);
    for (number, class) in classes {
        for place in 0..each {
            let path = [0x5c7, number, u64::try_from(place).unwrap_or_default()];
            let mut random = Random::of(campaign.workshop.seed, &path);
            let day = random.whole(first, campaign.workshop.days - 4);
            let begins = at(day, random.between(0.0, 23.0));
            Script::new(campaign, *class, begins, random).play();
        }
    }
}

/// An attack in the making.
struct Script<'a, 'b> {
    campaign: &'a mut Campaign<'b>,
    class: Class,
    begins: Millis,
    victim: Person,
    line: Line,
    client: Client,
    session: String,
    label: Label,
    random: Random,
}

impl<'a, 'b> Script<'a, 'b> {
    fn new(campaign: &'a mut Campaign<'b>, class: Class, begins: Millis, mut random: Random) -> Self {
        let victim = campaign.victim(crate::calendar::day_of(begins), &mut random).0.clone();
        let city = random.weighted(&ATTACKERS);
        let kind = if random.chance(0.6) { Kind::Hosting } else { Kind::Fixed };
        Self {
            class,
            begins,
            victim,
            line: campaign.workshop.addresses.line(kind, city, &mut random),
            client: stranger(&mut random),
            session: random.guid(),
            label: Label::Attack(campaign.number()),
            campaign,
            random,
        }
    }

    fn play(mut self) {
        let ends = match self.class {
            Class::Spray => self.spray(false),
            Class::SprayThenSuccess => self.spray(true),
            Class::Stuffing => self.stuffing(),
            Class::SlowSpray => self.slow_spray(),
            Class::ForceThenSuccess => self.force(),
            Class::SshForce => self.ssh_force(),
            Class::VpnForce => self.vpn_force(),
            Class::PasswordStopped => self.password_stopped(),
            Class::FatigueDenied => self.fatigue(false),
            Class::FatigueApproved => self.fatigue(true),
            Class::VpnTakeover => self.vpn_takeover(),
            Class::Leaver => match self.leaver() {
                Some(ends) => ends,
                None => return,
            },
            Class::ForwardRule => self.forward_rule(),
            Class::MassMail => self.mass_mail(),
            Class::MassDownload => self.mass_download(),
            Class::WebScan => self.web_scan(),
            Class::WebExploit => self.web_exploit(),
            _ => return,
        };
        let single = !matches!(
            self.class,
            Class::Spray | Class::Stuffing | Class::SlowSpray | Class::WebScan | Class::WebExploit
        );
        let user = single.then_some(self.victim.account.user.as_str());
        self.campaign.note(self.class, user, self.begins, ends);
    }

    /// A sign-in to Microsoft's cloud as somebody.
    fn entra(&mut self, account: &Account, time: Millis, outcome: Outcome) {
        let doing = Doing {
            time,
            account,
            line: &self.line,
            client: &self.client,
            session: &self.session,
            label: self.label,
        };
        let sign_in = SignIn {
            outcome,
            app: "Office 365 Exchange Online",
            interactive: true,
        };
        self.campaign.workshop.recorder.entra(&doing, sign_in);
    }

    fn m365(&mut self, time: Millis, deed: &Deed) {
        let doing = Doing {
            time,
            account: &self.victim.account,
            line: &self.line,
            client: &self.client,
            session: &self.session,
            label: self.label,
        };
        self.campaign.workshop.recorder.m365(&doing, deed);
    }

    /// Accounts of the firm, in any order; a list that was bought has some that do not exist.
    fn targets(&mut self, count: usize) -> Vec<(Account, Outcome)> {
        let mut targets: Vec<(Account, Outcome)> = Vec::new();
        for _ in 0..count {
            let account = any(self.campaign.people, &mut self.random).account.clone();
            if self.random.chance(0.15) {
                let user = format!("old.user{}@{}", self.random.below(900), crate::vendor::DOMAIN);
                targets.push((Account { user, ..account }, Outcome::NoSuchUser));
            } else if targets.iter().all(|(known, _)| known.user != account.user) {
                targets.push((account, Outcome::WrongPassword));
            }
        }
        targets
    }

    /// A password on a third of the firm, or on all of a small one.
    fn spray(&mut self, opens: bool) -> Millis {
        let count = (self.campaign.people.len() / 3).clamp(14, 60);
        let mut time = self.begins;
        for (account, outcome) in self.targets(count) {
            self.entra(&account, time, outcome);
            time += SECOND * self.random.whole(20, 60);
        }
        if opens {
            let victim = self.victim.account.clone();
            time += MINUTE * self.random.whole(1, 60);
            self.entra(&victim, time, Outcome::Success(Factor::NotAsked));
        }
        time
    }

    fn stuffing(&mut self) -> Millis {
        let mut time = self.begins;
        for _ in 0..3 {
            let city = self.line.city;
            let operator = self.line.operator;
            self.line = self
                .campaign
                .workshop
                .addresses
                .line_of(operator, city, &mut self.random);
            let twice = self.targets(14).into_iter().flat_map(|target| [target.clone(), target]);
            let tries: Vec<(Account, Outcome)> = twice.filter(|_| self.random.chance(0.75)).collect();
            for (account, outcome) in tries {
                self.entra(&account, time, outcome);
                time += SECOND * self.random.whole(3, 40);
            }
        }
        time
    }

    fn slow_spray(&mut self) -> Millis {
        let mut ends = self.begins;
        for (account, outcome) in self.targets(40) {
            let time = self.begins + self.random.whole(0, DAY + DAY / 2);
            let city = self.random.weighted(&ATTACKERS);
            self.line = self
                .campaign
                .workshop
                .addresses
                .line(Kind::Fixed, city, &mut self.random);
            self.entra(&account, time, outcome);
            ends = ends.max(time);
        }
        ends
    }

    fn force(&mut self) -> Millis {
        let victim = self.victim.account.clone();
        let mut time = self.begins;
        for _ in 0..self.random.whole(15, 40) {
            self.entra(&victim, time, Outcome::WrongPassword);
            time += SECOND * self.random.whole(4, 24);
        }
        time += SECOND * self.random.whole(20, 600);
        self.entra(&victim, time, Outcome::Success(Factor::NotAsked));
        time
    }

    fn ssh_force(&mut self) -> Millis {
        let user = self.victim.account.login.clone();
        let mut time = self.begins;
        for _ in 0..self.random.whole(15, 60) {
            self.ssh(time, (&user, Attempt::WrongPassword));
            time += SECOND * self.random.whole(2, 15);
        }
        time += SECOND * self.random.whole(20, 600);
        self.ssh(time, (&user, Attempt::Password));
        time
    }

    fn ssh(&mut self, time: Millis, attempt: (&str, Attempt)) {
        self.campaign
            .workshop
            .recorder
            .ssh(time, &self.line, attempt, self.label);
    }

    fn vpn_force(&mut self) -> Millis {
        let mut time = self.begins;
        let user = self.victim.account.login.clone();
        for _ in 0..self.random.whole(20, 60) {
            let refused = Tunnel::Refused(&user, "sslvpn_login_permission_denied");
            self.campaign
                .workshop
                .recorder
                .tunnel(time, &self.line, refused, self.label);
            time += SECOND * self.random.whole(3, 20);
        }
        time
    }

    fn password_stopped(&mut self) -> Millis {
        let victim = self.victim.account.clone();
        let stopped = if self.random.chance(0.5) {
            Outcome::FactorAsked
        } else {
            Outcome::Blocked
        };
        self.entra(&victim, self.begins, stopped);
        self.begins
    }

    fn fatigue(&mut self, approved: bool) -> Millis {
        let victim = self.victim.account.clone();
        let mut time = self.begins;
        for _ in 0..self.random.whole(4, 8) {
            let outcome = if self.random.chance(0.6) {
                Outcome::FactorTimeout
            } else {
                Outcome::FactorDenied
            };
            self.entra(&victim, time, outcome);
            time += SECOND * self.random.whole(40, 100);
        }
        if approved {
            self.entra(&victim, time, Outcome::Success(Factor::Given));
        }
        time
    }

    fn vpn_takeover(&mut self) -> Millis {
        let number = self.random.next() % 1_000_000 + 1;
        let user = self.victim.account.login.clone();
        let recorder = &mut self.campaign.workshop.recorder;
        recorder.tunnel(self.begins, &self.line, Tunnel::Up(number, &user), self.label);
        let ends = self.begins + self.random.whole(HOUR, 8 * HOUR);
        recorder.tunnel(ends, &self.line, Tunnel::Down(number, &user), self.label);
        ends
    }

    /// When it ended; none if nobody has left.
    ///
    /// The account of somebody who left at least five days before, used from a home in Japan.
    fn leaver(&mut self) -> Option<Millis> {
        let day = crate::calendar::day_of(self.begins);
        let gone = |person: &&Person| person.left.is_some_and(|left| left + 5 < day);
        let leavers: Vec<Person> = self.campaign.people.iter().filter(gone).cloned().collect();
        if leavers.is_empty() {
            return None;
        }
        self.victim = any(&leavers, &mut self.random).clone();
        let city = city_at_home(&mut self.random);
        self.line = self
            .campaign
            .workshop
            .addresses
            .line(Kind::Fixed, city, &mut self.random);
        let account = self.victim.account.clone();
        self.entra(&account, self.begins, Outcome::Success(Factor::NotAsked));
        let mut time = self.begins;
        for _ in 0..self.random.whole(2, 8) {
            time += SECOND * self.random.whole(20, 300);
            let deed = Deed::FileDownloaded(format!("drawing-{}.dwg", self.random.below(900)));
            self.m365(time, &deed);
        }
        Some(time)
    }

    fn forward_rule(&mut self) -> Millis {
        let account = self.victim.account.clone();
        self.entra(&account, self.begins, Outcome::Success(Factor::ByToken));
        let time = self.begins + SECOND * self.random.whole(60, 900);
        self.m365(time, &Deed::RuleForwards("collector@example.net"));
        time
    }

    fn mass_mail(&mut self) -> Millis {
        let account = self.victim.account.clone();
        self.entra(&account, self.begins, Outcome::Success(Factor::ByToken));
        let mut time = self.begins + 5 * MINUTE;
        for _ in 0..self.random.whole(8, 20) {
            time += SECOND * self.random.whole(20, 140);
            let recipients = u64::try_from(self.random.whole(20, 60)).unwrap_or_default();
            self.m365(time, &Deed::Sent(recipients));
        }
        time
    }

    fn mass_download(&mut self) -> Millis {
        let mut time = self.begins;
        for file in 0..self.random.whole(80, 300) {
            time += SECOND * self.random.whole(1, 10);
            self.m365(time, &Deed::FileDownloaded(format!("drawing-{file}.dwg")));
        }
        time
    }

    fn web_scan(&mut self) -> Millis {
        let mut time = self.begins;
        for page in 0..self.random.whole(100, 300) {
            let path = format!("/old/{page}.php");
            self.web(time, &path, 404, 153);
            time += self.random.whole(100, 900);
        }
        time
    }

    fn web_exploit(&mut self) -> Millis {
        let paths = [
            "/index.php?page=../../../../etc/passwd",
            "/search?q=1%20union%20select%20user,password%20from%20users",
            "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
            "/download?file=..%2f..%2f..%2fwp-config.php",
        ];
        let path = self.random.pick(&paths);
        let bytes = self.random.below(9_000) + 2_000;
        self.web(self.begins, path, 200, bytes);
        self.begins
    }

    fn web(&mut self, time: Millis, path: &str, status: u16, bytes: usize) {
        let request = Request {
            path,
            status,
            bytes,
            agent: self.client.agent.text,
        };
        self.campaign
            .workshop
            .recorder
            .web(time, &self.line, &request, self.label);
    }
}
