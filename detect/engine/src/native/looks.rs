//! What there is to tell of events apart from their id and time, kept once where events are alike.

use sekisho_model::{Column, EventBatch, Evidence, Time};
use serde::{Deserialize, Serialize};

/// How many of the latest looks are searched for one that is the same: most events look like the one
/// before, and files that are read one after the other have no like at all.
const SEARCHED_MAX: usize = 16;

/// How much of an event is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// Who, when, where and with what, without the object: many more events then look alike.
    Place,
}

/// The looks of the events of one key.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Looks(Vec<Evidence>);

impl Looks {
    /// The index of the look of a row.
    pub(super) fn note(&mut self, batch: &EventBatch, row: usize, detail: Detail) -> usize {
        let oldest = self.0.len().saturating_sub(SEARCHED_MAX);
        let recent = self.0.iter().enumerate().skip(oldest);
        let alike = recent.rev().find(|(_, known)| looks_like(known, batch, row, detail));
        if let Some((index, _)) = alike {
            return index;
        }
        let mut look = Evidence {
            event_uid: String::new(),
            time: Time::default(),
            observed: Time::default(),
            ..Evidence::of(batch, row)
        };
        if detail == Detail::Place {
            look.resource = None;
            look.item_count = None;
        }
        self.0.push(look);
        self.0.len() - 1
    }

    /// A look.
    pub(super) fn get(&self, index: usize) -> Option<&Evidence> {
        self.0.get(index)
    }

    /// Keeps only the looks that are in use, and changes the indices to where they then are.
    pub(super) fn keep<'a>(&mut self, used: impl Iterator<Item = &'a mut usize>) {
        keep(&mut self.0, used);
    }
}

/// Keeps only the items that are in use, and changes the indices to where they then are.
pub(super) fn keep<'a, T>(items: &mut Vec<T>, used: impl Iterator<Item = &'a mut usize>) {
    let mut old: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    let mut moved: Vec<usize> = vec![0; old.len()];
    for index in used {
        let Some((item, moved)) = old.get_mut(*index).zip(moved.get_mut(*index)) else {
            continue;
        };
        if let Some(item) = item.take() {
            *moved = items.len();
            items.push(item);
        }
        *index = *moved;
    }
}

/// Whether [`Evidence::of`] the row would be the same, apart from its id and time: asked of each event,
/// so without building it.
fn looks_like(look: &Evidence, batch: &EventBatch, row: usize, detail: Detail) -> bool {
    // Named one by one, so that a field that is added cannot be overlooked here.
    let Evidence {
        event_uid: _,
        time: _,
        observed: _,
        source,
        activity,
        status_id,
        user_name,
        src_ip,
        src_country,
        src_city,
        src_as_org,
        src_net_kind,
        target,
        resource,
        user_agent,
        mfa_result,
        item_count,
        privileged,
    } = look;
    let text = |column| batch.text(column, row);
    let object = || {
        text(Column::Resource).or_else(|| text(Column::Url)) == resource.as_deref()
            && batch.int(Column::ItemCount, row) == *item_count
    };
    batch.int(Column::StatusId, row) == Some((*status_id).into())
        && text(Column::Source) == Some(source)
        && text(Column::Activity) == Some(activity)
        && text(Column::UserName) == user_name.as_deref()
        && text(Column::SrcIp) == src_ip.as_deref()
        && text(Column::SrcCountry) == src_country.as_deref()
        && text(Column::SrcCity) == src_city.as_deref()
        && text(Column::SrcAsOrg) == src_as_org.as_deref()
        && text(Column::SrcNetKind) == src_net_kind.as_deref()
        && text(Column::AppName).or_else(|| text(Column::DstHost)) == target.as_deref()
        && text(Column::UserAgent) == user_agent.as_deref()
        && text(Column::MfaResult) == mfa_result.as_deref()
        && Evidence::is_privileged(batch, row) == *privileged
        && (detail == Detail::Place || object())
}
