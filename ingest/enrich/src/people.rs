//! Who is behind an account, from the firm's list of people.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::Date;

use crate::context::{ContextError, ContextProblem, Problems, Row, Table};
use crate::domains;

/// What kind of account a person of the list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PersonKind {
    /// A person.
    #[default]
    Member,
    /// A program.
    Service,
    /// An account that several people use.
    Shared,
    /// A person whose account is worth more to an attacker.
    Vip,
    /// An account for emergencies, whose password lies in a safe.
    BreakGlass,
}

impl PersonKind {
    const ALL: [Self; 5] = [Self::Member, Self::Service, Self::Shared, Self::Vip, Self::BreakGlass];

    /// Its word in columns and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Service => "service",
            Self::Shared => "shared",
            Self::Vip => "vip",
            Self::BreakGlass => "break_glass",
        }
    }
}

impl FromStr for PersonKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(word))
            .ok_or(())
    }
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The canonical account, in lower case: what the column `person` says.
    pub user: String,
    /// What kind of account it is.
    pub kind: PersonKind,
    /// First day in the company.
    pub joined: Option<Date>,
    /// Last day in the company.
    pub left: Option<Date>,
    /// Whether it has administrator rights.
    pub privileged: bool,
}

/// The firm's list of people.
#[derive(Clone, Debug, Default)]
pub struct People {
    list: Arc<List>,
}

#[derive(Debug, Default)]
struct List {
    people: Vec<Person>,
    /// By account and alias, in lower case.
    by_name: HashMap<String, usize>,
    /// By the part before `@`; `None` if two people share it.
    by_local_part: HashMap<String, Option<usize>>,
    /// The firm's own domains: those of members, the first in the list first.
    domains: Vec<String>,
}

impl People {
    /// Reads a list: CSV with the columns `user,aliases,kind,joined,left,privileged`, of which only
    /// `user` is needed. Aliases are separated by `;`.
    pub fn parse(name: &str, csv: &str) -> Result<(Self, Vec<ContextProblem>), ContextError> {
        let columns = ["user", "aliases", "kind", "joined", "left", "privileged"];
        let (table, mut problems) = Table::read(name, csv, columns, 1)?;
        let mut list = List::default();
        for row in table.rows() {
            list.take(row, &mut problems);
        }
        list.index_local_parts();
        list.collect_domains();
        Ok((Self { list: Arc::new(list) }, problems.into_vec()))
    }

    /// Everyone.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.list.people.iter()
    }

    /// The domains of mail that the accounts of the list are in, without those that anybody can have
    /// an account in.
    pub fn domains(&self) -> &[String] {
        &self.list.domains
    }

    /// The person behind an account name or id.
    ///
    /// A name without a domain of mail (`hana`, `CORP\hana`) is also the person with that local part,
    /// if there is only one. A mail address must be listed as it is: `hana@elsewhere.example` is not
    /// our Hana.
    pub fn find(&self, name: &str) -> Option<&Person> {
        let name = name.trim().to_lowercase();
        let list = &*self.list;
        let bare = name.rsplit_once('\\').map_or(&*name, |(_, account)| account);
        let exact = list.by_name.get(&*name).or_else(|| list.by_name.get(bare)).copied();
        let found = exact.or_else(|| list.by_local_part.get(bare).copied().flatten())?;
        list.people.get(found)
    }
}

impl List {
    fn take(&mut self, row: Row<'_, 6>, problems: &mut Problems) {
        let Row {
            line,
            fields: [user, aliases, kind, joined, left, privileged],
        } = row;
        if user.is_empty() {
            problems.add(
                line,
                "user",
                "empty, expected an account such as hana@example.co.jp; the line is left out",
            );
            return;
        }
        let user = user.to_lowercase();
        if let Some(earlier) = self.by_name.get(&user).and_then(|place| self.people.get(*place)) {
            let problem = format!(
                "`{user}` belongs to {} of an earlier line; this line is left out",
                earlier.user
            );
            problems.add(line, "user", problem);
            return;
        }
        let kind = if kind.is_empty() {
            Ok(PersonKind::default())
        } else {
            kind.parse()
        }
        .unwrap_or_else(|()| {
            problems.add(
                line,
                "kind",
                format!("`{kind}`, expected member, service, shared or vip; taken as member"),
            );
            PersonKind::default()
        });
        let person = Person {
            kind,
            joined: day(line, "joined", joined, problems),
            left: day(line, "left", left, problems),
            privileged: truth(line, privileged, problems),
            user: user.clone(),
        };
        if let (Some(joined), Some(left)) = (person.joined, person.left)
            && left < joined
        {
            problems.add(
                line,
                "left",
                format!("{left} is before the first day, {joined}; taken as it is"),
            );
        }
        let place = self.people.len();
        self.people.push(person);
        self.by_name.insert(user, place);
        for alias in aliases.split(';').map(str::trim).filter(|alias| !alias.is_empty()) {
            self.add_alias(alias.to_lowercase(), place, line, problems);
        }
    }

    fn add_alias(&mut self, alias: String, place: usize, line: u64, problems: &mut Problems) {
        match self.by_name.get(&alias) {
            Some(earlier) if *earlier == place => {}
            Some(earlier) => {
                let owner = self.people.get(*earlier).map_or("", |person| &*person.user);
                problems.add(
                    line,
                    "aliases",
                    format!("`{alias}` belongs to {owner} of an earlier line, which counts"),
                );
            }
            None => {
                self.by_name.insert(alias, place);
            }
        }
    }

    fn collect_domains(&mut self) {
        for person in &self.people {
            let domain = domains::domain(&person.user).filter(|domain| !self.domains.contains(domain));
            self.domains.extend(domain);
            if self.domains.len() == domains::DOMAINS_MAX {
                return;
            }
        }
    }

    fn index_local_parts(&mut self) {
        for (name, place) in &self.by_name {
            let Some((local, _)) = name.split_once('@') else {
                continue;
            };
            self.by_local_part
                .entry(local.to_owned())
                .and_modify(|known| *known = known.filter(|known| known == place))
                .or_insert(Some(*place));
        }
    }
}

/// A day, written with `-` or, as spreadsheets in Japan do, with `/` or `年月日`, a time after it or
/// not.
pub(crate) fn day(line: u64, field: &'static str, text: &str, problems: &mut Problems) -> Option<Date> {
    if text.is_empty() {
        return None;
    }
    let date = parse_day(text);
    if date.is_none() {
        problems.add(
            line,
            field,
            format!("`{text}`, expected a day such as 2026-03-31; taken as empty"),
        );
    }
    date
}

fn parse_day(text: &str) -> Option<Date> {
    let day = text.split([' ', 'T']).next()?;
    let mut parts = day.trim_end_matches('日').split(['-', '/', '年', '月']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn truth(line: u64, text: &str, problems: &mut Problems) -> bool {
    match &*text.to_ascii_lowercase() {
        "" | "false" | "no" | "0" => false,
        "true" | "yes" | "1" => true,
        _ => {
            // Watching an account more closely than needed does less harm than the opposite.
            problems.add(
                line,
                "privileged",
                format!("`{text}`, expected true or false; taken as true"),
            );
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "user,aliases,kind,joined,left,privileged\n\
        hana@example.co.jp,Hana;hana.sato@example.com;4F2A-UID,member,2020-04-01,2026-03-31,\n\
        ken@example.co.jp,k.tanaka,vip,2015/4/1,,TRUE\n\
        ken@example.com,,member,,,\n\
        backup@example.co.jp,,service,,,no\n";

    fn user(people: &People, name: &str) -> Option<String> {
        people.find(name).map(|person| person.user.clone())
    }

    #[test]
    fn one_person_stands_behind_all_aliases() {
        let (people, problems) = People::parse("people.csv", LIST).unwrap();
        assert_eq!(problems, []);
        let table = [
            ("hana@example.co.jp", Some("hana@example.co.jp")),
            ("HANA@EXAMPLE.CO.JP", Some("hana@example.co.jp")),
            ("hana.sato@example.com", Some("hana@example.co.jp")),
            ("hana", Some("hana@example.co.jp")),
            ("corp\\hana", Some("hana@example.co.jp")),
            ("corp\\hana.sato", Some("hana@example.co.jp")),
            ("4f2a-uid", Some("hana@example.co.jp")),
            ("k.tanaka", Some("ken@example.co.jp")),
            ("backup", Some("backup@example.co.jp")),
        ];
        for (name, expected) in table {
            assert_eq!(user(&people, name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_two_people_share_and_an_address_elsewhere_are_nobody() {
        let (people, _) = People::parse("people.csv", LIST).unwrap();
        for name in [
            "ken",
            "corp\\ken",
            "hana@elsewhere.example",
            "hana@",
            "",
            "\\",
            "@example.co.jp",
            "root",
        ] {
            assert_eq!(user(&people, name), None, "{name}");
        }
    }

    #[test]
    fn days_are_read_as_spreadsheets_write_them() {
        let (people, _) = People::parse("people.csv", LIST).unwrap();
        let ken = people.find("ken@example.co.jp").unwrap();
        assert_eq!(
            (ken.joined, ken.left, ken.privileged),
            (Some(jiff::civil::date(2015, 4, 1)), None, true)
        );
        for (text, expected) in [
            ("2026-03-31", true),
            ("2026/3/31", true),
            ("2026-03-31T18:00:00+09:00", true),
            ("2026/03/31 0:00", true),
            ("2026年3月31日", true),
            ("2026-02-29", false),
            ("31.3.2026", false),
            ("3/31/2026", false),
            ("26/03/31", false),
            ("2026", false),
            ("2026-03-31-1", false),
        ] {
            assert_eq!(parse_day(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn a_bad_field_is_told_and_the_person_is_still_known() {
        let text = "user,aliases,kind,joined,left,privileged\n\
            hana@example.co.jp,,boss,soon,2026-03-32,maybe\n\
            ,,member,,,\n\
            ken@example.co.jp,hana@example.co.jp,,2026-04-01,2026-03-01,\n\
            HANA@example.co.jp,,,,,\n";
        let (people, problems) = People::parse("people.csv", text).unwrap();
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "people.csv line 2, field kind: `boss`, expected member, service, shared or vip; taken as member",
                "people.csv line 2, field joined: `soon`, expected a day such as 2026-03-31; taken as empty",
                "people.csv line 2, field left: `2026-03-32`, expected a day such as 2026-03-31; taken as empty",
                "people.csv line 2, field privileged: `maybe`, expected true or false; taken as true",
                "people.csv line 3, field user: empty, expected an account such as hana@example.co.jp; the line is left out",
                "people.csv line 4, field left: 2026-03-01 is before the first day, 2026-04-01; taken as it is",
                "people.csv line 4, field aliases: `hana@example.co.jp` belongs to hana@example.co.jp of an earlier line, which counts",
                "people.csv line 5, field user: `hana@example.co.jp` belongs to hana@example.co.jp of an earlier line; this line is left out",
            ]
        );
        assert_eq!(people.iter().count(), 2);
    }
}
