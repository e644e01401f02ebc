//! How many connections each client has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections by address, where they are bounded. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Peers {
    limit: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that is counted, until this is dropped.
pub(crate) struct Counted(Option<(Peers, IpAddr)>);

impl Peers {
    /// For at most so many connections of one address; 0 counts none.
    pub(crate) fn new(limit: usize) -> Self {
        Peers { limit, open: Arc::default() }
    }

    /// Counts a connection; `None` where the client has as many as it may.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Option<Counted> {
        let Some(address) = address.filter(|_| self.limit > 0) else { return Some(Counted(None)) };
        let address = client(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Counted(Some((self.clone(), address))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some((peers, address)) = self.0.take() else { return };
        let mut open = peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&address)),
        }
    }
}

/// One client has one IPv4 address, but 2⁶⁴ IPv6 addresses.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::Peers;

    fn address(text: &str) -> Option<std::net::IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn each_address_has_its_own_count_and_gets_it_back() {
        let peers = Peers::new(2);
        let (first, second) = (peers.admit(address("10.0.0.1")), peers.admit(address("10.0.0.1")));
        assert!(first.is_some() && second.is_some());
        assert!(peers.admit(address("10.0.0.1")).is_none());
        assert!(peers.admit(address("::ffff:10.0.0.1")).is_none(), "the same in IPv6");
        assert!(peers.admit(address("10.0.0.2")).is_some());
        drop(first);
        assert!(peers.admit(address("10.0.0.1")).is_some());
        drop(second);
        assert!(peers.open.lock().expect("no panic").is_empty(), "nothing is kept of those who left");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let peers = Peers::new(1);
        let _first = peers.admit(address("2001:db8::1"));
        assert!(peers.admit(address("2001:db8::ffff:1")).is_none());
        assert!(peers.admit(address("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn without_a_limit_or_an_address_nothing_is_counted() {
        let peers = Peers::new(0);
        let all: Vec<_> = (0..100).map(|_| peers.admit(address("10.0.0.1"))).collect();
        assert!(all.iter().all(Option::is_some));
        let _counted = Peers::new(1).admit(None);
        assert!(Peers::new(1).admit(None).is_some());
    }
}
