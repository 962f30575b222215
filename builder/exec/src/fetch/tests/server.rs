//! A small HTTP server that behaves as it is told, on a real socket.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    /// What it should, ranges included.
    Serve,
    /// Sends everything, whatever range is asked for.
    IgnoreRange,
    /// Answers a range with another one.
    OtherRange,
    /// Sends so many bytes and resets the connection.
    BreakAfter(usize),
    /// Announces so many bytes more, and sends them.
    Announce(isize),
    /// Announces nothing and sends so many bytes more (or fewer).
    Unannounced(isize),
    /// Sends bytes of the right length that are others.
    Lie,
    /// Accepts the request and says nothing.
    Hang,
    /// Sends half of it, then nothing.
    HangHalfway,
    /// Sends one byte each so many milliseconds.
    Drip(u64),
    /// Answers with this status.
    Status(u16),
    /// Answers with something that is no HTTP.
    Babble,
}

pub(super) struct Server {
    pub(super) url: String,
    /// The first lines of the requests, with the range that was asked for.
    pub(super) requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves these bytes, doing one thing after the other; the last for ever.
    pub(super) fn start(bytes: &[u8], does: &[Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/debian", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let queue = Arc::new(Mutex::new(does.iter().copied().collect::<VecDeque<_>>()));
        let bytes: Arc<[u8]> = Arc::from(bytes);
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (bytes, seen, queue) = (Arc::clone(&bytes), seen.clone(), queue.clone());
                thread::spawn(move || connection(stream.unwrap(), &bytes, &seen, &queue));
            }
        });
        Self { url, requests }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A client that goes away is no concern of the server's.
fn connection(
    mut stream: TcpStream,
    bytes: &[u8],
    seen: &Mutex<Vec<String>>,
    queue: &Mutex<VecDeque<Does>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let mut from = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse().ok()?;
            }
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        seen.lock().unwrap().push(format!("{path} {from}"));
        if first.starts_with("CONNECT") {
            // As a proxy, it leads everywhere to itself.
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
            continue;
        }
        let does = {
            let mut queue = queue.lock().unwrap();
            if queue.len() > 1 { queue.pop_front()? } else { *queue.front()? }
        };
        answer(&mut stream, bytes, from, does)?;
    }
}

fn answer(stream: &mut TcpStream, bytes: &[u8], from: usize, does: Does) -> Option<()> {
    let rest = bytes.get(from..).unwrap_or_default();
    let whole = bytes.len();
    let range = |from: usize| {
        format!("HTTP/1.1 206 Partial\r\nContent-Range: bytes {from}-{}/{whole}\r\n", whole - 1)
    };
    let head = if from == 0 { "HTTP/1.1 200 OK\r\n".into() } else { range(from) };
    let length = |len: usize| format!("Content-Length: {len}\r\n\r\n");
    let more = |by: isize| {
        let mut sent = rest.to_vec();
        sent.resize(sent.len().checked_add_signed(by).unwrap(), b'!');
        sent
    };
    let mut send = |text: &str, body: &[u8]| {
        stream.write_all(text.as_bytes()).ok()?;
        stream.write_all(body).ok()
    };
    match does {
        Does::Serve if from >= whole && from > 0 => {
            send("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", b"")
        }
        Does::Serve => send(&(head + &length(rest.len())), rest),
        Does::IgnoreRange => send(&("HTTP/1.1 200 OK\r\n".to_owned() + &length(whole)), bytes),
        Does::OtherRange => send(&(range(from + 1) + &length(rest.len())), rest),
        Does::BreakAfter(count) => {
            send(&(head + &length(rest.len())), &rest[..count.min(rest.len())]);
            stream.shutdown(Shutdown::Both).ok()?;
            None
        }
        Does::Announce(by) => {
            let sent = more(by);
            send(&(head + &length(sent.len())), &sent)
        }
        Does::Unannounced(by) => {
            send(&(head + "Connection: close\r\n\r\n"), &more(by));
            stream.shutdown(Shutdown::Both).ok()?;
            None
        }
        Does::Lie => send(&(head + &length(rest.len())), &vec![b'?'; rest.len()]),
        Does::Hang => {
            // Until the client goes away.
            stream.read_to_end(&mut Vec::new()).ok()?;
            None
        }
        Does::HangHalfway => {
            send(&(head + &length(rest.len())), &rest[..rest.len() / 2]);
            stream.read_to_end(&mut Vec::new()).ok()?;
            None
        }
        Does::Drip(pause_ms) => {
            send(&(head + &length(rest.len())), b"");
            for byte in rest {
                stream.write_all(&[*byte]).ok()?;
                thread::sleep(Duration::from_millis(pause_ms));
            }
            Some(())
        }
        Does::Status(status) => {
            send(&format!("HTTP/1.1 {status} Such\r\nContent-Length: 4\r\n\r\n"), b"such")
        }
        Does::Babble => {
            send("220 mail.test ESMTP\r\n\r\n", b"");
            None
        }
    }
}
