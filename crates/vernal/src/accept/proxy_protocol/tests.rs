use proptest::prop_assert;

use super::*;
use crate::properties::run_for;

/// The client, if there is one.
fn client(introduced: Introduced) -> Option<String> {
    match introduced {
        Introduced::Client(client) => Some(client.to_string()),
        Introduced::Itself | Introduced::Somebody => None,
    }
}

fn line(text: &str) -> Result<Option<String>, &'static str> {
    version_1(text.as_bytes()).map(client)
}

/// A header of version 2.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([0x20 | command, family]);
    header.extend((rest.len() as u16).to_be_bytes());
    header.extend(rest);
    header
}

const TCP4: [u8; 12] = [192, 0, 2, 1, 192, 0, 2, 2, 0xdc, 0x04, 0x01, 0xbb];

#[test]
fn lines_of_version_1() {
    assert_eq!(line("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n"), Ok(Some("192.0.2.1:56324".to_owned())));
    assert_eq!(line("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"), Ok(Some("[2001:db8::1]:0".to_owned())));
    assert_eq!(line("PROXY UNKNOWN\r\n"), Ok(None));
    assert_eq!(line("PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n"), Ok(None));
    for (wrong, reason) in [
        ("PROXY TCP4 2001:db8::1 ::1 1 2\r\n", "an address is malformed"),
        ("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "an address is malformed"),
        ("PROXY TCP4 192.0.2.1 192.0.2.256 1 2\r\n", "an address is malformed"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n", "a port is malformed"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 +2\r\n", "a port is malformed"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", "a port is malformed"),
        ("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n", "the line has another form"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", "the line has another form"),
        ("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", "the line has another form"),
        ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "the line is no text"),
    ] {
        assert_eq!(line(wrong), Err(reason), "{wrong}");
    }
}

#[test]
fn headers_of_version_2() {
    let source = |header: &[u8]| version_2(header).map(|introduction| client(introduction.client));
    assert_eq!(source(&binary(1, 0x11, &TCP4)), Ok(Some("192.0.2.1:56324".to_owned())));
    let mut tcp6 = [0; 36];
    (tcp6[15], tcp6[33]) = (1, 80);
    assert_eq!(source(&binary(1, 0x21, &tcp6)), Ok(Some("[::1]:80".to_owned())));
    let with_authority = [&TCP4[..], &[0x02, 0, 3, b'a', b'.', b'b'], &[0x04, 0, 0]].concat();
    assert_eq!(source(&binary(1, 0x11, &with_authority)), Ok(Some("192.0.2.1:56324".to_owned())));
    for nobody in [
        binary(0, 0x00, &[]),
        binary(0, 0x11, &TCP4),
        binary(0, 0x11, &[1, 2]),
        binary(1, 0x00, b"anything"),
        binary(1, 0x12, &TCP4),
        binary(1, 0x31, &[0; 216]),
    ] {
        let expected = if nobody[12] == 0x20 { Introduced::Itself } else { Introduced::Somebody };
        assert_eq!(version_2(&nobody), Ok(expected.into()), "{nobody:?}");
    }
    for (wrong, reason) in [
        (binary(2, 0x11, &TCP4), "the version or the command is unknown"),
        (binary(1, 0x41, &TCP4), "the address family is unknown"),
        (binary(1, 0x13, &TCP4), "the transport is unknown"),
        (binary(1, 0x11, &TCP4[..11]), "the addresses are not whole"),
        (binary(1, 0x11, &[&TCP4[..], &[4, 0]].concat()), "an extension is not whole"),
        (binary(1, 0x11, &[&TCP4[..], &[4, 0, 9, 1]].concat()), "an extension is not whole"),
        (binary(1, 0x11, &[&TCP4[..], &[3, 0, 4, 0, 0, 0, 0]].concat()), "the checksum is wrong"),
        (binary(1, 0x11, &[&TCP4[..], &[3, 0, 1, 0]].concat()), "the checksum is not whole"),
    ] {
        assert_eq!(source(&wrong), Err(reason), "{wrong:?}");
    }
}

#[test]
fn a_proxy_says_whether_it_has_ended_tls() {
    // section 2.2.6: a byte of bits, four that say whether a certificate was verified, extensions of its own
    for (extension, is_tls) in [
        (&[][..], false),
        (&[0x20, 0, 5, 1, 0, 0, 0, 0], true),
        (&[4, 0, 1, 9, 0x20, 0, 12, 7, 0, 0, 0, 0, 0x21, 0, 4, b'T', b'L', b'S', b'3'], true),
        (&[0x20, 0, 5, 0, 0, 0, 0, 0], false),
        (&[0x20, 0, 0], false),
    ] {
        let introduction = version_2(&binary(1, 0x11, &[&TCP4[..], extension].concat())).expect("a header");
        assert_eq!(introduction.is_tls, is_tls, "{extension:?}");
    }
    assert_eq!(version_2(&binary(0, 0x00, &[0x20, 0, 1, 1])), Ok(Introduced::Itself.into()));
}

#[test]
fn a_right_checksum_is_right() {
    // RFC 3720 appendix B.4: 32 bytes of zeros
    assert_eq!(crc32c([0; 32].into_iter()), 0x8a91_36aa);
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
    let mut header = binary(1, 0x11, &[&TCP4[..], &[3, 0, 4, 0, 0, 0, 0], &[4, 0, 1, 9]].concat());
    let sum = crc32c(header.iter().copied());
    header[31..35].copy_from_slice(&sum.to_be_bytes());
    assert!(matches!(version_2(&header), Ok(Introduction { client: Introduced::Client(_), .. })));
    header[16] ^= 1;
    assert_eq!(version_2(&header), Err("the checksum is wrong"));
}

#[test]
fn no_bytes_panic() {
    run_for(proptest::collection::vec(proptest::num::u8::ANY, 0..300), |bytes| {
        let _ = version_1(&bytes);
        let _ = version_2(&bytes);
        let _ = version_2(&binary(1, bytes.first().copied().unwrap_or(0x11), &bytes));
        let extended = version_2(&binary(1, 0x11, &[&TCP4[..], &bytes].concat()));
        prop_assert!(
            !matches!(extended, Ok(Introduction { client: Introduced::Itself | Introduced::Somebody, .. })),
            "an address was lost"
        );
        Ok(())
    });
}
