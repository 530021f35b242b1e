//! Columns whose values are worked out once per distinct value instead of once per row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use sekisho_model::Texts;

/// The distinct values of a text column, and which of them each row has.
pub(crate) struct Distinct<'a> {
    /// The values. A dictionary may hold some that no row has.
    pub(crate) values: Vec<Option<&'a str>>,
    /// For each row the place of its value in `values`.
    pub(crate) rows: Vec<Option<usize>>,
}

impl<'a> Distinct<'a> {
    /// Of `texts`, which has `rows` rows.
    pub(crate) fn of(texts: Texts<'a>, rows: usize) -> Self {
        match texts {
            Texts::Dict(keys, values) => Self {
                values: values.iter().collect(),
                rows: (0..rows)
                    .map(|row| keys.key(row).filter(|key| values.is_valid(*key)))
                    .collect(),
            },
            Texts::Plain(_) => Self::of_plain(texts, rows),
        }
    }

    fn of_plain(texts: Texts<'a>, rows: usize) -> Self {
        let mut values = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let places = (0..rows)
            .map(|row| {
                let value = texts.get(row)?;
                Some(*seen.entry(value).or_insert_with(|| {
                    values.push(Some(value));
                    values.len() - 1
                }))
            })
            .collect();
        Self { values, rows: places }
    }
}

/// A dictionary column: row `r` has the value `values[rows[r]]`. Each text is in the dictionary once,
/// in the order of `values`.
#[expect(
    clippy::expect_used,
    reason = "every key is a place in the dictionary that was just built"
)]
pub(crate) fn dictionary<'a>(values: impl IntoIterator<Item = Option<&'a str>>, rows: &[Option<usize>]) -> ArrayRef {
    let mut texts: Vec<&str> = Vec::new();
    let mut seen: HashMap<&str, i32> = HashMap::new();
    let mut key_of = |value: &'a str| {
        let next = i32::try_from(texts.len()).ok()?;
        Some(*seen.entry(value).or_insert_with(|| {
            texts.push(value);
            next
        }))
    };
    let keys: Vec<Option<i32>> = values.into_iter().map(|value| value.and_then(&mut key_of)).collect();
    let rows: Int32Array = rows
        .iter()
        .map(|row| row.and_then(|place| keys.get(place).copied().flatten()))
        .collect();
    let column = DictionaryArray::<Int32Type>::try_new(rows, Arc::new(StringArray::from(texts)));
    Arc::new(column.expect("the keys are within the dictionary"))
}

/// For each row the part that `part` takes of its entry.
pub(crate) fn each<'a, T, V>(
    entries: &'a [T],
    rows: &'a [Option<usize>],
    part: impl Fn(&'a T) -> Option<V>,
) -> impl Iterator<Item = Option<V>> {
    rows.iter()
        .map(move |row| row.and_then(|place| entries.get(place)).and_then(&part))
}
