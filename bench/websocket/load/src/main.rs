//! Sends the same message over some connections, waits for each one's echo before it sends the next, and prints how
//! many came back: PORT CONNECTIONS BYTES SECONDS text|binary.
use std::error::Error;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, connections, bytes, seconds, kind] = &arguments[..] else {
        return Err("usage: PORT CONNECTIONS BYTES SECONDS text|binary".into());
    };
    let (port, connections, bytes): (u16, usize, usize) = (port.parse()?, connections.parse()?, bytes.parse()?);
    let opcode = if kind == "text" { 0x81 } else { 0x82 };
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(connect(port).await?);
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds.parse()?);
    let tasks: Vec<_> = open.into_iter().map(|stream| tokio::spawn(talk(stream, opcode, bytes, end))).collect();
    let mut messages = 0;
    for task in tasks {
        messages += task.await??;
    }
    println!("{messages}");
    Ok(())
}

async fn connect(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /echo HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(format!("no handshake: {}", String::from_utf8_lossy(&head)).into());
    }
    Ok(stream)
}

/// Returns how many messages came back. The last one is waited for, so that all that were sent are counted.
async fn talk(mut stream: TcpStream, opcode: u8, bytes: usize, end: Instant) -> Result<u64> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let payload: Vec<u8> = (0..bytes).map(|at| b'a' + (at % 26) as u8).collect();
    let mut expected = vec![opcode];
    match bytes {
        0..=125 => expected.push(bytes as u8),
        126..=0xffff => {
            expected.push(126);
            expected.extend((bytes as u16).to_be_bytes());
        }
        _ => {
            expected.push(127);
            expected.extend((bytes as u64).to_be_bytes());
        }
    }
    let mut message = expected.clone();
    message[1] |= 0x80;
    message.extend(MASK);
    message.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    expected.extend(payload);

    let mut echo = vec![0; expected.len()];
    let mut count = 0;
    while Instant::now() < end {
        stream.write_all(&message).await?;
        stream.read_exact(&mut echo).await?;
        if count == 0 && echo != expected {
            return Err("the echo is not what was sent".into());
        }
        count += 1;
    }
    Ok(count)
}
