//! A server between a command and the org that alters answers on their way.
//!
//! It knows nothing of Salesforce: a test says what becomes of each answer.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What a test does to the body of an answer: request line, request, answer.
type Meddling = dyn FnMut(&str, &str, Vec<u8>) -> Vec<u8> + Send;

/// The server; ends with the process of its test.
pub(crate) struct Meddler {
    pub(crate) url: String,
}

impl Meddler {
    /// Stands before the org at `upstream`, and has `meddle` alter each answer.
    pub(crate) fn start(
        upstream: &str,
        meddle: impl FnMut(&str, &str, Vec<u8>) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let host = upstream.strip_prefix("http://").unwrap().to_owned();
        let meddle: Arc<Mutex<Box<Meddling>>> = Arc::new(Mutex::new(Box::new(meddle)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (host, meddle) = (host.clone(), Arc::clone(&meddle));
                thread::spawn(move || exchange(stream, &host, &meddle));
            }
        });
        Self { url }
    }
}

/// One request and its answer; then the connection ends.
fn exchange(stream: TcpStream, host: &str, meddle: &Mutex<Box<Meddling>>) -> Option<()> {
    let mut from = BufReader::new(stream);
    let (line, headers, body) = read_message(&mut from)?;
    let mut up = TcpStream::connect(host).ok()?;
    let mut head = format!("{line}\r\nConnection: close\r\n");
    for (name, value) in &headers {
        if !["connection", "accept-encoding"].contains(&name.as_str()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    up.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    up.write_all(&body).ok()?;
    let (status, headers, answer) = read_message(&mut BufReader::new(up))?;
    let request = String::from_utf8_lossy(&body);
    let answer = (meddle.lock().unwrap())(&line, &request, answer);
    let n_bytes = answer.len();
    let mut head = format!("{status}\r\nConnection: close\r\ncontent-length: {n_bytes}\r\n");
    for (name, value) in &headers {
        if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    let to = from.get_mut();
    to.write_all(format!("{head}\r\n").as_bytes()).ok()?;
    to.write_all(&answer).ok()
}

type Message = (String, Vec<(String, String)>, Vec<u8>);

/// First line, headers with small names, body.
fn read_message(from: &mut impl BufRead) -> Option<Message> {
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|it| *it > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        from.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let find = |wanted: &str| headers.iter().find(|it| it.0 == wanted).map(|it| &*it.1);
    let mut body = Vec::new();
    if let Some(length) = find("content-length") {
        body = vec![0; length.parse().unwrap()];
        from.read_exact(&mut body).ok()?;
    } else if find("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            from.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            from.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if line.starts_with("HTTP/") {
        from.read_to_end(&mut body).ok()?;
    }
    Some((line.trim_end().to_owned(), headers, body))
}
