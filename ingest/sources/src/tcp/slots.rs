//! How many connections there are, and from whom.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The places for connections of one listener.
#[derive(Debug)]
pub(super) struct Slots {
    connections_max: usize,
    of_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Only addresses that have a connection, so it is no larger than `all`.
    by_address: HashMap<IpAddr, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    address: IpAddr,
}

impl Slots {
    pub(super) fn new(connections_max: usize, of_address_max: usize) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            of_address_max,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`, if there is one.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        if self.connections_max <= taken.all || (self.of_address_max <= here && !address.is_loopback()) {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, here + 1);
        Some(Slot {
            slots: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        match taken.by_address.get_mut(&self.address) {
            Some(here) if 1 < *here => *here -= 1,
            _ => drop(taken.by_address.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places_and_a_place_comes_back() {
        let [here, there, local] = ["192.0.2.1", "2001:db8::1", "127.0.0.1"].map(|ip| ip.parse::<IpAddr>().unwrap());
        let slots = Slots::new(5, 2);

        let first = slots.take(here).unwrap();
        let _second = slots.take(here).unwrap();
        assert!(slots.take(here).is_none(), "two from one address");
        let _third = slots.take(there).unwrap();
        drop(first);
        let _again = slots.take(here).unwrap();
        let _local = [slots.take(local).unwrap(), slots.take(local).unwrap()];
        assert!(slots.take(local).is_none(), "five in all");
    }

    #[test]
    fn what_was_given_back_is_forgotten() {
        let slots = Slots::new(3, 3);
        for octet in 0..100 {
            drop(slots.take(IpAddr::from([192, 0, 2, octet])));
        }
        assert!(slots.taken.lock().unwrap().by_address.is_empty());
    }
}
