//! Which events are hot: pure functions of events in order of time.

use std::collections::VecDeque;

use hashbrown::HashMap;

/// An event, as far as windows are concerned. Times and spans are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) time: i64,
    pub(super) uid: u128,
    /// Which of the rules of the correlation it is of.
    pub(super) position: u16,
    pub(super) weight: u64,
    pub(super) value: u128,
}

/// For each point, what the fullest window of the span that holds it adds up to.
pub(super) type Fullest = Vec<u64>;

/// What a window adds up to while points enter and leave it.
trait Sum {
    fn enter(&mut self, point: &Point);
    fn leave(&mut self, point: &Point);
    fn total(&self) -> u64;
}

#[derive(Default)]
struct Weights(u128);

impl Sum for Weights {
    fn enter(&mut self, point: &Point) {
        self.0 = self.0.saturating_add(point.weight.into());
    }

    fn leave(&mut self, point: &Point) {
        self.0 = self.0.saturating_sub(point.weight.into());
    }

    fn total(&self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }
}

#[derive(Default)]
struct Values(HashMap<u128, usize>);

impl Sum for Values {
    fn enter(&mut self, point: &Point) {
        *self.0.entry(point.value).or_default() += 1;
    }

    fn leave(&mut self, point: &Point) {
        if let Some(count) = self.0.get_mut(&point.value) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&point.value);
            }
        }
    }

    fn total(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

/// By the weights of the points.
pub(super) fn heaviest(points: &[Point], span: i64) -> Fullest {
    slide(points, span, Weights::default())
}

/// By the number of different values.
pub(super) fn most_diverse(points: &[Point], span: i64) -> Fullest {
    slide(points, span, Values::default())
}

/// Every window that matters begins at a point: moved to the first point in it, it holds no fewer.
fn slide(points: &[Point], span: i64, mut sum: impl Sum) -> Fullest {
    let mut fullest = Vec::with_capacity(points.len());
    let mut end = 0;
    // Windows that may be the fullest of the points to come: each fuller than those after it.
    let mut windows: VecDeque<(usize, u64)> = VecDeque::new();
    for (start, first) in points.iter().enumerate() {
        while let Some(point) = points
            .get(end)
            .filter(|point| point.time.saturating_sub(first.time) <= span)
        {
            sum.enter(point);
            end += 1;
        }
        let total = sum.total();
        while windows.back().is_some_and(|(_, other)| *other <= total) {
            windows.pop_back();
        }
        windows.push_back((end, total));
        while windows.front().is_some_and(|(end, _)| *end <= start) {
            windows.pop_front();
        }
        fullest.push(windows.front().map_or(total, |(_, total)| *total));
        sum.leave(first);
    }
    fullest
}

/// What is measured of the numbers of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    /// Their average.
    Average,
    /// The number below which so many of a hundred lie.
    Percentile(f64),
}

/// For each point, the measure of the window of the span that ends with it, with all points of the
/// same time.
pub(super) fn trailing(points: &[(i64, f64)], span: i64, measure: Measure) -> Vec<f64> {
    let mut start = 0;
    let mut end = 0;
    let mut measures = Vec::with_capacity(points.len());
    for (time, _) in points {
        while points.get(end).is_some_and(|(other, _)| other <= time) {
            end += 1;
        }
        while points
            .get(start)
            .is_some_and(|(other, _)| time.saturating_sub(*other) > span)
        {
            start += 1;
        }
        let numbers = points
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .map(|(_, number)| *number);
        measures.push(measure.of(numbers.collect()));
    }
    measures
}

impl Measure {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "windows are small")]
    fn of(self, mut numbers: Vec<f64>) -> f64 {
        let count = numbers.len() as f64;
        // One order whatever the order of arrival, so that the sum is the same to the last digit.
        numbers.sort_by(f64::total_cmp);
        match self {
            Self::Average => numbers.iter().sum::<f64>() / count.max(1.0),
            Self::Percentile(percent) => interpolate(&numbers, percent / 100.0 * (count - 1.0).max(0.0)),
        }
    }
}

/// The number at a rank, which may lie between two.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is not negative and within the list"
)]
fn interpolate(sorted: &[f64], rank: f64) -> f64 {
    let at = |rank: f64| sorted.get(rank as usize).copied();
    let low = at(rank.floor()).unwrap_or_default();
    let high = at(rank.ceil()).unwrap_or(low);
    (high - low).mul_add(rank.fract(), low)
}

/// The best two bounds of chains, from events that are not the same.
#[derive(Clone, Copy, Default)]
struct Best {
    first: Option<(i64, u128)>,
    second: Option<(i64, u128)>,
}

impl Best {
    /// Takes in a bound; the greater the better.
    fn add(&mut self, bound: i64, uid: u128) {
        match self.first {
            Some((best, of)) if of == uid => self.first = Some((best.max(bound), of)),
            Some((best, _)) if bound <= best => {
                if self.second.is_none_or(|(second, _)| second < bound) {
                    self.second = Some((bound, uid));
                }
            }
            before => {
                self.second = before;
                self.first = Some((bound, uid));
            }
        }
    }

    /// The best bound that is not of this event.
    fn other_than(&self, uid: u128) -> Option<i64> {
        [self.first, self.second]
            .into_iter()
            .flatten()
            .find(|(_, of)| *of != uid)
            .map(|(bound, _)| bound)
    }
}

/// Points that are links of a chain with a point of each position, in their order, within the span.
/// Points of the same time count as being in order, and neighbours in a chain are different events.
///
/// `points` are sorted by time and position.
pub(super) fn ordered(points: &[Point], span: i64, positions: u16) -> Vec<bool> {
    let starts = bounds(
        points.iter(),
        positions,
        |position| position.checked_sub(1),
        |time| time,
    );
    let next = |position: u16| (position.saturating_add(1) < positions).then(|| position + 1);
    // Backwards, times are negated, so that the nearest end is the greatest bound.
    let mut ends = bounds(points.iter().rev(), positions, next, i64::saturating_neg);
    ends.reverse();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| {
            start
                .zip(end)
                .is_some_and(|(start, end)| end.saturating_neg().saturating_sub(start) <= span)
        })
        .collect()
}

/// For each point the best bound of a chain that leads to it; `None` if none does.
fn bounds<'p>(
    points: impl Iterator<Item = &'p Point>,
    positions: u16,
    before: impl Fn(u16) -> Option<u16>,
    bound: impl Fn(i64) -> i64,
) -> Vec<Option<i64>> {
    let mut best = vec![Best::default(); positions.into()];
    points
        .map(|point| {
            let reached = match before(point.position) {
                None => Some(bound(point.time)),
                Some(earlier) => best
                    .get(usize::from(earlier))
                    .and_then(|best| best.other_than(point.uid)),
            };
            if let (Some(reached), Some(best)) = (reached, best.get_mut(usize::from(point.position))) {
                best.add(reached, point.uid);
            }
            reached
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(length: usize) -> impl Strategy<Value = Vec<Point>> {
        let point =
            (0..40_i64, 0..8_u128, 0..3_u16, 1..4_u64, 0..5_u128).prop_map(|(time, uid, position, weight, value)| {
                Point {
                    time,
                    uid,
                    position,
                    weight,
                    value,
                }
            });
        proptest::collection::vec(point, 0..length).prop_map(|mut points| {
            points.sort_by_key(|point| (point.time, point.position, point.uid, point.value));
            points.dedup_by_key(|point| (point.time, point.position, point.uid, point.value));
            points
        })
    }

    /// Whether some window of the span that holds the point holds enough, by trying every window.
    fn in_a_window(points: &[Point], at: usize, span: i64, enough: impl Fn(&[Point]) -> bool) -> bool {
        (points[at].time - span..=points[at].time).any(|start| {
            let inside: Vec<Point> = points
                .iter()
                .filter(|point| (start..=start + span).contains(&point.time))
                .copied()
                .collect();
            enough(&inside)
        })
    }

    /// Whether the point is a link of a chain, by trying every chain.
    fn in_a_chain(points: &[Point], at: usize, span: i64, chain: &mut Vec<usize>) -> bool {
        if chain.len() == 3 {
            let length = points[chain[2]].time - points[chain[0]].time;
            return chain.contains(&at) && length <= span;
        }
        (0..points.len()).any(|next| {
            let follows = chain
                .last()
                .is_none_or(|last| points[*last].time <= points[next].time && points[*last].uid != points[next].uid);
            if !follows || usize::from(points[next].position) != chain.len() {
                return false;
            }
            chain.push(next);
            let found = in_a_chain(points, at, span, chain);
            chain.pop();
            found
        })
    }

    proptest! {
        #[test]
        fn heavy_points_are_those_in_a_heavy_window(points in points(30), span in 0..15_i64, threshold in 1..12_u64) {
            for (at, fullest) in heaviest(&points, span).into_iter().enumerate() {
                let enough = |inside: &[Point]| threshold <= inside.iter().map(|point| point.weight).sum();
                prop_assert_eq!(threshold <= fullest, in_a_window(&points, at, span, enough));
            }
        }

        #[test]
        fn diverse_points_are_those_in_a_diverse_window(points in points(30), span in 0..15_i64, threshold in 1..5_u64) {
            for (at, fullest) in most_diverse(&points, span).into_iter().enumerate() {
                let enough = |inside: &[Point]| {
                    let values: std::collections::HashSet<u128> = inside.iter().map(|point| point.value).collect();
                    threshold <= u64::try_from(values.len()).unwrap()
                };
                prop_assert_eq!(threshold <= fullest, in_a_window(&points, at, span, enough));
            }
        }

        #[test]
        fn ordered_points_are_the_links_of_chains(points in points(14), span in 0..20_i64) {
            let hot = ordered(&points, span, 3);
            for (at, hot) in hot.into_iter().enumerate() {
                prop_assert_eq!(hot, in_a_chain(&points, at, span, &mut Vec::new()), "{} {:?}", at, points);
            }
        }
    }

    #[test]
    fn averages_and_percentiles_are_of_the_window_that_ends_with_the_point() {
        let points = [(0, 10.0), (5, 20.0), (5, 60.0), (20, 1.0)];

        assert_eq!(trailing(&points, 10, Measure::Average), [10.0, 30.0, 30.0, 1.0]);
        assert_eq!(
            trailing(&points, 10, Measure::Percentile(50.0)),
            [10.0, 20.0, 20.0, 1.0]
        );
        assert_eq!(
            trailing(&points, 20, Measure::Percentile(75.0)),
            [10.0, 40.0, 40.0, 30.0]
        );
    }
}
