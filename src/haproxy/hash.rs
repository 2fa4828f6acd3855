//! The hashes that converters compute (src/hash.c).

/// What a hash does with the bytes of a sample.
pub(super) type Hash = fn(&[u8]) -> u32;

/// The hash that a converter is named after.
pub(super) fn named(name: &str) -> Option<Hash> {
    Some(match name {
        "djb2" => djb2,
        "sdbm" => sdbm,
        "wt6" => wt6,
        "crc32" => crc32,
        "crc32c" => crc32c,
        _ => return None,
    })
}

fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |hash: u32, byte| hash.wrapping_mul(65_599).wrapping_add(u32::from(*byte)))
}

/// Two halves that turn one another, by steps that they make themselves.
fn wt6(bytes: &[u8]) -> u32 {
    let (mut one, mut two) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut first, mut second) = (6, 18);
    for byte in bytes.iter().map(|byte| u32::from(*byte)) {
        one = !(one ^ byte);
        two = !two.wrapping_add(byte);
        (one, two) = (two.rotate_left(first), one.rotate_left(second));
        let steps = ((one >> 16) ^ two) & 0xffff;
        (first, second) = (steps & 0x1f, steps >> 11);
    }
    one ^ two
}

fn crc32(bytes: &[u8]) -> u32 {
    cyclic(bytes, 0xedb8_8320)
}

fn crc32c(bytes: &[u8]) -> u32 {
    cyclic(bytes, 0x82f6_3b78)
}

fn cyclic(bytes: &[u8], polynomial: u32) -> u32 {
    let shift = |sum: u32| (sum >> 1) ^ if sum & 1 == 1 { polynomial } else { 0 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| shift(sum)))
}

/// Bob Jenkins' mixing of all bits, and a prime that spreads them (include/haproxy/intops.h, full_hash).
pub(super) fn avalanche(hash: u32) -> u32 {
    let hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    let hash = (hash ^ 0xc761_c23c) ^ (hash >> 19);
    let hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    let hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    let hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    let hash = (hash ^ 0xb55a_4f09) ^ (hash >> 16);
    hash.wrapping_mul(3_221_225_473)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_usual_ones() {
        assert_eq!(djb2(b"a"), 177_670);
        assert_eq!(sdbm(b"a"), 97);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
