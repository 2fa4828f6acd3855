//! Which frontend takes a connection.

use std::collections::HashMap;
use std::net::IpAddr;

use super::site::Config;
use super::site::proxy::Proxy;

/// The sockets by address; those for all addresses have an empty one.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_address: HashMap<String, Sockets>,
}

/// The sockets of one address.
#[derive(Debug, Default)]
struct Sockets {
    /// In the order of the config.
    by_port: HashMap<u16, Vec<Listener>>,
    /// Ranges of ports that are too wide to be listed, by their first port. Each knows the last port of all ranges up to it.
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u16,
    last: u16,
    last_so_far: u16,
    listener: Listener,
}

/// A socket: the proxy, and which of its binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) proxy: usize,
    pub(super) bind: usize,
}

impl Listener {
    pub(super) fn name(self, config: &Config) -> &str {
        &config.proxies[self.proxy].name
    }

    pub(super) fn role(self, config: &Config) -> &'static str {
        config.proxies[self.proxy].role.name()
    }
}

impl Listeners {
    const WIDE: u16 = 64;

    pub(super) fn new(proxies: &[Proxy]) -> Self {
        let mut listeners = Listeners::default();
        for (index, proxy) in proxies.iter().enumerate().filter(|(_, proxy)| !proxy.settings.disabled) {
            for (number, bind) in proxy.binds.iter().enumerate() {
                let Some((first, last)) = bind.ports else { continue };
                let listener = Listener { proxy: index, bind: number };
                let sockets = listeners.by_address.entry(plain(&bind.address)).or_default();
                if last.saturating_sub(first) > Self::WIDE {
                    sockets.ranges.push(Range { first, last, last_so_far: last, listener });
                    continue;
                }
                for port in first..=last {
                    sockets.by_port.entry(port).or_default().push(listener);
                }
            }
        }
        listeners.by_address.values_mut().for_each(Sockets::arrange);
        listeners
    }

    /// The socket of this config itself that a server's address leads to.
    pub(super) fn own(&self, proxies: &[Proxy], address: &str, port: u16) -> Option<Listener> {
        let found = self.find(address, port);
        let local = address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        found.into_iter().find(|listener| local || !proxies[listener.proxy].binds[listener.bind].address.is_empty())
    }

    /// The sockets that may take a connection to an address: those bound to it, else those bound to all addresses.
    pub(super) fn find(&self, address: &str, port: u16) -> Vec<Listener> {
        let of = |address: &str| self.by_address.get(address).map_or(Vec::new(), |sockets| sockets.find(port));
        let own = of(&plain(address));
        if own.is_empty() { of("") } else { own }
    }
}

impl Sockets {
    fn arrange(&mut self) {
        self.ranges.sort_by_key(|range| range.first);
        let mut last_so_far = 0;
        for range in &mut self.ranges {
            last_so_far = range.last.max(last_so_far);
            range.last_so_far = last_so_far;
        }
    }

    fn find(&self, port: u16) -> Vec<Listener> {
        let mut found = self.by_port.get(&port).cloned().unwrap_or_default();
        let begun = &self.ranges[..self.ranges.partition_point(|range| range.first <= port)];
        let open = begun.iter().rev().take_while(|range| range.last_so_far >= port).filter(|range| range.last >= port);
        let listed = found.len();
        found.extend(open.map(|range| range.listener));
        found[listed..].sort_by_key(|listener| (listener.proxy, listener.bind));
        found
    }
}

fn plain(address: &str) -> String {
    if address == "localhost" { "127.0.0.1".to_owned() } else { address.to_ascii_lowercase() }
}
