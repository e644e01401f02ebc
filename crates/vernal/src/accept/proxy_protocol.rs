//! The PROXY protocol, versions 1 and 2: a header before everything else that says for whom a connection is passed on.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>; sections are those of that document. Exactly the bytes
//! of the header are read, so that TLS may follow.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;

use crate::accept::stream::Stream;

/// The beginning of version 2 (section 2.2); nothing in HTTP or TLS begins like it.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The shortest header there is: `PROXY UNKNOWN\r\n`.
const SHORTEST: usize = 15;
/// The longest of version 1, with its line end (section 2.1).
const LONGEST_LINE: usize = 107;
/// What version 2 may have behind its first 16 bytes. The document allows 65535; addresses and the known extensions
/// take a few hundred.
const MOST: usize = 4096;

/// For whom a proxy has opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Introduced {
    /// For itself, to see whether the server is there.
    Itself,
    /// For somebody, and it does not say for whom, or not in a form that an IP address has.
    Somebody,
    /// For a client.
    Client(SocketAddr),
}

/// What the header of a connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Introduction {
    pub(crate) client: Introduced,
    /// Whether the client reached the proxy through TLS (section 2.2.6).
    pub(crate) is_tls: bool,
}

impl From<Introduced> for Introduction {
    fn from(client: Introduced) -> Self {
        Introduction { client, is_tls: false }
    }
}

/// Reads the header behind its first byte.
///
/// # Errors
///
/// `InvalidData` for bytes that are no such header, and whatever reading fails with.
pub(crate) async fn receive(first: u8, stream: &mut Stream) -> io::Result<Introduction> {
    let mut header = vec![first; SHORTEST];
    stream.read_exact(&mut header[1..]).await?;
    if header.starts_with(&SIGNATURE) {
        header.push(stream.read_u8().await?);
        let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
        if length > MOST {
            return Err(malformed("the header is too long"));
        }
        header.resize(16 + length, 0);
        stream.read_exact(&mut header[16..]).await?;
        return version_2(&header).map_err(malformed);
    }
    if !header.starts_with(b"PROXY ") {
        return Err(malformed("the connection does not begin with a PROXY header"));
    }
    while !header.ends_with(b"\r\n") {
        if header.len() == LONGEST_LINE {
            return Err(malformed("the line is too long"));
        }
        header.push(stream.read_u8().await?);
    }
    version_1(&header).map(Introduction::from).map_err(malformed)
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n` (section 2.1).
fn version_1(header: &[u8]) -> Result<Introduced, &'static str> {
    let line = header.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
    let line = line.ok_or("the line is no text")?;
    let words: Vec<&str> = line.split(' ').collect();
    match *words {
        // "the receiver must ignore anything presented before the CRLF"
        ["PROXY", "UNKNOWN", ..] => Ok(Introduced::Somebody),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, source_port, destination_port] => {
            let address = |text: &str| -> Option<IpAddr> {
                match family {
                    "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::from),
                    _ => text.parse::<Ipv6Addr>().ok().map(IpAddr::from),
                }
            };
            let (source, _) = address(source).zip(address(destination)).ok_or("an address is malformed")?;
            let (port, _) = port(source_port).zip(port(destination_port)).ok_or("a port is malformed")?;
            Ok(Introduced::Client(SocketAddr::new(source, port)))
        }
        _ => Err("the line has another form"),
    }
}

/// A port in decimal digits, without a sign or leading zeros.
fn port(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// The binary form (section 2.2), whole.
fn version_2(header: &[u8]) -> Result<Introduction, &'static str> {
    let (Some(&version), Some(&family), Some(rest)) = (header.get(12), header.get(13), header.get(16..))
    else {
        return Err("the header is not whole");
    };
    // the length of the addresses: two and their ports, or two paths of Unix-domain sockets
    let addresses = match family >> 4 {
        0 => 0,
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return Err("the address family is unknown"),
    };
    if family & 0x0f > 2 {
        return Err("the transport is unknown");
    }
    let is_local = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err("the version or the command is unknown"),
    };
    let Some((address, extensions)) = rest.split_at_checked(addresses) else {
        return match is_local {
            true => Ok(Introduced::Itself.into()),
            false => Err("the addresses are not whole"),
        };
    };
    let is_tls = check_extensions(header, extensions, is_local || addresses == 0)?;
    // section 2.2: a LOCAL connection is the proxy's own, and a datagram or a path is no address of a connection
    if is_local {
        return Ok(Introduced::Itself.into());
    }
    let client = match (family & 0x0f, family >> 4) {
        (1, 1) => source::<4>(address, 8),
        (1, 2) => source::<16>(address, 32),
        _ => None,
    };
    let client = client.map_or(Introduced::Somebody, Introduced::Client);
    Ok(Introduction { client, is_tls })
}

/// The source, which is first, and its port, which is behind both addresses.
fn source<const N: usize>(addresses: &[u8], port: usize) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let address: [u8; N] = addresses.first_chunk().copied()?;
    let port = addresses.get(port..)?.first_chunk::<2>().copied()?;
    Some(SocketAddr::new(address.into(), u16::from_be_bytes(port)))
}

/// A checksum (section 2.2.4) has to be right. Whether the client came through TLS is the answer; other extensions say
/// nothing that is used here. Behind an unspecified family there may be anything.
fn check_extensions(header: &[u8], mut extensions: &[u8], is_lax: bool) -> Result<bool, &'static str> {
    const CRC32C: u8 = 0x03;
    const SSL: u8 = 0x20;
    /// The bit of the first byte that says so.
    const CLIENT_SSL: u8 = 0x01;
    let mut is_tls = false;
    while let Some((&[kind, high, low], rest)) = extensions.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some((value, behind)) = rest.split_at_checked(length) else { break };
        if kind == CRC32C {
            let at = header.len() - rest.len();
            let sum = value.try_into().map(u32::from_be_bytes).map_err(|_| "the checksum is not whole")?;
            // it was made with zeros in its own place
            let zeroed = header.iter().enumerate().map(|(index, byte)| match index {
                index if (at..at + 4).contains(&index) => 0,
                _ => *byte,
            });
            if crc32c(zeroed) != sum {
                return Err("the checksum is wrong");
            }
        }
        if kind == SSL {
            is_tls = value.first().is_some_and(|client| client & CLIENT_SSL != 0);
        }
        extensions = behind;
    }
    match extensions.is_empty() || is_lax {
        true => Ok(is_tls),
        false => Err("an extension is not whole"),
    }
}

/// The checksum of RFC 4960 appendix B, bit by bit: headers are short.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests;
