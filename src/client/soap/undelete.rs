//! Taking rows out of the recycle bin: `undelete` of the partner API, which REST does not have.
//!
//! Source: SOAP API Developer Guide, "`undelete()`"; partner WSDL 66.0, `UndeleteResult`.

use super::{
    envelope::push,
    exchange::{Api, Message},
    reply::{flag, optional, text},
    scan::Whole,
};
use crate::{
    client::{Call, Error, Org, RowError, RowResult},
    model::RecordId,
};

/// Most rows of one call.
///
/// Source: "undelete()": up to 200 records.
pub const MAX_UNDELETED: usize = 200;

impl Org {
    /// Takes rows out of the recycle bin, each for itself, with their Ids.
    ///
    /// What was deleted together with a row comes out with it. Made again where the
    /// answer is lost: a row that is out already is refused then, and is there.
    /// Results come in the order of `ids`.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call. A row that is refused is no error.
    pub async fn undelete(&self, ids: &[RecordId]) -> Result<Vec<RowResult>, Error> {
        let call = Call::read("undelete");
        let mut results = Vec::new();
        for ids in ids.chunks(MAX_UNDELETED) {
            let mut body = String::from("<undelete>");
            for id in ids {
                push(&mut body, "ids", id.as_str());
            }
            body.push_str("</undelete>");
            let response = self
                .soap_of(
                    Api::Partner,
                    call,
                    &Message::Elements(&body),
                    self.options().sizes.answer_bytes,
                    &mut Whole,
                )
                .await?;
            let before = results.len();
            results.extend(response.elements_named("result").map(|it| {
                let mut errors: Vec<RowError> = it
                    .elements_named("errors")
                    .map(|it| RowError {
                        code: text(it, "statusCode"),
                        message: text(it, "message"),
                        fields: it
                            .elements_named("fields")
                            .map(|it| it.text().into_owned())
                            .collect(),
                    })
                    .collect();
                if flag(it, "success") {
                    errors.clear();
                } else if errors.is_empty() {
                    errors.push(RowError::default());
                }
                RowResult {
                    id: optional(it, "id").and_then(|it| it.trim().parse().ok()),
                    errors,
                }
            }));
            if results.len() - before != ids.len() {
                return Err(Error::Unreadable {
                    call: call.name,
                    host: self.instance().host().to_owned(),
                    reason: "it has not one result for each row".to_owned(),
                });
            }
        }
        Ok(results)
    }
}
