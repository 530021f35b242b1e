//! What is bounded, so that no sender can use up the machine.

/// A bound: what it holds down, how far, and what happens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What is bounded.
    pub what: &'static str,
    /// How much of it there may be.
    pub most: u64,
    /// In which unit.
    pub unit: Unit,
    /// What happens at the bound.
    pub then: &'static str,
}

/// What a bound is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Count,
    /// Seconds.
    Seconds,
}

impl Bound {
    /// So many bytes.
    pub const fn bytes(what: &'static str, most: u64, then: &'static str) -> Self {
        Self {
            what,
            most,
            unit: Unit::Bytes,
            then,
        }
    }

    /// So many things.
    pub const fn count(what: &'static str, most: u64, then: &'static str) -> Self {
        Self {
            what,
            most,
            unit: Unit::Count,
            then,
        }
    }

    /// So many seconds.
    pub const fn seconds(what: &'static str, most: u64, then: &'static str) -> Self {
        Self {
            what,
            most,
            unit: Unit::Seconds,
            then,
        }
    }

    /// How much, as people write it.
    pub fn amount(&self) -> String {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match self.unit {
            Unit::Bytes => {
                let unit = UNITS
                    .iter()
                    .find(|(size, _)| self.most >= *size && self.most.is_multiple_of(*size));
                unit.map_or_else(
                    || format!("{} bytes", grouped(self.most)),
                    |(size, name)| format!("{} {name}", grouped(self.most / size)),
                )
            }
            Unit::Count => grouped(self.most),
            Unit::Seconds if self.most >= 3_600 && self.most.is_multiple_of(3_600) => {
                format!("{} h", self.most / 3_600)
            }
            Unit::Seconds if self.most >= 60 && self.most.is_multiple_of(60) => format!("{} min", self.most / 60),
            Unit::Seconds => format!("{} s", self.most),
        }
    }
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length as a bound has it. What is bounded fits into 64 bits.
#[expect(clippy::as_conversions, reason = "a conversion that a constant can do")]
pub const fn size(length: usize) -> u64 {
    length as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_write_them() {
        let bytes = |most| Bound::bytes("", most, "").amount();
        let count = |most| Bound::count("", most, "").amount();
        let seconds = |most| Bound::seconds("", most, "").amount();
        assert_eq!(
            [bytes(4 << 30), bytes(32 << 20), bytes(1_536), bytes(1_024)],
            ["4 GiB", "32 MiB", "1,536 bytes", "1 KiB"]
        );
        assert_eq!([count(7), count(1_000), count(250_000)], ["7", "1,000", "250,000"]);
        assert_eq!([seconds(15), seconds(120), seconds(259_200)], ["15 s", "2 min", "72 h"]);
    }
}
