//! Lists of values that rules may name: what `%people_privileged%` stands for.

use std::collections::BTreeMap;

use sekisho_enrich::{Networks, People};

/// The folder, among one's own rules, in which a file `NAME.txt` is the list `NAME`, a value a line.
const FOLDER: &str = "lists/";

/// Lists by name.
type Lists = BTreeMap<String, Vec<String>>;

/// What the lists of people and networks say.
pub(crate) fn context_lists(people: &People, networks: &Networks) -> Lists {
    let mut lists = Lists::new();
    let mut add = |name: String, value: String| lists.entry(name).or_default().push(value);
    for person in people.iter() {
        add(format!("people_{}", person.kind.as_str()), person.user.clone());
        if person.privileged {
            add("people_privileged".to_owned(), person.user.clone());
        }
        if person.left.is_some() {
            add("people_left".to_owned(), person.user.clone());
        }
    }
    for (range, kind) in networks.ranges() {
        add(format!("networks_{}", kind.as_str()), range.to_string());
    }
    // The same context gives the same rules, to the byte.
    for values in lists.values_mut() {
        values.sort();
    }
    lists
}

/// The lists among the files of one's own rules.
pub(crate) fn own_lists<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Lists {
    files
        .filter_map(|(name, bytes)| {
            let file = name.strip_prefix(FOLDER)?.strip_suffix(".txt")?;
            let text = String::from_utf8_lossy(bytes);
            let lines = text.lines().map(str::trim);
            let values = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            Some((file.to_owned(), values.map(str::to_owned).collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_networks_and_files_are_lists() {
        let (people, _) = People::parse(
            "people.csv",
            "user,kind,privileged,left\nhana@example.co.jp,member,true,\nscan@example.co.jp,service,,\n\
             ken@example.co.jp,member,,2026-03-31\n",
        )
        .unwrap();
        let (networks, _) = Networks::parse("networks.csv", "cidr,kind\n203.0.113.0/24,office\n").unwrap();
        let lists = context_lists(&people, &networks);
        let files = [
            ("lists/known_apps.txt", &b"# one a line\nbackup\n\n sync \n"[..]),
            ("mine/rule.yml", b""),
        ];
        let own = own_lists(files.into_iter());

        assert_eq!(lists["people_privileged"], ["hana@example.co.jp"]);
        assert_eq!(lists["people_service"], ["scan@example.co.jp"]);
        assert_eq!(lists["people_left"], ["ken@example.co.jp"]);
        assert_eq!(lists["networks_office"], ["203.0.113.0/24"]);
        assert_eq!(own["known_apps"], ["backup", "sync"]);
        assert_eq!(own.len(), 1);
    }
}
