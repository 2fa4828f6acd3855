//! Which frontend takes a connection.

use std::collections::HashMap;
use std::net::IpAddr;

use super::site::Config;
use super::site::proxy::Proxy;

/// The bound ports. Each port knows its sockets in the order of the config.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: HashMap<u16, Vec<Listener>>,
    /// Ranges of ports that are too wide to be listed.
    ranges: Vec<(u16, u16, Listener)>,
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
                if last.saturating_sub(first) > Self::WIDE {
                    listeners.ranges.push((first, last, listener));
                    continue;
                }
                for port in first..=last {
                    listeners.by_port.entry(port).or_default().push(listener);
                }
            }
        }
        listeners
    }

    /// The socket of this config itself that a server's address leads to.
    pub(super) fn own(&self, proxies: &[Proxy], address: &str, port: u16) -> Option<Listener> {
        let found = self.find(proxies, address, port);
        let local = address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        found.into_iter().find(|listener| local || !proxies[listener.proxy].binds[listener.bind].address.is_empty())
    }

    /// The sockets that may take a connection to an address: those bound to it, else those bound to all addresses.
    pub(super) fn find(&self, proxies: &[Proxy], address: &str, port: u16) -> Vec<Listener> {
        let exact = self.by_port.get(&port).into_iter().flatten().copied();
        let ranged =
            self.ranges.iter().filter(|(first, last, _)| (*first..=*last).contains(&port)).map(|(_, _, listener)| *listener);
        let all: Vec<Listener> = exact.chain(ranged).collect();
        let bound = |listener: &Listener| &*proxies[listener.proxy].binds[listener.bind].address;
        let mut own: Vec<Listener> = all.iter().filter(|listener| is_same(bound(listener), address)).copied().collect();
        if own.is_empty() {
            own = all.into_iter().filter(|listener| bound(listener).is_empty()).collect();
        }
        own
    }
}

fn is_same(bound: &str, address: &str) -> bool {
    let plain = |address: &str| if address == "localhost" { "127.0.0.1".to_owned() } else { address.to_ascii_lowercase() };
    !bound.is_empty() && plain(bound) == plain(address)
}
