//! HTTP/1.1 on blocking threads: one thread per connection, kept alive. It decides nothing about AWS.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use super::Lab;
use super::front::Wire;
use super::serve::{Reply, serve};
use super::sigv4::Request;

/// Serves connections until the lab is closed.
pub fn accept(listener: &TcpListener, lab: &Lab) {
    for stream in listener.incoming() {
        if lab.stopping() {
            return;
        }
        if let Ok(stream) = stream {
            let lab = lab.clone();
            std::thread::spawn(move || talk(&lab, Wire::Plain(stream)));
        }
    }
}

/// Serves one connection until it ends.
pub fn talk(lab: &Lab, mut wire: Wire) {
    let _ = wire.socket().set_nodelay(true);
    let _ = wire.socket().set_read_timeout(Some(Duration::from_secs(120)));
    let mut buffer = Vec::new();
    while !lab.stopping() {
        let Some(request) = read_request(&mut wire, &mut buffer) else { return };
        if !write_reply(lab, &mut wire, serve(lab, &request)) {
            return;
        }
    }
}

/// True while the connection can be used again.
fn write_reply(lab: &Lab, wire: &mut Wire, reply: Reply) -> bool {
    match reply {
        Reply::Answer(status, body, shift) => {
            let head = head(lab, status, body.len(), shift);
            wire.write_all(&[head.as_bytes(), &body].concat()).and_then(|()| wire.flush()).is_ok()
        }
        Reply::Cut(status, body) => {
            let head = head(lab, status, body.len(), 0.0);
            let _ = wire.write_all(&[head.as_bytes(), &body[..body.len() / 2]].concat());
            let _ = wire.flush();
            let _ = wire.socket().shutdown(Shutdown::Both);
            false
        }
        Reply::Close => {
            let _ = wire.socket().shutdown(Shutdown::Both);
            false
        }
        Reply::Reset => {
            // Closing with linger 0 sends RST instead of FIN.
            let _ = socket2::SockRef::from(wire.socket()).set_linger(Some(Duration::ZERO));
            false
        }
    }
}

fn head(lab: &Lab, status: u16, length: usize, shift: f64) -> String {
    let at = chrono::DateTime::from_timestamp((lab.world().now() + shift) as i64, 0).unwrap_or_default();
    let date = at.format("%a, %d %b %Y %H:%M:%S GMT");
    format!("HTTP/1.1 {status} Lab\r\nDate: {date}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nx-amzn-RequestId: lab\r\n\r\n")
}

/// The next request; none at the end of the connection or when it is no HTTP.
fn read_request(wire: &mut Wire, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some((head, mut request)) = parse_head(buffer)? {
            let length: usize = request.header("content-length").parse().unwrap_or(0);
            while buffer.len() < head + length {
                fill(wire, buffer)?;
            }
            request.body = buffer[head..head + length].to_vec();
            buffer.drain(..head + length);
            return Some(request);
        }
        fill(wire, buffer)?;
    }
}

fn fill(wire: &mut Wire, buffer: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 8192];
    let got = wire.read(&mut chunk).ok().filter(|n| *n > 0)?;
    buffer.extend_from_slice(&chunk[..got]);
    Some(())
}

/// None: not HTTP. Some(None): more bytes are needed. Else the length of the head and the request without its body.
fn parse_head(buffer: &[u8]) -> Option<Option<(usize, Request)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = parsed.parse(buffer).ok()? else { return Some(None) };
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = parsed.headers.iter().map(|h| (h.name.to_lowercase(), String::from_utf8_lossy(h.value).into_owned()));
    Some(Some((
        length,
        Request {
            method: parsed.method.unwrap_or_default().to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.collect(),
            body: Vec::new(),
        },
    )))
}

/// Joins two connections until both directions have ended.
pub fn join(left: TcpStream, right: TcpStream) {
    let (mut from, mut to) = (left.try_clone().expect("a second handle"), right.try_clone().expect("a second handle"));
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut from, mut to) = (right, left);
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = back.join();
}
