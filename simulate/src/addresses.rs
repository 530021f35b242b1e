//! Which address belongs to which line.
//!
//! Every operator has ranges of its own for each city. Addresses are given out as they are needed, so
//! that the geo databases can be written of those that were used.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::geography::{City, Kind, Operator};
use crate::random::Random;

/// 198.18.0.0, the first address of the range for benchmarks.
const FIRST_V4: u32 = 0xc612_0000;
/// How many ranges of 256 addresses it has.
const RANGES_MAX: u32 = 512;

/// A line to the Internet.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    v4: IpAddr,
    v6: Option<IpAddr>,
    pub(crate) operator: Operator,
    pub(crate) city: &'static City,
}

impl Line {
    /// The address of the next connection: one line in use with both families changes between them.
    pub(crate) fn ip(&self, random: &mut Random) -> IpAddr {
        match self.v6 {
            Some(v6) if random.chance(0.5) => v6,
            _ => self.v4,
        }
    }
}

/// What is behind an address in truth.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) operator: Operator,
    pub(crate) city: &'static City,
    /// Whether lists take it for a rented server, which it is not.
    pub(crate) mislabelled: bool,
}

/// The addresses that were given out.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    ranges: BTreeMap<(Operator, &'static str), Vec<Range>>,
    ranges_used: u32,
    pub(crate) issued: BTreeMap<IpAddr, Issued>,
}

#[derive(Debug)]
struct Range {
    first: u32,
    free: BTreeSet<u32>,
}

impl Addresses {
    /// A line of a kind in a city, at one of the operators there, with an address that nobody had.
    pub(crate) fn line(&mut self, kind: Kind, city: &'static City, random: &mut Random) -> Line {
        let operator = Operator::of(kind, city, random);
        self.line_of(operator, city, random)
    }

    /// A line of an operator, with an address that nobody had.
    pub(crate) fn line_of(&mut self, operator: Operator, city: &'static City, random: &mut Random) -> Line {
        let v4 = match operator.kind {
            Kind::Office => own(0, city),
            Kind::Egress => own(128, city),
            Kind::Mobile | Kind::Relay | Kind::Sase => self.shared(operator, city, random),
            _ => self.fresh(operator, city, random),
        };
        self.issue(v4, operator, city);
        Line {
            v4,
            v6: None,
            operator,
            city,
        }
    }

    /// Adds the other address family to a line.
    pub(crate) fn dual_stack(&mut self, line: &mut Line, random: &mut Random) {
        let site = u16::try_from(random.below(0x1_0000)).unwrap_or_default();
        let operator = u16::try_from(line.operator.asn).unwrap_or_default();
        let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, operator, site, 0, 0, 0, 0x1a2b));
        self.issue(v6, line.operator, line.city);
        line.v6 = Some(v6);
    }

    /// Makes lists take a line for rented servers.
    pub(crate) fn mislabel(&mut self, line: &Line) {
        for address in [Some(line.v4), line.v6].into_iter().flatten() {
            if let Some(issued) = self.issued.get_mut(&address) {
                issued.mislabelled = true;
            }
        }
    }

    fn issue(&mut self, address: IpAddr, operator: Operator, city: &'static City) {
        self.issued.entry(address).or_insert(Issued {
            operator,
            city,
            mislabelled: false,
        });
    }

    /// An address that many people share one after the other.
    fn shared(&mut self, operator: Operator, city: &'static City, random: &mut Random) -> IpAddr {
        let first = self.range(operator, city).first;
        v4(first + u32::try_from(1 + random.below(250)).unwrap_or(1))
    }

    fn fresh(&mut self, operator: Operator, city: &'static City, random: &mut Random) -> IpAddr {
        let range = self.range(operator, city);
        let place = random.below(range.free.len());
        let address = range.free.iter().nth(place).copied().unwrap_or(range.first + 1);
        range.free.remove(&address);
        v4(address)
    }

    /// The range of an operator in a city that has free addresses. If all ranges are used, the last one
    /// serves again.
    #[expect(clippy::expect_used, reason = "a range was put there one line before")]
    fn range(&mut self, operator: Operator, city: &'static City) -> &mut Range {
        let ranges = self.ranges.entry((operator, city.name)).or_default();
        let full = ranges.last().is_none_or(|range| range.free.is_empty());
        if full {
            let first = FIRST_V4 + 256 * (self.ranges_used % RANGES_MAX);
            self.ranges_used += 1;
            ranges.push(Range {
                first,
                free: (first + 1..first + 255).collect(),
            });
        }
        ranges.last_mut().expect("a range was added")
    }
}

fn v4(address: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(address))
}

/// The address of an office or of the firm's VPN: one for each city.
fn own(offset: u8, city: &City) -> IpAddr {
    let place = crate::geography::OFFICES.iter().position(|office| *office == city);
    let place = u8::try_from(place.unwrap_or_default()).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, offset + 10 + place))
}
