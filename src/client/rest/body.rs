//! Bodies of files: read as they are, sent in forms.
//!
//! Source: REST API Developer Guide, "sObject Blob Get" and "Insert or Update Blob Data".

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use super::{
    exchange::{Ask, json},
    write::{RowResult, result},
};
use crate::{
    client::{
        Call, Error, Org,
        http::{Answer, Body, Method},
        retry::random_bytes,
    },
    model::{ObjectName, RecordId, hex},
};

/// Bytes of a file that are sent at once.
const PIECE_BYTES: usize = 64 << 10;

/// A file that is sent as the body of a row.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The field that it is the body of: `VersionData`.
    pub field: &'static str,
    /// Name of the file.
    pub name: String,
    /// Its bytes, from the beginning.
    pub file: Arc<File>,
}

impl Org {
    /// Fetches the body of a row into `into`, from its beginning, and gives its length.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `NOT_FOUND` where the row is gone, [`Error::TooLarge`] for
    /// more than `most_bytes`, [`Error::Local`] for the file.
    pub async fn body(
        &self,
        object: &ObjectName,
        id: RecordId,
        field: &str,
        most_bytes: u64,
        into: &File,
    ) -> Result<u64, Error> {
        let path = format!(
            "/services/data/v{}/sobjects/{object}/{id}/{field}",
            self.version()
        );
        let ask = Ask {
            call: Call::read("getBody"),
            method: Method::Get,
            path: &path,
            query: &[],
            headers: &[("accept", "*/*")],
            body: None,
            max_bytes: most_bytes,
        };
        self.exchange(&ask, async |answer: &mut Answer| {
            let local = |source| Error::Local {
                act: "keep the body of a file on the disk",
                source,
            };
            let mut into = into;
            into.set_len(0).map_err(local)?;
            into.seek(SeekFrom::Start(0)).map_err(local)?;
            let mut n_bytes = 0;
            while let Some(piece) = answer.piece().await? {
                into.write_all(piece.as_ref()).map_err(local)?;
                n_bytes += piece.as_ref().len() as u64;
            }
            Ok(n_bytes)
        })
        .await
    }

    /// Inserts one row with its body, which is read from the disk as it is sent.
    ///
    /// Never made again where the answer is lost.
    ///
    /// # Errors
    ///
    /// [`Error::Unconfirmed`] where the answer was lost: the row may be there. A row
    /// that is refused is no error but its result.
    pub async fn insert_with_body(
        &self,
        object: &ObjectName,
        row: &Map<String, Value>,
        upload: &Upload,
    ) -> Result<RowResult, Error> {
        let call = Call::act("insertWithBody");
        let path = format!("/services/data/v{}/sobjects/{object}", self.version());
        let ask = Ask {
            call,
            method: Method::Post,
            path: &path,
            query: &[],
            headers: &[("accept", "application/json")],
            body: None,
            max_bytes: self.options().sizes.answer_bytes,
        };
        let row = Value::Object(row.clone()).to_string();
        // Nobody who writes a file can guess where it ends.
        let boundary = hex(&random_bytes(16));
        let form = || {
            form(&boundary, &row, upload).map_err(|source| Error::Local {
                act: "read the body of a file",
                source,
            })
        };
        match self.exchange_with(&ask, form, json).await {
            Ok(answer) => {
                result(&answer).ok_or_else(|| self.unreadable(call, "it has no result in it"))
            }
            Err(Error::Fault { code, message, .. }) if is_of_the_row(&code) => {
                Ok(RowResult::refused(code, message))
            }
            Err(err) => Err(err),
        }
    }
}

/// Whether a refusal is about what was sent, and not about who sent it or how often.
fn is_of_the_row(code: &str) -> bool {
    !matches!(
        code,
        "INVALID_SESSION_ID"
            | "INVALID_AUTH_HEADER"
            | "REQUEST_LIMIT_EXCEEDED"
            | "API_DISABLED_FOR_ORG"
            | "API_CURRENTLY_DISABLED"
            | "SERVER_UNAVAILABLE"
            | "UNKNOWN_EXCEPTION"
    )
}

/// The form: the row as JSON, then the file.
fn form(boundary: &str, row: &str, upload: &Upload) -> io::Result<Body> {
    let before = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"entity_content\"\r\n\
         Content-Type: application/json\r\n\r\n{row}\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        upload.field,
        quoted(&upload.name)
    );
    let after = format!("\r\n--{boundary}--\r\n");
    let n_bytes = upload.file.metadata()?.len();
    let length = before.len() as u64 + n_bytes + after.len() as u64;
    // A handle has one place where it reads: each try begins anew.
    let mut file = upload.file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let file = stream::try_unfold(file.take(n_bytes), |mut file| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let n_read = file.read(&mut piece)?;
        piece.truncate(n_read);
        Ok::<_, io::Error>((n_read > 0).then_some((piece, file)))
    });
    let ends = |text: String| stream::iter([Ok(text.into_bytes())]);
    Ok(Body::Stream {
        media_type: format!("multipart/form-data; boundary=\"{boundary}\"").into(),
        length,
        pieces: ends(before).chain(file).chain(ends(after)).boxed(),
    })
}

/// A name that stays within its quotes and its line.
fn quoted(name: &str) -> String {
    name.chars()
        .map(|it| match it {
            '"' | '\\' => '_',
            it if it.is_control() => '_',
            it => it,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn form_is_as_long_as_it_says_and_its_name_cannot_leave_the_quotes() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes = vec![7_u8; PIECE_BYTES + 5];
        file.write_all(&bytes).unwrap();
        let upload = Upload {
            field: "VersionData",
            name: "a\"\r\nX: y.pdf".to_owned(),
            file: Arc::new(file),
        };
        for _ in 0..2 {
            let Body::Stream { length, pieces, .. } = form("b", "{}", &upload).unwrap() else {
                panic!("it is a stream");
            };
            let sent: Vec<Vec<u8>> = pieces.try_collect().await.unwrap();
            let sent = sent.concat();
            assert_eq!(sent.len() as u64, length);
            let head = String::from_utf8_lossy(&sent[..300]);
            assert!(head.contains("filename=\"a___X: y.pdf\"\r\n"), "{head}");
            assert!(sent.windows(bytes.len()).any(|it| it == bytes));
        }
    }
}
