//! What attackers do, by class.

mod scripted;
mod takeover;
mod weather;

pub(crate) use scripted::scripted;
pub(crate) use takeover::{known_country, takeovers};
pub(crate) use weather::weather;

use crate::calendar::Millis;
use crate::life::{Known, Workshop};
use crate::people::Person;
use crate::random::Random;
use crate::vendor::{Agent, Client, LAPTOP_AGENTS};

macro_rules! classes {
    ($( $class:ident $name:literal $family:ident $doc:literal; )*) => {
        /// What kind of attack it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class { $( #[doc = $doc] $class, )* }

        impl Class {
            /// Every class.
            pub const ALL: &[Self] = &[ $( Self::$class, )* ];

            /// Its name in the truth.
            pub fn name(self) -> &'static str {
                match self { $( Self::$class => $name, )* }
            }

            /// What it belongs to.
            pub fn family(self) -> Family {
                match self { $( Self::$class => Family::$family, )* }
            }

            /// What happens in it.
            pub fn describe(self) -> &'static str {
                match self { $( Self::$class => $doc, )* }
            }
        }
    };
}

/// What a class of attacks belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// An account is used by somebody else, who makes no effort to look like its owner.
    Takeover,
    /// The same by somebody who comes from where the owner could.
    Targeted,
    /// The same from the country in which the owner works at times.
    KnownCountry,
    /// An attack that has a course by which it is known.
    Scripted,
}

classes! {
    ForeignResidential "foreign_residential" Takeover "A home line abroad.";
    ForeignHosting "foreign_hosting" Takeover "A rented server abroad.";
    HomeHosting "home_hosting" Takeover "A rented server in Japan.";
    AitmForeign "aitm_foreign" Takeover "The victim's own session, stolen, used abroad.";
    AitmHome "aitm_home" Takeover "The victim's own session, stolen, used on a rented server in Japan.";
    HomeResidential "home_residential" Targeted "A home line in Japan.";
    HomeMobile "home_mobile" Targeted "A mobile line in Japan.";
    KnownCountry "known_country" KnownCountry "A home line in the country where the victim works at times.";
    Spray "spray" Scripted "One address tries a password on many accounts.";
    Stuffing "stuffing" Scripted "A few addresses of one operator try a list, each account once or twice.";
    SlowSpray "slow_spray" Scripted "Many addresses, each used once or twice in a day and a half, with one program.";
    SprayThenSuccess "spray_then_success" Scripted "One address tries many accounts, and one opens.";
    ForceThenSuccess "force_then_success" Scripted "One address tries one account many times, and it opens.";
    SshForce "ssh_force" Scripted "One address tries one account of the server many times, and it opens.";
    VpnForce "vpn_force" Scripted "One address tries one account at the VPN many times, in vain.";
    PasswordStopped "password_stopped" Scripted "The password is right, and the second factor or a policy stops it.";
    FatigueDenied "mfa_fatigue_denied" Scripted "Request after request for the second factor, none approved.";
    FatigueApproved "mfa_fatigue_approved" Scripted "Request after request, and the last is approved.";
    VpnTakeover "vpn_takeover" Scripted "The VPN is opened from abroad while the owner works in the office.";
    Leaver "leaver" Scripted "The account of somebody who has left is used.";
    ForwardRule "forward_rule" Scripted "A rule that forwards mail to the outside is made.";
    MassMail "mass_mail" Scripted "Mail to hundreds of people within the hour.";
    MassDownload "mass_download" Scripted "Hundreds of files downloaded within the hour.";
    WebScan "web_scan" Scripted "Hundreds of addresses asked of the web server that do not exist.";
    WebExploit "web_exploit" Scripted "A known attack pattern, which the web server answers with success.";
}

/// An attack, as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// Its number, which records bear as [`crate::Label::Attack`].
    pub number: u32,
    /// What kind it is.
    pub class: Class,
    /// The account that was used or tried, if it was one.
    pub user: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub begins: i64,
    /// When it ended.
    pub ends: i64,
}

/// The attacks of a run.
#[derive(Debug)]
pub(crate) struct Campaign<'a> {
    pub(crate) people: &'a [Person],
    pub(crate) known: &'a [Known],
    pub(crate) workshop: &'a mut Workshop,
    pub(crate) attacks: Vec<Attack>,
}

impl Campaign<'_> {
    fn number(&self) -> u32 {
        u32::try_from(self.attacks.len()).unwrap_or(u32::MAX)
    }

    /// Notes an attack whose records were written.
    fn note(&mut self, class: Class, user: Option<&str>, begins: Millis, ends: Millis) {
        self.attacks.push(Attack {
            number: self.number(),
            class,
            user: user.map(str::to_owned),
            begins,
            ends,
        });
    }

    /// Somebody who works for the firm on a day and has done so for a while.
    fn victim(&self, day: i64, random: &mut Random) -> (&Person, &Known) {
        let mut victim = random.below(self.people.len());
        for _ in 0..50 {
            let fits = self.people.get(victim).is_some_and(|person| person.is_employed(day));
            if fits {
                break;
            }
            victim = random.below(self.people.len());
        }
        self.both(victim)
    }

    #[expect(clippy::indexing_slicing, reason = "the number is of a person of the list")]
    fn both(&self, number: usize) -> (&Person, &Known) {
        (&self.people[number], &self.known[number])
    }
}

/// Any of some things, of which there is one at least.
#[expect(clippy::indexing_slicing, reason = "the place is of the list")]
fn any<'a, T>(from: &'a [T], random: &mut Random) -> &'a T {
    &from[random.below(from.len())]
}

/// The program of somebody who looks like anybody else.
fn stranger(random: &mut Random) -> Client {
    client(random.weighted(&LAPTOP_AGENTS))
}

fn client(agent: Agent) -> Client {
    Client {
        agent,
        device: None,
        managed: false,
    }
}
