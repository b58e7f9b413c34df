//! Accepts connections and answers requests.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::{Body, to_bytes};
use futures_util::{Stream, StreamExt as _};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
};

use super::{Certificate, Ending, Reply, Request, Tail, gzip};

/// Connections that may wait to be accepted; 500 come at once from one client.
const BACKLOG: u32 = 4_096;

/// Largest body read: a REST deploy of 600 MB uncompressed stays far below.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// Longest that open connections may take when the server ends.
const GRACE: Duration = Duration::from_secs(2);

/// Answers requests; called on a thread that may block.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn handle(&self, request: Request) -> Reply;
}

/// The server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port is taken or refused.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Bind {
        /// Port asked for.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A port that answers as soon as [`Listener::serve`] runs.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
}

impl Listener {
    /// Takes a port of 127.0.0.1; 0 for any.
    ///
    /// Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// [`ServeError::Bind`].
    pub fn bind(port: u16, certificate: Option<Certificate>) -> Result<Self, ServeError> {
        let bind = || {
            let socket = TcpSocket::new_v4()?;
            #[cfg(unix)]
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
            let socket = socket.listen(BACKLOG)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bind().map_err(|source| ServeError::Bind { port, source })?;
        Ok(Self {
            socket,
            address,
            certificate,
        })
    }

    /// The address to reach it at, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` turns true; then lets open requests end for a while.
    pub async fn serve(self, handler: Arc<dyn Handler>, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|it| *it) => break,
            };
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = accepted else {
                // Out of descriptors: those in use must end first.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let handler = Arc::clone(&handler);
            let stop = stop.clone();
            match &self.certificate {
                None => {
                    connections.spawn(connection(stream, handler, stop));
                }
                Some(certificate) => {
                    let acceptor = certificate.acceptor.clone();
                    connections.spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            connection(stream, handler, stop).await;
                        }
                    });
                }
            }
        }
        drop(self.socket);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, ended).await;
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was dropped on request")]
struct Dropped;

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    handler: Arc<dyn Handler>,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| respond(request, Arc::clone(&handler)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .max_buf_size(1024 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            _ = &mut serving => return,
            _ = stop.wait_for(|it| *it), if !is_stopping => {
                is_stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn respond(
    request: hyper::Request<Incoming>,
    handler: Arc<dyn Handler>,
) -> Result<Response<Body>, Dropped> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(Body::new(body), MAX_BODY_BYTES).await else {
        return Ok(too_large());
    };
    let accept = parts.headers.get("accept-encoding").cloned();
    let is_head = parts.method == "HEAD";
    let answered = tokio::task::spawn_blocking(move || {
        let Some(body) = plain_body(&parts.headers, body) else {
            return (Reply::empty(400), None);
        };
        let reply = handler.handle(Request::new(&parts, body));
        let accept = accept.as_ref().and_then(|it| it.to_str().ok());
        let small = match reply.tail {
            None => gzip::compressed(&reply.body, accept),
            Some(_) => None,
        };
        (reply, small)
    })
    .await;
    let Ok((reply, compressed)) = answered else {
        return Ok(failed());
    };
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    match reply.ending {
        Ending::Dropped => return Err(Dropped),
        Ending::Never => std::future::pending().await,
        Ending::Whole | Ending::Truncated => (),
    }
    Ok(response(reply, compressed, is_head))
}

fn plain_body(headers: &HeaderMap, body: Bytes) -> Option<Bytes> {
    let encoding = headers.get("content-encoding");
    match encoding.map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Some(body),
        Some(b"gzip" | b"x-gzip") => gzip::decompressed(&body, MAX_BODY_BYTES).map(Bytes::from),
        Some(_) => None,
    }
}

fn response(reply: Reply, compressed: Option<Vec<u8>>, is_head: bool) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in &reply.headers {
        let pair = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        );
        if let (Ok(name), Ok(value)) = pair {
            headers.append(name, value);
        }
    }
    headers.insert("vary", HeaderValue::from_static("Accept-Encoding"));
    if compressed.is_some() {
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    let (ending, is_empty) = (reply.ending, reply.is_empty());
    let (body, tail) = match compressed {
        Some(small) => (small, None),
        None => (reply.body, reply.tail),
    };
    if is_head || is_empty {
        return response;
    }
    *response.body_mut() = match (ending, tail) {
        (Ending::Truncated, tail) => {
            let (body_bytes, tail_bytes) = (body.len(), tail.as_ref().map_or(0, Tail::len));
            let whole = u64::try_from(body_bytes).unwrap_or(0) + tail_bytes;
            headers.insert("content-length", HeaderValue::from(whole));
            let half = whole / 2;
            let of_body = usize::try_from(half).map_or(body_bytes, |it| it.min(body_bytes));
            let of_tail = half.saturating_sub(u64::try_from(body_bytes).unwrap_or(0));
            let tail = tail.map(|mut tail| {
                tail.cut(of_tail);
                tail
            });
            // What was given must be on its way before the connection breaks.
            let end = futures_util::stream::once(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Err(io::Error::other(Dropped))
            });
            let start = Bytes::from(body[..of_body].to_vec());
            let start = futures_util::stream::once(async { Ok(start) });
            Body::from_stream(start.chain(pieces(tail)).chain(end))
        }
        (_, Some(tail)) => {
            let whole = u64::try_from(body.len()).unwrap_or(0) + tail.len();
            headers.insert("content-length", HeaderValue::from(whole));
            let start = futures_util::stream::once(async { Ok(Bytes::from(body)) });
            Body::from_stream(start.chain(pieces(Some(tail))))
        }
        (_, None) => Body::from(body),
    };
    response
}

/// The pieces of a tail, read on a thread that may block.
fn pieces(tail: Option<Tail>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    futures_util::stream::unfold(tail, |tail| async {
        let mut tail = tail?;
        let read = tokio::task::spawn_blocking(move || (tail.next_piece(), tail));
        match read.await {
            Ok((Ok(Some(piece)), tail)) => Some((Ok(piece), Some(tail))),
            Ok((Ok(None), _)) => None,
            Ok((Err(err), _)) => Some((Err(err), None)),
            Err(err) => Some((Err(io::Error::other(err)), None)),
        }
    })
}

fn too_large() -> Response<Body> {
    let mut response = Response::new(Body::from("Maximum size of request reached."));
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    response
}

fn failed() -> Response<Body> {
    let mut response = Response::new(Body::from("the simulated org failed; see its log"));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
