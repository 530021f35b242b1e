//! The values that templates are filled with.

use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};

use super::random::Random;

/// How many people there are: each given name with each family name.
pub(super) const PEOPLE: u64 = 500;

const GIVEN: [&str; 25] = [
    "hana", "taro", "kenji", "yui", "mei", "ren", "sora", "aoi", "makoto", "akira", "emi", "fumiko", "goro", "haruto",
    "ichiro", "jun", "kaori", "misaki", "nao", "osamu", "rin", "saki", "takumi", "yoko", "yuto",
];
const FAMILY: [&str; 20] = [
    "sato",
    "suzuki",
    "tanaka",
    "ito",
    "kato",
    "abe",
    "ogawa",
    "mori",
    "kimura",
    "yamada",
    "nakamura",
    "kobayashi",
    "yoshida",
    "sasaki",
    "inoue",
    "hayashi",
    "shimizu",
    "saito",
    "matsumoto",
    "okada",
];
const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
];
const APPS: [&str; 5] = [
    "Office 365 Exchange Online",
    "Office 365 SharePoint Online",
    "Microsoft Teams",
    "Azure Portal",
    "Microsoft Edge",
];
const GUESSES: [&str; 8] = [
    "oracle", "test", "ubuntu", "git", "postgres", "admin", "ftpuser", "deploy",
];

macro_rules! values {
    ($( $value:ident $name:literal; )*) => {
        /// A value by its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Value { $( $value, )* }

        impl Value {
            /// The value of that name.
            pub(super) fn by_name(name: &str) -> Option<Self> {
                match name {
                    $( $name => Some(Self::$value), )*
                    _ => None,
                }
            }
        }
    };
}

values! {
    Bsd "BSD"; Iso "ISO"; Clf "CLF"; Utc "UTC"; UtcBare "UTCBARE"; Utc7 "UTC7";
    User "USER"; Login "LOGIN"; Name "NAME"; UserId "USERID"; Device "DEVICE"; Ip "IP"; Outside "OUTSIDE";
    Agent "AGENT"; App "APP"; Guess "GUESS";
    Id "ID"; Session "SESSION"; Correlation "CORRELATION"; Queue "QUEUE"; Key "KEY";
    Pid "PID"; Port "PORT"; Uid "UID"; Bytes "BYTES";
}

/// Something that happened.
#[derive(Debug)]
pub(super) struct Event {
    seed: u64,
    millis: i64,
    person: u64,
}

impl Event {
    /// What happened then; everything else of it follows from the seed.
    pub(super) fn new(seed: u64, millis: i64) -> Self {
        Self {
            seed,
            millis,
            person: Random::new(seed).below(PEOPLE),
        }
    }

    /// A value; the same each time.
    pub(super) fn text(&self, value: Value) -> String {
        // What belongs to the person is the same in all events of the person.
        let mut person = Random::new(self.person);
        match value {
            Value::Bsd => self.time("%b %e %H:%M:%S"),
            Value::Iso => self.time("%Y-%m-%dT%H:%M:%S%:z"),
            Value::Clf => self.time("%d/%b/%Y:%H:%M:%S %z"),
            Value::Utc => self.utc("%Y-%m-%dT%H:%M:%SZ"),
            Value::UtcBare => self.utc("%Y-%m-%dT%H:%M:%S"),
            Value::Utc7 => self.utc("%Y-%m-%dT%H:%M:%S.%3f0000Z"),
            Value::User => format!("{}@example.co.jp", login(self.person)),
            Value::Login => login(self.person),
            Value::Name => login(self.person).replace('.', " "),
            Value::UserId => uuid(&mut person),
            Value::Device => {
                person.next();
                uuid(&mut person)
            }
            Value::Agent => person.pick(&AGENTS).to_owned(),
            Value::Uid => (1000 + self.person).to_string(),
            Value::Ip => self.inside(),
            Value::Outside => self.outside(),
            Value::App => self.random(1).pick(&APPS).to_owned(),
            Value::Guess => self.random(2).pick(&GUESSES).to_owned(),
            Value::Id => uuid(&mut self.random(3)),
            Value::Session => uuid(&mut self.random(4)),
            Value::Correlation => uuid(&mut self.random(5)),
            Value::Queue => self.queue(),
            Value::Key => uuid(&mut self.random(7)).replace('-', "xY").chars().take(43).collect(),
            Value::Pid => (1000 + self.random(8).below(60_000)).to_string(),
            Value::Port => (10_000 + self.random(9).below(50_000)).to_string(),
            Value::Bytes => (500 + self.random(10).below(60_000)).to_string(),
        }
    }

    /// Numbers for one value of the event.
    fn random(&self, value: u64) -> Random {
        Random::new(self.seed ^ value.wrapping_mul(0x5851_f42d_4c95_7f2d))
    }

    /// Mostly the office, the home in the same city, or a mobile network.
    fn inside(&self) -> String {
        let mut random = self.random(11);
        match random.below(10) {
            0..=5 => format!("203.0.113.{}", 129 + random.below(30)),
            6..=7 => format!("203.0.113.{}", 1 + self.person % 60),
            8 => format!("2001:db8:1:{:x}::{:x}", self.person, 1 + random.below(200)),
            _ => format!("192.0.2.{}", 1 + random.below(120)),
        }
    }

    /// Anywhere else.
    fn outside(&self) -> String {
        let mut random = self.random(12);
        match random.below(2) {
            0 => format!("198.51.100.{}", 1 + random.below(250)),
            _ => format!("2001:db8:b:{:x}::1", random.below(2_000)),
        }
    }

    /// A queue id of Postfix, of the long kind: capitals and digits without vowels.
    fn queue(&self) -> String {
        const LETTERS: [&str; 24] = [
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "B", "C", "D", "F", "G", "H", "J", "K", "L", "M", "N",
            "P", "Q", "R",
        ];
        let mut random = self.random(6);
        let letters: String = (0..9).map(|_| random.pick(&LETTERS)).collect();
        format!("4{letters}z{}", random.pick(&LETTERS))
    }

    fn time(&self, format: &str) -> String {
        self.stamp()
            .to_zoned(TimeZone::fixed(offset(9)))
            .strftime(format)
            .to_string()
    }

    fn utc(&self, format: &str) -> String {
        self.stamp().strftime(format).to_string()
    }

    fn stamp(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millis).unwrap_or_default()
    }
}

/// The account of a person.
pub(super) fn login(person: u64) -> String {
    let of = |names: &[&'static str], place: u64| {
        let place = usize::try_from(place).unwrap_or_default();
        names.get(place % names.len().max(1)).copied().unwrap_or_default()
    };
    format!("{}.{}", of(&GIVEN, person), of(&FAMILY, person / 25))
}

fn uuid(random: &mut Random) -> String {
    let digits = format!("{:016x}{:016x}", random.next(), random.next());
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
