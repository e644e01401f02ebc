//! Opens TLS connections one after the other, each for a single request or for nothing but the handshake, and says how
//! many there were.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};

const REQUEST: &[u8] = b"GET /plaintext HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const ANSWER: &[u8] = b"\r\n\r\nHello, World!";

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Load {
    port: u16,
    client: Arc<ClientConfig>,
    asks: bool,
    end: Instant,
}

/// Connections by what their handshake was.
#[derive(Default)]
struct Count {
    full: usize,
    resumed: usize,
}

fn main() {
    match run() {
        Ok(Count { full, resumed }) => println!("{full} full, {resumed} resumed"),
        Err(failure) => {
            eprintln!("{failure}");
            exit(1)
        }
    }
}

fn run() -> Result<Count, Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [port, certificate, seconds, threads, version, resume] = arguments.as_slice() else {
        return Err(
            "usage: handshakes PORT CERTIFICATE SECONDS THREADS 1.2|1.3 full|resumed|handshake".into()
        );
    };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let version = if version == "1.2" { &rustls::version::TLS12 } else { &rustls::version::TLS13 };
    let mut client = ClientConfig::builder_with_protocol_versions(&[version])
        .with_root_certificates(roots)
        .with_no_client_auth();
    if resume != "resumed" {
        client.resumption = Resumption::disabled();
    }
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let load =
        Arc::new(Load { port: port.parse()?, client: Arc::new(client), asks: resume != "handshake", end });
    let threads: Vec<_> = (0..threads.parse()?)
        .map(|_| {
            let load = load.clone();
            thread::spawn(move || load.work())
        })
        .collect();
    let mut sum = Count::default();
    for thread in threads {
        let count = thread.join().map_err(|_| "a thread panicked")??;
        sum.full += count.full;
        sum.resumed += count.resumed;
    }
    Ok(sum)
}

impl Load {
    fn work(&self) -> Result<Count, Failure> {
        let mut count = Count::default();
        while Instant::now() < self.end {
            match self.connect()? {
                HandshakeKind::Resumed => count.resumed += 1,
                _ => count.full += 1,
            }
        }
        Ok(count)
    }

    fn connect(&self) -> Result<HandshakeKind, Failure> {
        let socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_nodelay(true)?;
        let connection = ClientConnection::new(self.client.clone(), ServerName::try_from("localhost")?)?;
        let mut stream = StreamOwned::new(connection, socket);
        if self.asks {
            ask(&mut stream)?
        } else {
            shake_hands(&mut stream)?
        }
        stream.conn.handshake_kind().ok_or_else(|| "no handshake".into())
    }
}

fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Result<(), Failure> {
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.1 200 OK\r\n") || !answer.ends_with(ANSWER) {
        return Err(format!("a wrong answer: {:?}", String::from_utf8_lossy(&answer)).into());
    }
    Ok(())
}

/// Shakes hands, says farewell, and waits for the server's.
fn shake_hands(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Result<(), Failure> {
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.conn.send_close_notify();
    stream.conn.write_tls(&mut stream.sock)?;
    stream.sock.shutdown(Shutdown::Write)?;
    stream.sock.read_to_end(&mut Vec::new())?;
    Ok(())
}
