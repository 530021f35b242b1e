//! Which line a device uses.

use super::{Base, Life};
use crate::addresses::Line;
use crate::calendar::at;
use crate::geography::{DESTINATIONS, Kind, OSAKA, Operator, TOKYO, city_at_home};
use crate::random::Random;
use crate::recorder::Label;
use crate::travel::Roaming;
use crate::vendor::fortigate::Tunnel;

impl Life<'_> {
    /// The exit of a VPN of one's own, for a day: most people take the nearest.
    pub(super) fn vpn_exit(&mut self, random: &mut Random) -> Line {
        let city = if random.chance(0.6) {
            &TOKYO
        } else {
            random.weighted(&DESTINATIONS)
        };
        self.workshop.addresses.line(Kind::Vpn, city, random)
    }

    /// The line of a device at an hour.
    pub(super) fn line(&mut self, base: &Base, hour: f64, by_phone: bool, random: &mut Random) -> Line {
        match base {
            _ if by_phone => self.phone_line(base, random),
            _ if self.person.sase => self.sase_line(base, random),
            Base::Home | Base::Trip(_) if self.person.vpn => self.workshop.addresses.line(Kind::Egress, &TOKYO, random),
            _ => self.wire(base, hour, random),
        }
    }

    /// The line at the place itself.
    fn wire(&mut self, base: &Base, hour: f64, random: &mut Random) -> Line {
        let noon = (12.0..14.0).contains(&hour);
        match base {
            Base::Trip(trip) => trip.line.clone(),
            _ if self.person.goes_to_cafes && noon && random.chance(0.3) => self.cafe.clone(),
            Base::Office => self.workshop.addresses.line(Kind::Office, self.person.office, random),
            Base::Home => self.home.clone(),
        }
    }

    fn phone_line(&mut self, base: &Base, random: &mut Random) -> Line {
        let on_wifi = random.chance(0.35);
        if on_wifi && self.person.relay {
            let city = match base {
                Base::Trip(trip) => trip.city,
                _ => self.person.home,
            };
            return self.workshop.addresses.line(Kind::Relay, city, random);
        }
        if on_wifi {
            return self.wire(base, 0.0, random);
        }
        if let Base::Trip(trip) = base
            && let Roaming::Sim(city) = trip.roaming
        {
            return self.workshop.addresses.line(Kind::Mobile, city, random);
        }
        // Carriers lead most of the country's traffic out in two cities.
        let breakout = match random.unit() {
            share if share < 0.7 => &TOKYO,
            share if share < 0.84 => &OSAKA,
            _ => self.person.home,
        };
        self.workshop.addresses.line_of(self.carrier, breakout, random)
    }

    fn sase_line(&mut self, base: &Base, random: &mut Random) -> Line {
        let near = match base {
            Base::Trip(trip) => trip.city,
            _ => self.person.home,
        };
        let west = near.country == "JP" && near.lon < 137.5;
        let city = match (near.country == "JP", west) {
            (true, true) => &OSAKA,
            (true, false) => &TOKYO,
            (false, _) => near,
        };
        self.workshop.addresses.line(Kind::Sase, city, random)
    }

    /// A day's tunnel to the company VPN, from where the laptop is.
    pub(super) fn tunnel(&mut self, day: i64, base: &Base, (start, end): (f64, f64), random: &mut Random) {
        let shown = |hour| super::present(base, day, hour);
        let (Some(from), Some(to)) = (shown(start - 0.05), shown(end)) else {
            return;
        };
        if to <= from {
            return;
        }
        let line = self.wire(base, 0.0, random);
        let number = random.next() % 1_000_000 + 1;
        let user = self.person.account.login.as_str();
        let recorder = &mut self.workshop.recorder;
        if random.chance(self.person.failure_rate) {
            let refused = Tunnel::Refused(user, "sslvpn_login_permission_denied");
            recorder.tunnel(at(day, from - 0.01), &line, refused, Label::Ordinary);
        }
        recorder.tunnel(at(day, from), &line, Tunnel::Up(number, user), Label::Ordinary);
        recorder.tunnel(at(day, to), &line, Tunnel::Down(number, user), Label::Ordinary);
    }

    /// The line on board, on the day of the flight.
    pub(super) fn on_board(&mut self, random: &mut Random) -> Line {
        let city = city_at_home(random);
        let operator = Operator::of(Kind::Inflight, city, random);
        self.workshop.addresses.line_of(operator, city, random)
    }
}
