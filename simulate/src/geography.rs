//! Where people and attackers are: cities, and the operators of networks.
//!
//! The cities are real, so that distances are; the operators are not. Their numbers are of the range
//! for private use (RFC 6996), their addresses of the range for benchmarks (RFC 2544) and, of IPv6,
//! for documentation (RFC 3849).

use crate::random::Random;

/// A city.
#[derive(Debug, PartialEq)]
pub(crate) struct City {
    pub(crate) name: &'static str,
    pub(crate) country: &'static str,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

const fn city(name: &'static str, country: &'static str, lat: f64, lon: f64) -> City {
    City {
        name,
        country,
        lat,
        lon,
    }
}

pub(crate) static TOKYO: City = city("Tokyo", "JP", 35.68, 139.69);
pub(crate) static OSAKA: City = city("Osaka", "JP", 34.69, 135.50);
static YOKOHAMA: City = city("Yokohama", "JP", 35.44, 139.64);
static NAGOYA: City = city("Nagoya", "JP", 35.18, 136.91);
static FUKUOKA: City = city("Fukuoka", "JP", 33.59, 130.40);
static SAPPORO: City = city("Sapporo", "JP", 43.06, 141.35);
static SENDAI: City = city("Sendai", "JP", 38.27, 140.87);
static HIROSHIMA: City = city("Hiroshima", "JP", 34.39, 132.46);

/// Where people live, how likely, and at which office they work.
pub(crate) static HOMES: [((&City, &City), f64); 8] = [
    ((&TOKYO, &TOKYO), 40.0),
    ((&YOKOHAMA, &TOKYO), 15.0),
    ((&OSAKA, &OSAKA), 20.0),
    ((&NAGOYA, &NAGOYA), 8.0),
    ((&FUKUOKA, &FUKUOKA), 8.0),
    ((&SAPPORO, &TOKYO), 4.0),
    ((&SENDAI, &TOKYO), 3.0),
    ((&HIROSHIMA, &OSAKA), 2.0),
];

/// The cities of the firm's offices.
pub(crate) static OFFICES: [&City; 4] = [&TOKYO, &OSAKA, &NAGOYA, &FUKUOKA];

static SHANGHAI: City = city("Shanghai", "CN", 31.23, 121.47);
static SINGAPORE: City = city("Singapore", "SG", 1.35, 103.82);
static SEOUL: City = city("Seoul", "KR", 37.57, 126.98);
static TAIPEI: City = city("Taipei", "TW", 25.03, 121.57);
static BANGKOK: City = city("Bangkok", "TH", 13.76, 100.50);
static HANOI: City = city("Hanoi", "VN", 21.03, 105.85);
static HONG_KONG: City = city("Hong Kong", "HK", 22.32, 114.17);
static FRANKFURT: City = city("Frankfurt am Main", "DE", 50.11, 8.68);
static LONDON: City = city("London", "GB", 51.51, -0.13);
static NEW_YORK: City = city("New York", "US", 40.71, -74.01);
static LOS_ANGELES: City = city("Los Angeles", "US", 34.05, -118.24);
static MUMBAI: City = city("Mumbai", "IN", 19.08, 72.88);
static JAKARTA: City = city("Jakarta", "ID", -6.21, 106.85);
static SYDNEY: City = city("Sydney", "AU", -33.87, 151.21);
static AMSTERDAM: City = city("Amsterdam", "NL", 52.37, 4.90);
static WARSAW: City = city("Warsaw", "PL", 52.23, 21.01);
static BUCHAREST: City = city("Bucharest", "RO", 44.43, 26.10);
static MOSCOW: City = city("Moscow", "RU", 55.76, 37.62);
static LAGOS: City = city("Lagos", "NG", 6.52, 3.38);
static SAO_PAULO: City = city("Sao Paulo", "BR", -23.55, -46.63);
static TORONTO: City = city("Toronto", "CA", 43.65, -79.38);
static ISTANBUL: City = city("Istanbul", "TR", 41.01, 28.98);
static KYIV: City = city("Kyiv", "UA", 50.45, 30.52);

/// Every city abroad; the place in the list is part of the numbers of its operators.
static ABROAD: [&City; 23] = [
    &SHANGHAI,
    &SINGAPORE,
    &SEOUL,
    &TAIPEI,
    &BANGKOK,
    &HANOI,
    &HONG_KONG,
    &FRANKFURT,
    &LONDON,
    &NEW_YORK,
    &LOS_ANGELES,
    &MUMBAI,
    &JAKARTA,
    &SYDNEY,
    &AMSTERDAM,
    &WARSAW,
    &BUCHAREST,
    &MOSCOW,
    &LAGOS,
    &SAO_PAULO,
    &TORONTO,
    &ISTANBUL,
    &KYIV,
];

/// Where people of the firm travel to, and how likely.
pub(crate) static DESTINATIONS: [(&City, f64); 14] = [
    (&SHANGHAI, 16.0),
    (&TAIPEI, 12.0),
    (&BANGKOK, 11.0),
    (&SINGAPORE, 10.0),
    (&SEOUL, 10.0),
    (&HANOI, 9.0),
    (&LOS_ANGELES, 7.0),
    (&FRANKFURT, 6.0),
    (&HONG_KONG, 5.0),
    (&NEW_YORK, 4.0),
    (&JAKARTA, 3.0),
    (&MUMBAI, 3.0),
    (&LONDON, 2.0),
    (&SYDNEY, 2.0),
];

/// Where a travel SIM breaks out: not where its owner is.
pub(crate) static SIM_BREAKOUTS: [(&City, f64); 3] = [(&HONG_KONG, 4.0), (&SINGAPORE, 3.0), (&WARSAW, 3.0)];

/// Where attackers come from, and how likely.
pub(crate) static ATTACKERS: [(&City, f64); 17] = [
    (&NEW_YORK, 14.0),
    (&LOS_ANGELES, 8.0),
    (&BUCHAREST, 11.0),
    (&AMSTERDAM, 10.0),
    (&MOSCOW, 9.0),
    (&LAGOS, 8.0),
    (&FRANKFURT, 7.0),
    (&SAO_PAULO, 6.0),
    (&WARSAW, 5.0),
    (&JAKARTA, 5.0),
    (&HONG_KONG, 4.0),
    (&LONDON, 3.0),
    (&TORONTO, 3.0),
    (&ISTANBUL, 3.0),
    (&KYIV, 2.0),
    (&SINGAPORE, 1.0),
    (&MUMBAI, 1.0),
];

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A home, hotel, café or other office.
    Fixed,
    /// A mobile carrier.
    Mobile,
    /// Rented servers.
    Hosting,
    /// An anonymising VPN.
    Vpn,
    /// A security service of the firm.
    Sase,
    /// A privacy relay of a phone maker.
    Relay,
    /// On board of an aeroplane.
    Inflight,
    /// The firm's own office.
    Office,
    /// The firm's own VPN.
    Egress,
}

/// Who runs a network: a number of the range for private use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Operator {
    pub(crate) asn: u32,
    pub(crate) kind: Kind,
}

/// The firm itself has a number too.
pub(crate) const FIRM_ASN: u32 = 64_512;
const FIXED_JP: u32 = 64_520;
const MOBILE_JP: u32 = 64_530;
const HOSTING_JP: u32 = 64_540;
const VPN: u32 = 64_560;
const SASE: u32 = 64_570;
const RELAY: u32 = 64_575;
const INFLIGHT: u32 = 64_578;
const FIXED_ABROAD: u32 = 64_600;
const MOBILE_ABROAD: u32 = 64_700;
const HOSTING_ABROAD: u32 = 64_800;

/// The carrier whose number no list knows: a reseller on networks of others.
pub(crate) const CARRIER_UNLISTED: u32 = MOBILE_JP + 4;

impl Operator {
    fn new(asn: u32, kind: Kind) -> Self {
        Self { asn, kind }
    }

    /// One of those that have lines of a kind in a city.
    pub(crate) fn of(kind: Kind, city: &City, random: &mut Random) -> Self {
        let one_of = |first: u32, count: usize, random: &mut Random| {
            first + u32::try_from(random.below(count)).unwrap_or_default()
        };
        let at_home = city.country == "JP";
        let place = ABROAD.iter().position(|known| *known == city).unwrap_or_default();
        let place = u32::try_from(place).unwrap_or_default();
        let asn = match kind {
            Kind::Fixed if at_home => one_of(FIXED_JP, 6, random),
            Kind::Fixed => one_of(FIXED_ABROAD + 3 * place, 3, random),
            // One customer in twenty has a reseller: the share of mobile lines that lists do not know.
            Kind::Mobile if at_home && random.chance(0.05) => CARRIER_UNLISTED,
            Kind::Mobile if at_home => one_of(MOBILE_JP, 4, random),
            Kind::Mobile => MOBILE_ABROAD + place,
            Kind::Hosting if at_home => one_of(HOSTING_JP, 4, random),
            Kind::Hosting => one_of(HOSTING_ABROAD + 2 * place, 2, random),
            Kind::Vpn => one_of(VPN, 6, random),
            Kind::Sase => SASE,
            Kind::Relay => one_of(RELAY, 2, random),
            Kind::Inflight => one_of(INFLIGHT, 2, random),
            Kind::Office | Kind::Egress => FIRM_ASN,
        };
        Self::new(asn, kind)
    }

    /// What the operator is called.
    pub(crate) fn name(self) -> String {
        let word = match self.kind {
            Kind::Fixed => "Fibre",
            Kind::Mobile => "Mobile",
            Kind::Hosting => "Hosting",
            Kind::Vpn => "VPN",
            Kind::Sase => "Secure Edge",
            Kind::Relay => "Relay",
            Kind::Inflight => "Inflight",
            Kind::Office | Kind::Egress => return "Example Co.".to_owned(),
        };
        format!("Fictional {word} {}", self.asn)
    }
}

/// The list of networks that the firm has: its own, and operators by their kind.
pub(crate) fn networks_csv() -> String {
    let mut lines = vec![
        "cidr,asn,kind,label".to_owned(),
        "203.0.113.0/25,,office,Offices".to_owned(),
        "203.0.113.128/25,,egress,Company VPN".to_owned(),
        format!(",{SASE},sase,Fictional Secure Edge"),
    ];
    let mut known = |first: u32, count: u32, word: &str| {
        lines.extend((first..first + count).map(|asn| format!(",{asn},{word},Fictional {word} {asn}")));
    };
    known(MOBILE_JP, 4, "mobile");
    known(MOBILE_ABROAD, 23, "mobile");
    known(RELAY, 2, "relay");
    known(INFLIGHT, 2, "inflight");
    lines.push(String::new());
    lines.join("\n")
}

/// Any other city of the same country, for what a geo database gets wrong; the same if there is none.
pub(crate) fn other_city(of: &'static City, random: &mut Random) -> &'static City {
    let all = HOMES.iter().map(|((home, _), _)| *home).chain(ABROAD);
    let others: Vec<&'static City> = all.filter(|city| city.country == of.country && *city != of).collect();
    if others.is_empty() { of } else { random.pick(&others) }
}

/// The city on whose point databases put what they know to the country only: of Japan, it is Tokyo.
pub(crate) fn middle(country: &str) -> &'static City {
    let known = ABROAD.into_iter().find(|city| city.country == country);
    known.unwrap_or(&TOKYO)
}

/// A city of another country.
pub(crate) fn other_country(of: &'static City, random: &mut Random) -> &'static City {
    let others: Vec<&'static City> = ABROAD.into_iter().filter(|city| city.country != of.country).collect();
    random.pick(&others)
}

/// A city in Japan, as likely as people live there.
pub(crate) fn city_at_home(random: &mut Random) -> &'static City {
    random.weighted(&HOMES).0
}
