//! The statuses that httpd has a line for (`status_lines` in `modules/http/http_protocol.c`).

const KNOWN: &[(u16, u16)] = &[
    (100, 103),
    (200, 208),
    (226, 226),
    (300, 305),
    (307, 308),
    (400, 417),
    (421, 424),
    (426, 426),
    (428, 429),
    (431, 431),
    (451, 451),
    (500, 508),
    (510, 511),
];

/// Whether httpd knows a status: `[R=…]` and `ErrorDocument` take no other.
pub(in crate::apache) fn is_known(status: u16) -> bool {
    KNOWN.iter().any(|(from, to)| (*from..=*to).contains(&status))
}

/// What httpd sends where a module asks for a status: 500 for those that it does not know (`ap_index_of_response`).
pub(in crate::apache) fn sent(status: u16) -> u16 {
    if is_known(status) { status } else { 500 }
}
