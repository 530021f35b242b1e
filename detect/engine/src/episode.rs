//! Parting what is found at once into what belongs together in time.

use std::time::Duration;

use sekisho_model::Time;

/// Parts items, sorted by time, wherever two neighbours are further apart than `gap`, so that a
/// detection never spans two episodes.
pub(crate) fn waves<T>(items: Vec<T>, gap: Duration, time: impl Fn(&T) -> Time) -> Vec<Vec<T>> {
    let mut waves: Vec<Vec<T>> = Vec::new();
    for item in items {
        match waves.last_mut() {
            Some(wave) if wave.last().is_some_and(|last| time(&item).distance(time(last)) <= gap) => wave.push(item),
            _ => waves.push(vec![item]),
        }
    }
    waves
}
