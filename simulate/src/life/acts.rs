//! What people do at their devices.

use super::{Base, Device, Life, session};
use crate::addresses::Line;
use crate::calendar::{Millis, SECOND, at, day_of, is_business_day};
use crate::geography::Kind;
use crate::random::Random;
use crate::recorder::{Doing, Label};
use crate::vendor::entra::SignIn;
use crate::vendor::m365::Deed;
use crate::vendor::sshd::Attempt;
use crate::vendor::{Client, Factor, Outcome};

impl Life<'_> {
    /// One thing of the many that make a day.
    pub(super) fn act(&mut self, time: Millis, line: &Line, by_phone: bool, random: &mut Random) {
        let client = if by_phone {
            self.phone.clone()
        } else {
            self.laptop.clone()
        };
        let device = if by_phone { Device::Phone } else { Device::Laptop };
        let session = session(self.workshop.seed, self.person.number, day_of(time), device);
        let doing = Doing {
            time,
            account: &self.person.account,
            line,
            client: &client,
            session: &session,
            label: Label::Ordinary,
        };
        match random.unit() {
            share if share < 0.22 => self.sign_in(&doing, random),
            share if share < 0.5 => self.renew(&doing, random),
            share if share < 0.64 => self.google(&doing, random),
            _ => {
                let deed = self.deed(random);
                self.workshop.recorder.m365(&doing, &deed);
            }
        }
    }

    /// A sign-in by hand, after the mistakes that people make.
    fn sign_in(&mut self, doing: &Doing<'_>, random: &mut Random) {
        let app = random.pick(&self.apps);
        let sign_in = |outcome| SignIn {
            outcome,
            app,
            interactive: true,
        };
        let factor = match random.unit() {
            _ if self.person.without_factor => Factor::NotAsked,
            share if share < 0.4 => Factor::Given,
            _ => Factor::ByToken,
        };
        let mut before = Vec::new();
        while random.chance(self.person.failure_rate) && before.len() < 4 {
            before.push(Outcome::WrongPassword);
        }
        if factor == Factor::Given {
            if random.chance(0.03) {
                before.push(Outcome::FactorTimeout);
            }
            before.push(Outcome::FactorAsked);
        }
        let mut time = doing.time - SECOND * random.whole(15, 40) * i64::try_from(before.len()).unwrap_or_default();
        for outcome in before {
            self.workshop
                .recorder
                .entra(&Doing { time, ..*doing }, sign_in(outcome));
            time += SECOND * random.whole(8, 14);
        }
        self.workshop.recorder.entra(doing, sign_in(Outcome::Success(factor)));
    }

    /// A program renews its token.
    fn renew(&mut self, doing: &Doing<'_>, random: &mut Random) {
        let factor = if self.person.without_factor {
            Factor::NotAsked
        } else {
            Factor::ByToken
        };
        let sign_in = SignIn {
            outcome: Outcome::Success(factor),
            app: random.pick(&self.apps),
            interactive: false,
        };
        self.workshop.recorder.entra(doing, sign_in);
    }

    fn google(&mut self, doing: &Doing<'_>, random: &mut Random) {
        if random.chance(self.person.failure_rate) {
            let time = doing.time - SECOND * random.whole(15, 60);
            self.workshop
                .recorder
                .google(&Doing { time, ..*doing }, Outcome::WrongPassword);
        }
        let factor = if random.chance(0.3) {
            Factor::Given
        } else {
            Factor::NotAsked
        };
        self.workshop.recorder.google(doing, Outcome::Success(factor));
    }

    fn deed(&self, random: &mut Random) -> Deed {
        let file = |random: &mut Random| format!("plan-{}-{}.xlsx", self.person.number % 12, random.below(300));
        match random.unit() {
            share if share < 0.6 => Deed::MailRead,
            share if share < 0.84 => Deed::FileOpened(file(random)),
            share if share < 0.92 => Deed::FileDownloaded(file(random)),
            share if share < 0.995 => Deed::Sent(1 + u64::try_from(random.poisson(2.0)).unwrap_or_default()),
            _ => Deed::RuleMoves,
        }
    }

    /// What happens on some days: work on the server, on board, with many files, a mail to many.
    pub(super) fn seldom(&mut self, day: i64, base: &Base, random: &mut Random) {
        if self.person.developer && is_business_day(day) {
            self.server(day, base, random);
        }
        if let Base::Trip(trip) = base
            && trip.inflight
            && day == trip.first
        {
            let line = self.on_board(random);
            self.act(at(day, random.between(10.0, 15.0)), &line, false, random);
        }
        let laptop = self.laptop.clone();
        let wants = [0.01, 0.004, 0.02].map(|share| random.chance(share));
        let hour = random.between(10.0, 17.0);
        let Some(hour) = super::present(base, day, hour) else {
            return;
        };
        let line = self.line(base, hour, false, random);
        let session = session(self.workshop.seed, self.person.number, day, Device::Laptop);
        let doing = Doing {
            time: at(day, hour),
            account: &self.person.account,
            line: &line,
            client: &laptop,
            session: &session,
            label: Label::Ordinary,
        };
        let recorder = &mut self.workshop.recorder;
        if let [true, ..] = wants {
            for file in 0..random.whole(10, 25) {
                let time = doing.time + file * SECOND * random.whole(5, 60);
                let deed = Deed::FileDownloaded(format!("project-{}-{file}.pdf", random.below(50)));
                recorder.m365(&Doing { time, ..doing }, &deed);
            }
        }
        if let [_, true, _] = wants {
            recorder.m365(
                &doing,
                &Deed::Sent(u64::try_from(random.whole(30, 70)).unwrap_or_default()),
            );
        }
        if let ([_, _, true], true) = (wants, self.person.privileged && is_business_day(day)) {
            let other = random.below(20);
            recorder.m365(
                &doing,
                &Deed::RoleGranted(format!("user{other:03}@{}", crate::vendor::DOMAIN)),
            );
        }
    }

    fn server(&mut self, day: i64, base: &Base, random: &mut Random) {
        for _ in 0..random.poisson(1.5) {
            let hour = random.between(10.0, 18.0);
            let Some(hour) = super::present(base, day, hour) else {
                continue;
            };
            let line = self.line(base, hour, false, random);
            let user = self.person.account.login.clone();
            let attempt = (user.as_str(), Attempt::Key);
            self.workshop
                .recorder
                .ssh(at(day, hour), &line, attempt, Label::Ordinary);
        }
    }

    /// A computer that stays signed in, at home or under the desk.
    pub(super) fn stay_signed_in(&mut self, day: i64, random: &mut Random) {
        let line = if self.person.remote {
            self.home.clone()
        } else {
            self.workshop.addresses.line(Kind::Office, self.person.office, random)
        };
        let client = Client {
            agent: crate::vendor::LAPTOP_AGENTS[1].0,
            device: Some(session(self.workshop.seed, self.person.number, 0, Device::Desktop)),
            managed: self.person.managed_laptop,
        };
        for hour in [1.0, 5.0, 9.0, 13.0, 17.0, 21.0] {
            let session = session(self.workshop.seed, self.person.number, day, Device::Desktop);
            let doing = Doing {
                time: at(day, hour + random.between(0.0, 2.0)),
                account: &self.person.account,
                line: &line,
                client: &client,
                session: &session,
                label: Label::Ordinary,
            };
            self.renew(&doing, random);
        }
    }
}
