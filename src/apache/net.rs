//! Address ranges, as `Require ip`, `Allow from` and `-ipmatch` write them.

use std::net::IpAddr;

/// `10`, `10.1.`, `10.1.2.3`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, or the same of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Net {
    address: u128,
    mask: u128,
    v4: bool,
}

impl Net {
    pub(super) fn parse(text: &str) -> Option<Net> {
        let (address, mask) = text.split_once('/').map_or((text, None), |(address, mask)| (address, Some(mask)));
        if let Ok(IpAddr::V6(address)) = address.parse() {
            let bits: u32 = mask.map_or(Ok(128), str::parse).ok().filter(|bits| *bits <= 128)?;
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            return Some(Net { address: u128::from(address) & mask, mask, v4: false });
        }
        let parts: Vec<&str> = address.trim_end_matches('.').split('.').collect();
        if parts.is_empty() || parts.len() > 4 || (mask.is_some() && parts.len() > 4) {
            return None;
        }
        let mut number = 0u32;
        for index in 0..4 {
            let part = match parts.get(index) {
                Some(part) => part.parse::<u8>().ok()?,
                None => 0,
            };
            number = number << 8 | u32::from(part);
        }
        let mask = match mask {
            None => u32::MAX.checked_shl(32 - 8 * parts.len() as u32).unwrap_or(0),
            Some(mask) => match mask.parse::<u32>() {
                Ok(bits) if bits <= 32 => u32::MAX.checked_shl(32 - bits).unwrap_or(0),
                Ok(_) => return None,
                Err(_) => mask.parse::<std::net::Ipv4Addr>().ok()?.into(),
            },
        };
        Some(Net { address: u128::from(number & mask), mask: u128::from(mask), v4: true })
    }

    pub(super) fn contains(&self, address: &str) -> bool {
        match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => self.v4 && u128::from(u32::from(address)) & self.mask == self.address,
            Ok(IpAddr::V6(address)) => !self.v4 && u128::from(address) & self.mask == self.address,
            Err(_) => false,
        }
    }

    /// An address of the range.
    pub(super) fn example(&self) -> String {
        let host = if self.mask & 1 == 0 { 1 } else { 0 };
        match self.v4 {
            true => std::net::Ipv4Addr::from((self.address | host) as u32).to_string(),
            false => std::net::Ipv6Addr::from(self.address | host).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        let holds = |net: &str, address| Net::parse(net).is_some_and(|net| net.contains(address));
        assert!(holds("127", "127.0.0.1") && holds("10.1.", "10.1.2.3") && holds("10.0.0.0/255.0.0.0", "10.9.9.9"));
        assert!(holds("2001:db8::/32", "2001:db8::5") && holds("0.0.0.0/0", "1.2.3.4") && !holds("10.1.2.3", "10.1.2.4"));
        assert!(Net::parse("example.org").is_none() && Net::parse("10.0.0.0/33").is_none());
        assert_eq!(Net::parse("10.2.0.0/16").unwrap().example(), "10.2.0.1");
    }
}
