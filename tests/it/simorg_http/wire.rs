//! Sockets, paths, bodies, encodings.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use orgkeep::simorg::serve::Options;
use serde_json::Value;

use super::site::Site;

/// What comes back for bytes sent as they are.
fn exchange(site: &Site, request: &str) -> String {
    let mut stream = TcpStream::connect(site.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn repeated_and_trailing_slashes_lead_to_the_same_resource() {
    let site = Site::acme();
    for path in ["/services/data", "//services/data", "/services//data/"] {
        let answer = exchange(
            &site,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        );
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n"),
            "{path}: {answer}"
        );
        assert!(answer.contains("application/json;charset=UTF-8"));
        assert!(answer.contains(
            "{\"label\":\"Spring '26\",\"url\":\"/services/data/v66.0\",\"version\":\"66.0\"}"
        ));
    }
    let envelope = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><describeMetadata/></e:Body></e:Envelope>";
    for path in [
        "/services/Soap/m/66.0/",
        "//services/Soap/m/66.0/00D5g000004acme",
        "/services/Soap/m/66.0/deployRequest/0Af",
    ] {
        let answer = exchange(
            &site,
            &format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nSOAPAction: \"\"\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{envelope}",
                envelope.len()
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 500"), "{path}: {answer}");
        assert!(answer.contains("text/xml;charset=UTF-8"), "{answer}");
        assert!(answer.contains("<faultcode>sf:INVALID_SESSION_ID</faultcode>"));
    }
}

#[test]
fn soap_without_its_header_is_refused() {
    let site = Site::acme();
    let answer = site.send(|it| it.post(site.url("/services/Soap/m/66.0")).body("<x/>"));
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("SOAPAction HTTP header missing"));
}

#[test]
fn chunked_body_is_read() {
    let site = Site::acme();
    let ready = site.ready();
    let body = format!(
        "grant_type=refresh_token&client_id=PlatformCLI&refresh_token={}",
        ready.refresh_token
    );
    let (first, second) = body.split_at(20);
    let answer = exchange(
        &site,
        &format!(
            "POST /services/oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"access_token\":\"00D5g000004acme!"));
}

#[test]
fn gzip_goes_both_ways() {
    let site = Site::acme();
    let envelope = format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Header><SessionHeader><sessionId>{}\
         </sessionId></SessionHeader></e:Header><e:Body><describeMetadata/></e:Body></e:Envelope>",
        site.admin()
    );
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(envelope.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let mut stream = TcpStream::connect(site.address()).unwrap();
    write!(
        stream,
        "POST /services/Soap/m/66.0 HTTP/1.1\r\nHost: x\r\nSOAPAction: \"\"\r\nConnection: close\r\n\
         Content-Encoding: gzip\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    )
    .unwrap();
    stream.write_all(&packed).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer[end + 4..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains("<xmlName>ApexClass</xmlName>"));
}

#[test]
fn connection_is_kept_alive() {
    let site = Site::acme();
    let mut stream = TcpStream::connect(site.address()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..3 {
        write!(stream, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(it) = line.strip_prefix("content-length: ") {
                length = it.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        assert!(body.starts_with(b"A simulated Salesforce org"));
    }
}

#[test]
fn five_hundred_connections_are_served_at_once() {
    let site = Site::acme();
    let mut streams: Vec<TcpStream> = (0..500)
        .map(|_| TcpStream::connect(site.address()).unwrap())
        .collect();
    for stream in &mut streams {
        write!(
            stream,
            "GET /services/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
    }
    for stream in &mut streams {
        let mut start = [0; 15];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
    }
}

#[test]
fn body_that_is_not_what_it_says_is_refused() {
    let site = Site::acme();
    for encoding in ["gzip", "br"] {
        let answer = site.send(|it| {
            it.post(site.url("/services/oauth2/token"))
                .header("Content-Encoding", encoding)
                .body("not packed")
        });
        assert_eq!(answer.status, 400, "{encoding}");
    }
}

#[test]
fn tls_is_trusted_by_the_authority_that_is_named() {
    let site = Site::start(&Options {
        tls: true,
        ..Options::default()
    });
    let ready = site.ready();
    assert!(ready.url.starts_with("https://127.0.0.1:"));
    let pem = fs::read(ready.ca_file.as_ref().unwrap()).unwrap();
    let status = site.wait(async {
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
            .no_proxy()
            .build()
            .unwrap();
        let answer = client.get(site.url("/services/data")).send().await.unwrap();
        answer.status().as_u16()
    });
    assert_eq!(status, 200);
    assert!(
        site.try_send(|it| it.get(site.url("/services/data")))
            .is_err()
    );
}

#[test]
fn taken_port_is_an_error() {
    let site = Site::acme();
    let port = site.address().rsplit_once(':').unwrap().1.parse().unwrap();
    let options = Options {
        port,
        ..Options::default()
    };
    let err = orgkeep::simorg::serve::start(&options).err().unwrap();
    assert_eq!(err.to_string(), "cannot serve");
}

#[cfg(unix)]
#[test]
fn process_says_when_it_is_ready_and_ends_at_sigterm() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_orgkeep"))
        .args(["simorg", "serve"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let url = ready["url"].as_str().unwrap();
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_ok());
    let users = ready["users"].as_array().unwrap();
    assert!(users.len() >= 5);
    for user in users {
        let token = user["token"].as_str().unwrap();
        let (org, opaque) = token.split_once('!').unwrap();
        assert_eq!(org, &ready["org_id"].as_str().unwrap()[..15]);
        assert!(
            opaque
                .chars()
                .all(|it| it.is_ascii_alphanumeric() || it == '.' || it == '_')
        );
    }
    let key = ready["jwt_key_file"].as_str().unwrap();
    assert_eq!(
        fs::metadata(key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let ended = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(ended.success());
    assert!(child.wait().unwrap().success());
    assert!(!fs::exists(key).unwrap());
}
