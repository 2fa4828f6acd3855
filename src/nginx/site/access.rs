//! Addresses and networks, as `allow`, `deny`, `geo` and `set_real_ip_from` compare them (`ngx_ptocidr`).

use std::net::IpAddr;

use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Network {
    All,
    Block {
        address: IpAddr,
        bits: u8,
    },
    /// Clients on a Unix socket.
    Unix,
    /// A placeholder of a template, or what is no address.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct AccessRule {
    pub allow: bool,
    pub network: Network,
    pub span: Span,
}

impl Network {
    pub(in super::super) fn parse(text: &str) -> Self {
        match text {
            "all" => return Network::All,
            "unix:" => return Network::Unix,
            _ => {}
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let Ok(address) = address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() else {
            return Network::Unknown;
        };
        let width = width(address);
        match bits.map_or(Some(width), |bits| bits.parse().ok().filter(|bits| *bits <= width)) {
            Some(bits) => Network::Block { address, bits },
            None => Network::Unknown,
        }
    }

    /// Whether an address lies in the network; `None` where that cannot be told.
    pub(in super::super) fn contains(self, client: IpAddr) -> Option<bool> {
        match self {
            Network::All => Some(true),
            Network::Unix => Some(false),
            Network::Unknown => None,
            Network::Block { address, bits } => {
                Some(width(address) == width(client) && masked(address, bits) == masked(client, bits))
            }
        }
    }

    /// An address of the network that is worth trying.
    pub(in super::super) fn example(self) -> Option<IpAddr> {
        match self {
            Network::Block { address, bits } if bits > 0 => Some(address),
            _ => None,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address as a number, without the bits behind the network's.
pub(in super::super) fn masked(address: IpAddr, bits: u8) -> u128 {
    let (number, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let drop = width - u32::from(bits).min(width);
    number.checked_shr(drop).unwrap_or(0)
}
