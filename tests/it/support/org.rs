//! A simulated org in a process of its own, and a way to change it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

/// A running `orgkeep simorg serve`.
pub(crate) struct Org {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: Value,
}

impl Org {
    /// Starts one with `options`.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orgkeep"))
            .args(["simorg", "serve", "--port", "0"])
            .args(options)
            .env("TMPDIR", super::scratch_root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|err| panic!("{err}: {line:?}"));
        Self { child, ready }
    }

    /// One with our fixture company.
    pub(crate) fn acme() -> Self {
        Self::start(&[])
    }

    pub(crate) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    /// Token of the user whose name or username contains `who`.
    pub(crate) fn token(&self, who: &str) -> &str {
        self.user(who)["token"].as_str().unwrap()
    }

    /// The user whose name or username contains `who`.
    pub(crate) fn user(&self, who: &str) -> &Value {
        let users = self.ready["users"].as_array().unwrap();
        users
            .iter()
            .find(|user| {
                [&user["name"], &user["username"]]
                    .iter()
                    .any(|it| it.as_str().unwrap().contains(who))
            })
            .unwrap_or_else(|| panic!("no user {who} in {users:?}"))
    }

    /// Asks a control call.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let answer = http(self.url(), method, path, &text);
        if answer.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&answer).unwrap_or_else(|err| panic!("{path}: {err}: {answer}"))
    }

    /// Makes a call of the partner API as the first user; the answer's envelope.
    pub(crate) fn partner(&self, call: &str) -> String {
        let token = self.ready["users"][0]["token"].as_str().unwrap();
        let envelope = format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:partner.soap.sforce.com\">\
             <e:Header><SessionHeader><sessionId>{token}</sessionId></SessionHeader></e:Header><e:Body>{call}</e:Body></e:Envelope>"
        );
        let headers = "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: \"\"\r\n";
        let line = "POST /services/Soap/u/66.0";
        let (status, answer) = exchange(self.url(), line, headers, &envelope);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// One REST call by the first user; status and body of the answer, null where it is empty.
    pub(crate) fn rest(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let token = self.ready["users"][0]["token"].as_str().unwrap();
        self.rest_with(token, method, path, body)
    }

    /// What a REST call by the first user answers, as bytes.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let token = self.ready["users"][0]["token"].as_str().unwrap();
        let host = self.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        assert!(!head.contains("chunked"), "{path}: {head}");
        answer.split_off(end + 4)
    }

    /// One REST call as the user whose name has `who` in it.
    pub(crate) fn rest_as(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        self.rest_with(self.token(who), method, path, body)
    }

    fn rest_with(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let headers =
            format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
        let text = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let (status, answer) = exchange(self.url(), &format!("{method} {path}"), &headers, &text);
        let answer = match answer.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|err| panic!("{err}: {text}")),
        };
        (status, answer)
    }

    /// How often the API call `name` was made so far.
    pub(crate) fn n_calls(&self, name: &str) -> u64 {
        self.control("GET", "/simorg/calls", &Value::Null)[name]
            .as_u64()
            .unwrap_or(0)
    }

    /// All API calls made so far, by name.
    pub(crate) fn calls(&self) -> std::collections::BTreeMap<String, u64> {
        let Value::Object(calls) = self.control("GET", "/simorg/calls", &Value::Null) else {
            panic!("calls are an object");
        };
        calls
            .into_iter()
            .filter_map(|(name, n)| Some((name, n.as_u64()?)))
            .collect()
    }

    /// Adds a fault.
    pub(crate) fn fault(&self, fault: &Value) {
        self.control("POST", "/simorg/faults", fault);
    }

    /// Makes the org's metadata equal to a project, as changes of `user`.
    pub(crate) fn load(&self, path: &Path, user: &str, at: &str) {
        let body = serde_json::json!({"path": path, "user": user, "at": at});
        self.control("POST", "/simorg/load", &body);
    }

    /// Moves the org's clock.
    pub(crate) fn clock(&self, body: &Value) {
        self.control("POST", "/simorg/clock", body);
    }
}

impl Org {
    /// Ends it in good order, so that what it keeps is on disk.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Org {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One exchange of JSON; the body of the answer.
fn http(url: &str, method: &str, path: &str, body: &str) -> String {
    let headers = "Content-Type: application/json\r\n";
    let (status, answer) = exchange(url, &format!("{method} {path}"), headers, body);
    assert!(status < 300, "{method} {path}: {status}\n{answer}");
    answer
}

/// One HTTP/1.1 exchange over a connection of its own; status and body of the answer.
pub(super) fn exchange(url: &str, line: &str, headers: &str, body: &str) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
    let is_chunked = head
        .to_ascii_lowercase()
        .contains("transfer-encoding: chunked");
    let body = if is_chunked {
        dechunked(body)
    } else {
        body.to_owned()
    };
    (status, body)
}

fn dechunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
