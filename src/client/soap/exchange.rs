//! One SOAP call: tries, envelope, scan, fault.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};

use futures_util::{StreamExt, stream};

use super::{
    envelope::{self, envelope_in},
    reply,
    scan::{ScanError, Scanner, Sink},
};
use crate::{
    client::{
        Call, Error, Org, Session, base64,
        http::{Answer, Body, Method, Request},
        retry::Failed,
    },
    model::manifest::METADATA_NAMESPACE,
    xml::Element,
};

/// Namespace of the partner API. Source: partner WSDL 66.0.
const PARTNER_NAMESPACE: &str = "urn:partner.soap.sforce.com";

/// Which of the SOAP APIs a call is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// That of metadata.
    Metadata,
    /// That of rows, which knows no object beforehand.
    Partner,
}

impl Api {
    fn namespace(self) -> &'static str {
        match self {
            Self::Metadata => METADATA_NAMESPACE,
            Self::Partner => PARTNER_NAMESPACE,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Metadata => "/services/Soap/m",
            Self::Partner => "/services/Soap/u",
        }
    }
}

const MEDIA_TYPE: &str = "text/xml; charset=utf-8";

/// What a call carries.
pub(crate) enum Message<'a> {
    /// Elements.
    Elements(&'a str),
    /// Elements around a zip, which is read anew for each try.
    AroundZip {
        before: &'a str,
        zip: Arc<File>,
        after: &'a str,
    },
}

impl Org {
    /// Makes one call of the Metadata API.
    ///
    /// Gives the response element without what went to `sink`.
    pub(crate) async fn soap<S: Sink>(
        &self,
        call: Call,
        message: &Message<'_>,
        max_bytes: u64,
        sink: &mut S,
    ) -> Result<Element, Error> {
        self.soap_of(Api::Metadata, call, message, max_bytes, sink)
            .await
    }

    /// The same of any SOAP API.
    pub(crate) async fn soap_of<S: Sink>(
        &self,
        api: Api,
        call: Call,
        message: &Message<'_>,
        max_bytes: u64,
        sink: &mut S,
    ) -> Result<Element, Error> {
        let mut tries = self.tries(call);
        loop {
            let session = tries.next().await?;
            match self
                .try_soap(api, call, message, max_bytes, sink, &session)
                .await
            {
                Ok(response) => return Ok(response),
                Err(failed) => tries.failed(failed, &session).await?,
            }
        }
    }

    async fn try_soap<S: Sink>(
        &self,
        api: Api,
        call: Call,
        message: &Message<'_>,
        max_bytes: u64,
        sink: &mut S,
        session: &Session,
    ) -> Result<Element, Failed> {
        let body = match message {
            Message::Elements(elements) => {
                let text = envelope_in(api.namespace(), &session.token, elements);
                Body::Text(MEDIA_TYPE, text)
            }
            Message::AroundZip { before, zip, after } => zip_body(session, before, zip, after)
                .map_err(|source| Error::Local {
                    act: "read the zip to deploy",
                    source,
                })?,
        };
        let request = Request {
            call: call.name,
            method: Method::Post,
            url: session
                .instance
                .at(&format!("{}/{}", api.path(), self.version()), &[]),
            bearer: None,
            headers: &[("soapaction", "\"\""), ("accept", "text/xml")],
            body,
        };
        let mut answer = self
            .http()
            .send(&session.instance, request, max_bytes)
            .await?;
        self.heard(&answer);
        if !answer.is_success() {
            return Err(refusal(&mut answer, session).await);
        }
        scan(&mut answer, session, sink).await.map_err(Failed::from)
    }
}

async fn scan<S: Sink>(
    answer: &mut Answer,
    session: &Session,
    sink: &mut S,
) -> Result<Element, Error> {
    let mut scanner = Scanner::new(sink).map_err(store_error)?;
    while let Some(piece) = answer.piece().await? {
        scanner
            .piece(piece.as_ref())
            .map_err(|err| scan_error(answer, err))?;
    }
    let root = scanner.finish().map_err(|err| scan_error(answer, err))?;
    let element = reply::in_body(&root).map_err(|reason| answer.unreadable(reason))?;
    match reply::fault(element) {
        Some(fault) => Err(fault_error(answer, session, fault)),
        None => Ok(element.clone()),
    }
}

/// The error of an answer that is not one of success.
async fn refusal(answer: &mut Answer, session: &Session) -> Failed {
    let error = match answer.bytes().await {
        Err(err) => err,
        Ok(bytes) => {
            let fault = crate::xml::parse(&bytes)
                .ok()
                .and_then(|doc| reply::in_body(&doc.root).ok().and_then(reply::fault));
            match fault {
                Some(fault) => fault_error(answer, session, fault),
                None => answer.no_api(),
            }
        }
    };
    Failed {
        error,
        retry_after: answer.retry_after,
    }
}

fn fault_error(answer: &Answer, session: &Session, fault: reply::SoapFault) -> Error {
    let host = answer.host.clone();
    let call = answer.call;
    if fault.code == "INVALID_SESSION_ID" && session.token.is_jwt() {
        return Error::TokenFormat { call, host };
    }
    // The name of the limit, not a wording: `TotalRequests` is the other one.
    if fault.code == "REQUEST_LIMIT_EXCEEDED" && fault.message.starts_with("Concurrent") {
        return Error::Busy {
            call,
            host,
            message: fault.message,
        };
    }
    Error::Fault {
        call,
        host,
        code: fault.code,
        message: fault.message,
    }
}

fn scan_error(answer: &Answer, err: ScanError) -> Error {
    match err {
        ScanError::Store(source) => store_error(source),
        ScanError::CutOff => Error::BrokenOff {
            call: answer.call,
            host: answer.host.clone(),
            source: err.into(),
        },
        ScanError::Malformed(reason) => answer.unreadable(reason),
    }
}

fn store_error(source: std::io::Error) -> Error {
    Error::Local {
        act: "store the answer",
        source,
    }
}

/// The body of a call that carries a zip, encoded while it is sent.
fn zip_body(
    session: &Session,
    before: &str,
    zip: &Arc<File>,
    after: &str,
) -> std::io::Result<Body> {
    // A multiple of three, so that only the last piece is padded.
    const PIECE: usize = 48 * 1024;
    let n_bytes = zip.metadata()?.len();
    (&**zip).seek(SeekFrom::Start(0))?;
    let halves = envelope::halves(&session.token, before, after);
    let length = halves.length(n_bytes);
    let zip = Arc::clone(zip);
    let encoded = stream::try_unfold((zip, n_bytes), |(zip, left)| async move {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE);
        if n == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; n];
        (&*zip).read_exact(&mut piece)?;
        let text = base64::encode(&piece).into_bytes();
        let left = left - u64::try_from(n).unwrap_or(left);
        Ok(Some((text, (zip, left))))
    });
    let edge = |text: String| stream::once(async move { Ok(text.into_bytes()) });
    let pieces = edge(halves.before).chain(encoded).chain(edge(halves.after));
    Ok(Body::Stream {
        media_type: MEDIA_TYPE.into(),
        length,
        pieces: pieces.boxed(),
    })
}
