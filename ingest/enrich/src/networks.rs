//! What kind of network an address belongs to, from lists.
//!
//! The firm's own list comes before everything else; the shipped one, of networks whose place says
//! nothing about the person, comes after the databases. Within a list the most specific range counts,
//! and a range counts before an autonomous system.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;

use crate::context::{ContextError, ContextProblem, Problems, Row, Table};

/// Networks that are known to everyone; the file tells the source and date of each line.
const SHIPPED: &str = include_str!("../data/networks.csv");

macro_rules! kinds {
    ($( $kind:ident $word:literal $doc:literal; )*) => {
        /// A kind of network, as the column `src_net_kind` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum NetKind { $( #[doc = $doc] $kind, )* }

        impl NetKind {
            /// Every kind.
            pub const ALL: &[Self] = &[ $( Self::$kind, )* ];

            /// Its word in columns and lists.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$kind => $word, )* }
            }
        }
    };
}

kinds! {
    Office "office" "The firm's own offices.";
    Egress "egress" "The firm's own VPN or proxy, through which people come from anywhere.";
    Sase "sase" "A security service through which people come from anywhere.";
    Mobile "mobile" "A mobile carrier, which breaks out far from the phone.";
    Hosting "hosting" "Rented servers.";
    Vpn "vpn" "An anonymising VPN or proxy.";
    Tor "tor" "An exit of Tor.";
    Relay "relay" "A privacy relay of a browser or phone maker.";
    Inflight "inflight" "Satellite, as on aeroplanes and ships.";
    Fixed "fixed" "A line that stays where it is, such as a home or an office of others.";
    Unknown "unknown" "A public address of which nothing is known.";
}

impl FromStr for NetKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
            .copied()
            .ok_or(())
    }
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// What kind of network it is.
    pub kind: NetKind,
    /// What it is called, for messages; may be empty.
    pub label: String,
}

/// The firm's list of networks, over the shipped one.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    own: Arc<List>,
}

#[derive(Debug, Default)]
struct List {
    by_range: HashMap<IpNet, Network>,
    /// The lengths of the prefixes of ranges, IPv4 and IPv6 apart.
    lengths: [BTreeSet<u8>; 2],
    by_asn: HashMap<i64, Network>,
}

static SHIPPED_LIST: LazyLock<List> = LazyLock::new(|| {
    List::parse("networks.csv", SHIPPED)
        .map(|(list, _)| list)
        .unwrap_or_default()
});

impl Networks {
    /// Reads a list: CSV with the columns `cidr,asn,kind,label`, of which either key may be empty.
    pub fn parse(name: &str, csv: &str) -> Result<(Self, Vec<ContextProblem>), ContextError> {
        let (list, problems) = List::parse(name, csv)?;
        Ok((Self { own: Arc::new(list) }, problems))
    }

    /// The network of the firm's own list that the address or the autonomous system belongs to.
    pub fn own(&self, address: Option<IpAddr>, asn: Option<i64>) -> Option<&Network> {
        self.own.find(address, asn)
    }

    /// The ranges of the firm's own list, with their kinds.
    pub fn ranges(&self) -> impl Iterator<Item = (IpNet, NetKind)> {
        self.own.by_range.iter().map(|(range, network)| (*range, network.kind))
    }

    /// The network of the shipped list that the address or the autonomous system belongs to.
    pub fn shipped(address: Option<IpAddr>, asn: Option<i64>) -> Option<&'static Network> {
        SHIPPED_LIST.find(address, asn)
    }
}

impl List {
    fn parse(name: &str, csv: &str) -> Result<(Self, Vec<ContextProblem>), ContextError> {
        let (table, mut problems) = Table::read(name, csv, ["kind", "cidr", "asn", "label"], 1)?;
        let mut list = Self::default();
        for row in table.rows() {
            list.take(row, &mut problems);
        }
        Ok((list, problems.into_vec()))
    }

    fn take(&mut self, row: Row<'_, 4>, problems: &mut Problems) {
        let Row {
            line,
            fields: [kind, cidr, asn, label],
        } = row;
        let Ok(kind) = NetKind::from_str(kind) else {
            let words: Vec<&str> = NetKind::ALL.iter().map(|kind| kind.as_str()).collect();
            problems.add(
                line,
                "kind",
                format!("`{kind}`, expected one of {}; the line is left out", words.join(", ")),
            );
            return;
        };
        if cidr.is_empty() && asn.is_empty() {
            problems.add(
                line,
                "cidr",
                "cidr and asn are both empty, expected one of them; the line is left out",
            );
        }
        let network = Network {
            kind,
            label: label.to_owned(),
        };
        if !cidr.is_empty() {
            match parse_range(cidr) {
                Some(range) => self.add_range(range, network.clone(), line, problems),
                None => problems.add(
                    line,
                    "cidr",
                    format!("`{cidr}`, expected a range such as 203.0.113.0/24 or an address; it is left out"),
                ),
            }
        }
        if !asn.is_empty() {
            match parse_asn(asn) {
                Some(asn) if self.by_asn.contains_key(&asn) => {
                    problems.add(line, "asn", format!("{asn} stands in an earlier line, which counts"));
                }
                Some(asn) => {
                    self.by_asn.insert(asn, network);
                }
                None => {
                    problems.add(
                        line,
                        "asn",
                        format!("`{asn}`, expected a number such as 64496; it is left out"),
                    );
                }
            }
        }
    }

    fn add_range(&mut self, range: IpNet, network: Network, line: u64, problems: &mut Problems) {
        if self.by_range.contains_key(&range) {
            problems.add(line, "cidr", format!("{range} stands in an earlier line, which counts"));
            return;
        }
        let [v4, v6] = &mut self.lengths;
        let lengths = if range.addr().is_ipv4() { v4 } else { v6 };
        lengths.insert(range.prefix_len());
        self.by_range.insert(range, network);
    }

    fn find(&self, address: Option<IpAddr>, asn: Option<i64>) -> Option<&Network> {
        address
            .and_then(|address| self.by_address(address))
            .or_else(|| self.by_asn.get(&asn?))
    }

    fn by_address(&self, address: IpAddr) -> Option<&Network> {
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().rev().find_map(|length| {
            let range = IpNet::new(address, *length).ok()?.trunc();
            self.by_range.get(&range)
        })
    }
}

/// A range, whose host bits may be set as routers show it, or a single address.
fn parse_range(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(range) => Some(range.trunc()),
        Err(_) => crate::address::parse(text).map(IpNet::from),
    }
}

fn parse_asn(text: &str) -> Option<i64> {
    let digits = text
        .strip_prefix("AS")
        .or_else(|| text.strip_prefix("as"))
        .unwrap_or(text);
    digits.trim().parse::<u32>().ok().filter(|asn| *asn > 0).map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "cidr,asn,kind,label\n\
        203.0.113.0/24,,office,Tokyo\n\
        203.0.113.128/25,,egress,VPN\n\
        203.0.113.200,,hosting,one server\n\
        2001:db8:1::/48,,office,Tokyo v6\n\
        ,64500,hosting,a host\n\
        198.51.100.0/24,AS64501,Mobile,\"a, carrier\"\n";

    fn kind(networks: &Networks, address: &str, asn: Option<i64>) -> Option<&'static str> {
        networks
            .own(crate::address::parse(address), asn)
            .map(|network| network.kind.as_str())
    }

    #[test]
    fn the_kinds_are_the_words_of_their_column() {
        let kinds: Vec<&str> = NetKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(
            Some(kinds.as_slice()),
            sekisho_model::words::of(sekisho_model::Column::SrcNetKind)
        );
    }

    #[test]
    fn the_most_specific_range_counts_and_a_range_counts_before_a_number() {
        let (networks, problems) = Networks::parse("networks.csv", LIST).unwrap();
        assert_eq!(problems, []);
        let table = [
            ("203.0.113.1", None, Some("office")),
            ("203.0.113.129", None, Some("egress")),
            ("203.0.113.200", None, Some("hosting")),
            ("203.0.113.1", Some(64_500), Some("office")),
            ("192.0.2.1", Some(64_500), Some("hosting")),
            ("192.0.2.1", Some(64_501), Some("mobile")),
            ("198.51.100.7", None, Some("mobile")),
            ("2001:db8:1:2::3", None, Some("office")),
            ("2001:db8:2::3", None, None),
            ("192.0.2.1", Some(64_502), None),
            ("not an address", Some(64_500), Some("hosting")),
        ];
        for (address, asn, expected) in table {
            assert_eq!(kind(&networks, address, asn), expected, "{address} {asn:?}");
        }
        assert_eq!(networks.own(None, Some(64_501)).unwrap().label, "a, carrier");
    }

    #[test]
    fn a_bad_line_is_told_and_costs_no_other() {
        let text = "cidr,asn,kind,label\n203.0.113.0/33,,office,x\n,,office,x\n,12x,sase,x\n192.0.2.0/24,,cafe,x\n\
                    192.0.2.0/24,,fixed,\n192.0.2.9/24,,office,again\n";
        let (networks, problems) = Networks::parse("nets.csv", text).unwrap();
        assert_eq!(kind(&networks, "192.0.2.1", None), Some("fixed"));
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "nets.csv line 2, field cidr: `203.0.113.0/33`, expected a range such as 203.0.113.0/24 or an address; it is left out",
                "nets.csv line 3, field cidr: cidr and asn are both empty, expected one of them; the line is left out",
                "nets.csv line 4, field asn: `12x`, expected a number such as 64496; it is left out",
                "nets.csv line 5, field kind: `cafe`, expected one of office, egress, sase, mobile, hosting, vpn, tor, relay, inflight, fixed, unknown; the line is left out",
                "nets.csv line 7, field cidr: 192.0.2.0/24 stands in an earlier line, which counts",
            ]
        );
    }

    #[test]
    fn every_line_of_the_shipped_list_is_in_force_and_tells_its_source_and_date() {
        let (list, problems) = List::parse("networks.csv", SHIPPED).unwrap();
        assert_eq!(problems, []);
        let (table, _) = Table::read("networks.csv", SHIPPED, ["asn", "label", "source", "date"], 4).unwrap();
        let mut lines = 0;
        for Row {
            line,
            fields: [asn, label, source, date],
        } in table.rows()
        {
            assert!(
                parse_asn(asn).is_some() && !label.is_empty() && !source.is_empty(),
                "line {line}"
            );
            assert!(date.parse::<jiff::civil::Date>().is_ok(), "line {line}");
            lines += 1;
        }
        assert_eq!(list.by_asn.len(), lines);
        assert_eq!(Networks::shipped(None, Some(13_335)).unwrap().kind, NetKind::Sase);
    }
}
