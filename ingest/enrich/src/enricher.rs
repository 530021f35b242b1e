//! Filling the columns of a batch.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array};
use jiff::civil::Date;
use sekisho_model::{Column, EventBatch};

use crate::column::{Distinct, dictionary, each};
use crate::networks::{NetKind, Networks};
use crate::notices::Notices;
use crate::people::{People, Person};
use crate::{Calendar, Geo, OfficeState, Place, address, domains};

/// Fills what follows from other columns.
///
/// Its parts are shared: a clone is cheap, and so is one with another part.
#[derive(Clone, Debug)]
pub struct Enricher {
    geo: Option<Geo>,
    networks: Networks,
    people: People,
    notices: Notices,
    calendar: Calendar,
}

/// Where some rows came from.
struct Source {
    address: Option<IpAddr>,
    place: Place,
    kind: Option<NetKind>,
}

/// Who some rows are about.
#[derive(Clone, Copy, Default)]
struct Who<'a> {
    name: Option<&'a str>,
    listed: Option<&'a Person>,
}

impl Enricher {
    /// An enricher of these parts; without a database, the vendors' own places are kept.
    pub fn new(geo: Option<Geo>, networks: Networks, people: People, calendar: Calendar) -> Self {
        Self {
            geo,
            networks,
            people,
            notices: Notices::default(),
            calendar,
        }
    }

    /// The same with other databases.
    #[must_use]
    pub fn with_geo(self, geo: Option<Geo>) -> Self {
        Self { geo, ..self }
    }

    /// The same with another list of networks.
    #[must_use]
    pub fn with_networks(self, networks: Networks) -> Self {
        Self { networks, ..self }
    }

    /// The same with another list of people.
    #[must_use]
    pub fn with_people(self, people: People) -> Self {
        let notices = self.notices.of_people(&people);
        Self {
            people,
            notices,
            ..self
        }
    }

    /// The same with another list of travel notices.
    #[must_use]
    pub fn with_notices(self, notices: Notices) -> Self {
        let notices = notices.of_people(&self.people);
        Self { notices, ..self }
    }

    /// The same with another calendar.
    #[must_use]
    pub fn with_calendar(self, calendar: Calendar) -> Self {
        Self { calendar, ..self }
    }

    /// The list of people.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The calendar.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The databases.
    pub fn geo(&self) -> Option<&Geo> {
        self.geo.as_ref()
    }

    /// What kind of network an address or an autonomous system is, given what the databases say.
    ///
    /// The firm's list, the database of anonymisers, the shipped list, and then: a public address
    /// with an operator or a city is a fixed line. An address of which only the country is known is
    /// of unknown kind, and one inside a network of its own has none.
    pub fn net_kind(&self, address: Option<IpAddr>, place: &Place) -> Option<NetKind> {
        if let Some(own) = self.networks.own(address, place.asn) {
            return Some(own.kind);
        }
        if address.is_some_and(|address| address::class(address) != Some(address::PUBLIC)) {
            return None;
        }
        let shipped = || Networks::shipped(address, place.asn).map(|network| network.kind);
        let known = place.kind.or_else(shipped);
        let located = place.asn.is_some() || place.city.is_some();
        known.or_else(|| address.map(|_| if located { NetKind::Fixed } else { NetKind::Unknown }))
    }

    /// Fills the columns of place, network, person and calendar.
    pub fn enrich(&self, batch: EventBatch) -> EventBatch {
        if batch.is_empty() {
            return batch;
        }
        let columns = [
            self.source_columns(&batch),
            self.person_columns(&batch),
            vec![self.office_column(&batch), self.domains_column(&batch)],
        ];
        let batch = columns.into_iter().flatten().fold(batch, with_column);
        if self.notices.is_empty() {
            return batch;
        }
        let noticed = self.noticed_column(&batch);
        with_column(batch, noticed)
    }

    fn source_columns(&self, batch: &EventBatch) -> Vec<(Column, ArrayRef)> {
        let (sources, rows) = self.sources(batch);
        let text = |column, part: fn(&Source) -> Option<&str>| (column, dictionary(sources.iter().map(part), &rows));
        let float = |column, part: fn(&Source) -> Option<f64>| {
            let values: Float64Array = each(&sources, &rows, part).collect();
            let values: ArrayRef = Arc::new(values);
            (column, values)
        };
        let accuracy: Int32Array = each(&sources, &rows, |source| source.place.accuracy_km).collect();
        let asn: Int64Array = each(&sources, &rows, |source| source.place.asn).collect();
        vec![
            (Column::SrcIpType, address_types(batch, &sources, &rows)),
            text(Column::SrcCountry, |source| source.place.country.as_deref()),
            text(Column::SrcCity, |source| source.place.city.as_deref()),
            float(Column::SrcLat, |source| {
                source.place.coordinates.map(|(latitude, _)| latitude)
            }),
            float(Column::SrcLon, |source| {
                source.place.coordinates.map(|(_, longitude)| longitude)
            }),
            (Column::SrcAccuracyKm, Arc::new(accuracy)),
            (Column::SrcAsn, Arc::new(asn)),
            text(Column::SrcAsOrg, |source| source.place.as_org.as_deref()),
            text(Column::SrcNetKind, |source| source.kind.map(NetKind::as_str)),
        ]
    }

    /// The distinct sources of a batch, and for each row which it is.
    ///
    /// An address is looked up once, unless the row's vendor has something to add.
    fn sources(&self, batch: &EventBatch) -> (Vec<Source>, Vec<Option<usize>>) {
        let texts = Distinct::of(batch.texts(Column::SrcIp), batch.len());
        let addresses: Vec<Option<IpAddr>> = texts.values.iter().map(|text| text.and_then(address::parse)).collect();
        let mut sources = Vec::new();
        // For each distinct text of an address, where its source stands.
        let mut known: Vec<Option<usize>> = vec![None; addresses.len()];
        let mut rows = Vec::with_capacity(batch.len());
        for (row, text) in texts.rows.iter().enumerate() {
            let address = text.and_then(|text| addresses.get(text).copied().flatten());
            let vendor = self.vendor_place(batch, row, address);
            let mut slot = text.and_then(|text| known.get_mut(text)).filter(|_| vendor.is_empty());
            if let Some(Some(place)) = slot {
                rows.push(Some(*place));
                continue;
            }
            if let Some(slot) = &mut slot {
                **slot = Some(sources.len());
            }
            rows.push(Some(sources.len()));
            sources.push(self.source(address, vendor));
        }
        (sources, rows)
    }

    /// What counts of the place as the vendor tells it: all of it for a row without an address,
    /// otherwise only what our databases are not about. Two databases disagree on one address in
    /// twenty, and a person must not seem to move because two vendors look in different ones.
    fn vendor_place(&self, batch: &EventBatch, row: usize, address: Option<IpAddr>) -> Place {
        let geo = self.geo.as_ref().filter(|_| address.is_some());
        let text = |column| batch.text(column, row).map(str::to_owned);
        let mut place = Place::default();
        if !geo.is_some_and(Geo::gives_places) {
            let latitude = batch.float(Column::SrcLat, row);
            let accuracy = batch.int(Column::SrcAccuracyKm, row);
            place.country = text(Column::SrcCountry);
            place.city = text(Column::SrcCity);
            place.coordinates = latitude.zip(batch.float(Column::SrcLon, row));
            place.accuracy_km = accuracy.and_then(|radius| radius.try_into().ok());
        }
        if !geo.is_some_and(Geo::gives_networks) {
            place.asn = batch.int(Column::SrcAsn, row);
            place.as_org = text(Column::SrcAsOrg);
        }
        place.with_honest_coordinates()
    }

    fn source(&self, address: Option<IpAddr>, vendor: Place) -> Source {
        let mut place = match (&self.geo, address) {
            (Some(geo), Some(address)) => geo.lookup(address),
            _ => Place::default(),
        };
        place.complete(vendor);
        let kind = self.net_kind(address, &place);
        Source { address, place, kind }
    }

    fn person_columns(&self, batch: &EventBatch) -> Vec<(Column, ArrayRef)> {
        let names = Distinct::of(batch.texts(Column::UserName), batch.len());
        let ids = Distinct::of(batch.texts(Column::UserUid), batch.len());
        let (people, rows) = self.people_of(&names, &ids);
        let privileged: BooleanArray = each(&people, &rows, |who| who.listed.map(|person| person.privileged)).collect();
        let day = |part: fn(&Person) -> Option<Date>| -> ArrayRef {
            let days: Date32Array = each(&people, &rows, |who| who.listed.and_then(part).map(epoch_day)).collect();
            Arc::new(days)
        };
        let kinds = people.iter().map(|who| who.listed.map(|person| person.kind.as_str()));
        vec![
            (Column::Person, dictionary(people.iter().map(|who| who.name), &rows)),
            (Column::PersonKind, dictionary(kinds, &rows)),
            (Column::Privileged, Arc::new(privileged)),
            (Column::Joined, day(|person| person.joined)),
            (Column::Left, day(|person| person.left)),
        ]
    }

    /// Who the rows are about: the person listed under the name, else under the id, else the name.
    fn people_of<'a>(&'a self, names: &Distinct<'a>, ids: &Distinct<'a>) -> (Vec<Who<'a>>, Vec<Option<usize>>) {
        let who = |text: Option<&'a str>| {
            let listed = text.and_then(|text| self.people.find(text));
            Who {
                name: listed.map(|person| &*person.user).or(text),
                listed,
            }
        };
        let mut people: Vec<Who<'a>> = names.values.iter().copied().map(who).collect();
        let ids_begin = people.len();
        people.extend(ids.values.iter().copied().map(who));
        let is_listed = |place: &usize| people.get(*place).is_some_and(|who| who.listed.is_some());
        let rows = names.rows.iter().zip(&ids.rows).map(|(name, id)| {
            let by_id = id.map(|id| ids_begin + id);
            name.filter(is_listed).or(by_id.filter(is_listed)).or(*name)
        });
        let rows = rows.collect();
        (people, rows)
    }

    /// Whether each row lies within a notice; it needs the person and the country.
    fn noticed_column(&self, batch: &EventBatch) -> (Column, ArrayRef) {
        let noticed: BooleanArray = (0..batch.len())
            .map(|row| {
                let person = batch.text(Column::Person, row)?;
                let country = batch.text(Column::SrcCountry, row)?;
                let zone = self.calendar.zone();
                let day = zone.to_datetime(batch.time(row).to_jiff()).date();
                Some(self.notices.cover(person, country, day))
            })
            .collect();
        (Column::Noticed, Arc::new(noticed))
    }

    /// How addresses of the firm's own domains end, once for each account and who did it.
    fn domains_column(&self, batch: &EventBatch) -> (Column, ArrayRef) {
        let users = Distinct::of(batch.texts(Column::UserName), batch.len());
        let actors = Distinct::of(batch.texts(Column::ActorName), batch.len());
        let mut texts = Vec::new();
        let mut known = HashMap::new();
        let rows: Vec<Option<usize>> = users
            .rows
            .iter()
            .zip(&actors.rows)
            .map(|pair| {
                Some(*known.entry(pair).or_insert_with(|| {
                    let (user, actor) = pair;
                    let names = [name_at(&users, *user), name_at(&actors, *actor)];
                    texts.push(self.own_domains(names));
                    texts.len() - 1
                }))
            })
            .collect();
        (
            Column::OwnDomains,
            dictionary(texts.iter().map(Option::as_deref), &rows),
        )
    }

    fn own_domains(&self, names: [Option<&str>; 2]) -> Option<String> {
        let mut own: Vec<String> = Vec::new();
        let of_row = names.into_iter().flatten().filter_map(domains::domain);
        for domain in of_row.chain(self.people.domains().iter().cloned()) {
            if !own.contains(&domain) {
                own.push(domain);
            }
        }
        domains::ends(&own)
    }

    fn office_column(&self, batch: &EventBatch) -> (Column, ArrayRef) {
        let states = OfficeState::ALL;
        let rows: Vec<Option<usize>> = (0..batch.len())
            .map(|row| {
                let state = self.calendar.office_state(batch.time(row));
                states.iter().position(|known| *known == state)
            })
            .collect();
        (
            Column::OfficeState,
            dictionary(states.iter().map(|state| Some(state.as_str())), &rows),
        )
    }
}

fn name_at<'a>(names: &Distinct<'a>, place: Option<usize>) -> Option<&'a str> {
    names.values.get(place?).copied().flatten()
}

/// The class of each address, where the format has not told it.
fn address_types(batch: &EventBatch, sources: &[Source], rows: &[Option<usize>]) -> ArrayRef {
    let told = batch.texts(Column::SrcIpType);
    let classes = each(sources, rows, |source| source.address.and_then(address::class));
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    for (row, class) in classes.enumerate() {
        builder.append_option(told.get(row).or(class));
    }
    Arc::new(builder.finish())
}

fn epoch_day(day: Date) -> i32 {
    let days = day.since(Date::constant(1970, 1, 1)).map(|span| span.get_days());
    days.unwrap_or_default()
}

#[expect(
    clippy::expect_used,
    reason = "the column was built for the rows and the type of this one"
)]
fn with_column(batch: EventBatch, (column, values): (Column, ArrayRef)) -> EventBatch {
    batch.with_column(column, values).expect("the column is of the schema")
}
