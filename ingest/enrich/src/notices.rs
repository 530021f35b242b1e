//! Who said that they would travel, and where.
//!
//! A notice is what a person tells the administrator before a journey. It says of one country and a
//! few days that sign-ins from there are no surprise; it does not say that they are right.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::context::{ContextError, ContextProblem, Problems, Row, Table};
use crate::people::{People, day};

/// The most days that a notice is in force. A longer one would be a hole that nobody remembers; who
/// stays longer gives another.
pub const NOTICE_DAYS_MAX: i32 = 14;

/// The list of travel notices.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    list: Arc<Vec<Notice>>,
    /// The notices of each person, by the canonical name.
    by_person: Arc<HashMap<String, Vec<usize>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Notice {
    user: String,
    country: String,
    first: Date,
    last: Date,
}

impl Notices {
    /// Reads a list: CSV with the columns `user,country,from,to`. The countries are two letters, several
    /// separated by `;`; both days are inclusive.
    pub fn parse(name: &str, csv: &str) -> Result<(Self, Vec<ContextProblem>), ContextError> {
        let (table, mut problems) = Table::read(name, csv, ["user", "country", "from", "to"], 4)?;
        let mut list = Vec::new();
        for row in table.rows() {
            take(row, &mut list, &mut problems);
        }
        let notices = Self {
            list: Arc::new(list),
            ..Self::default()
        };
        Ok((notices.of_people(&People::default()), problems.into_vec()))
    }

    /// The same, with the people behind the names.
    #[must_use]
    pub(crate) fn of_people(self, people: &People) -> Self {
        let mut by_person: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, notice) in self.list.iter().enumerate() {
            let person = people.find(&notice.user).map_or(&*notice.user, |person| &*person.user);
            by_person.entry(person.to_owned()).or_default().push(place);
        }
        Self {
            by_person: Arc::new(by_person),
            ..self
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the person gave notice of a journey to that country on that day.
    pub fn cover(&self, person: &str, country: &str, day: Date) -> bool {
        let places = self.by_person.get(&person.to_lowercase()).into_iter().flatten();
        places
            .filter_map(|place| self.list.get(*place))
            .any(|notice| notice.country.eq_ignore_ascii_case(country) && notice.first <= day && day <= notice.last)
    }
}

fn take(row: Row<'_, 4>, list: &mut Vec<Notice>, problems: &mut Problems) {
    let Row {
        line,
        fields: [user, countries, from, to],
    } = row;
    if user.is_empty() {
        problems.add(
            line,
            "user",
            "empty, expected an account such as hana@example.co.jp; the line is left out",
        );
        return;
    }
    let (Some(first), Some(last)) = (day(line, "from", from, problems), day(line, "to", to, problems)) else {
        if from.is_empty() || to.is_empty() {
            problems.add(
                line,
                "to",
                "a notice needs its first and its last day; the line is left out",
            );
        }
        return;
    };
    if last < first {
        problems.add(
            line,
            "to",
            format!("{last} is before the first day, {first}; the line is left out"),
        );
        return;
    }
    let longest = first.saturating_add(jiff::Span::new().days(NOTICE_DAYS_MAX - 1));
    if longest < last {
        problems.add(
            line,
            "to",
            format!("{last} is more than {NOTICE_DAYS_MAX} days after the first day; in force until {longest}"),
        );
    }
    for country in countries.split(';').map(str::trim) {
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            problems.add(
                line,
                "country",
                format!("`{country}`, expected two letters such as US; it is left out"),
            );
            continue;
        }
        list.push(Notice {
            user: user.to_lowercase(),
            country: country.to_ascii_uppercase(),
            first,
            last: last.min(longest),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(day: &str) -> Date {
        day.parse().unwrap()
    }

    #[test]
    fn a_notice_is_of_one_person_a_country_and_a_few_days() {
        let list = "user,country,from,to\nTaro@example.co.jp,us;CA,2026-10-01,2026-10-05\n";
        let (notices, problems) = Notices::parse("notices.csv", list).unwrap();
        assert_eq!(problems, []);
        for (person, country, day, expected) in [
            ("taro@example.co.jp", "US", "2026-10-01", true),
            ("taro@example.co.jp", "CA", "2026-10-05", true),
            ("taro@example.co.jp", "US", "2026-09-30", false),
            ("taro@example.co.jp", "US", "2026-10-06", false),
            ("taro@example.co.jp", "BR", "2026-10-02", false),
            ("hana@example.co.jp", "US", "2026-10-02", false),
        ] {
            assert_eq!(
                notices.cover(person, country, on(day)),
                expected,
                "{person} {country} {day}"
            );
        }
    }

    #[test]
    fn a_notice_by_an_alias_is_of_the_person() {
        let (people, _) = People::parse("people.csv", "user,aliases\nhana@example.co.jp,hana.sato\n").unwrap();
        let (notices, _) = Notices::parse(
            "notices.csv",
            "user,country,from,to\nhana.sato,FR,2026-10-01,2026-10-02\n",
        )
        .unwrap();

        let notices = notices.of_people(&people);

        assert!(notices.cover("hana@example.co.jp", "FR", on("2026-10-02")));
        assert!(!notices.cover("hana.sato", "FR", on("2026-10-02")));
    }

    #[test]
    fn a_long_notice_ends_early_and_a_bad_line_is_told_and_costs_no_other() {
        let list = "user,country,from,to\n\
            taro,US,2026-10-01,2026-12-31\n\
            taro,USA,2026-10-01,2026-10-02\n\
            ,US,2026-10-01,2026-10-02\n\
            taro,FR,2026-10-05,2026-10-02\n\
            taro,FR,soon,2026-10-02\n\
            taro,FR,2026-10-02,\n";
        let (notices, problems) = Notices::parse("notices.csv", list).unwrap();

        assert!(notices.cover("taro", "US", on("2026-10-14")));
        assert!(!notices.cover("taro", "US", on("2026-10-15")));
        assert!(!notices.cover("taro", "FR", on("2026-10-02")));
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "notices.csv line 2, field to: 2026-12-31 is more than 14 days after the first day; in force until 2026-10-14",
                "notices.csv line 3, field country: `USA`, expected two letters such as US; it is left out",
                "notices.csv line 4, field user: empty, expected an account such as hana@example.co.jp; the line is left out",
                "notices.csv line 5, field to: 2026-10-02 is before the first day, 2026-10-05; the line is left out",
                "notices.csv line 6, field from: `soon`, expected a day such as 2026-03-31; taken as empty",
                "notices.csv line 7, field to: a notice needs its first and its last day; the line is left out",
            ]
        );
    }
}
