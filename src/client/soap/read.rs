//! readMetadata: a few components as elements, without a zip.

use std::io;

use super::{envelope::push, exchange::Message, reply::optional, scan::Sink};
use crate::{
    client::{Call, Error, Org},
    model::TypeName,
    xml::Element,
};

/// Most names of one readMetadata.
///
/// Source: Metadata API Developer Guide, `meta_readMetadata` (200 for
/// `CustomMetadata` and `CustomApplication`).
pub const MAX_READ_NAMES: usize = 10;

/// One component that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its full name, as the org spells it.
    pub full_name: String,
    /// Its content; `fullName` is its first element.
    pub content: Element,
}

impl Org {
    /// Reads components of one type, [`MAX_READ_NAMES`] at most.
    ///
    /// Gives those that the org has, in its order; one that is absent is not among
    /// them.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn read_metadata(
        &self,
        type_name: &TypeName,
        names: &[&str],
    ) -> Result<Vec<ReadRecord>, Error> {
        let mut body = String::from("<readMetadata>");
        push(&mut body, "type", type_name.as_str());
        for name in names {
            push(&mut body, "fullNames", name);
        }
        body.push_str("</readMetadata>");
        let mut sink = RecordSink::default();
        let call = Call::read("readMetadata");
        let max_bytes = self.options().sizes.listing_bytes;
        let response = self
            .soap(call, &Message::Elements(&body), max_bytes, &mut sink)
            .await?;
        if response.local_name() != "readMetadataResponse" {
            return Err(self.unreadable(call, "it is the answer of another call"));
        }
        Ok(sink.0)
    }
}

#[derive(Default)]
struct RecordSink(Vec<ReadRecord>);

impl Sink for RecordSink {
    const RECORDS: &'static [&'static str] = &["records"];

    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }

    fn record(&mut self, record: &Element) -> Result<(), String> {
        if !record.is_nil()
            && let Some(full_name) = optional(record, "fullName")
        {
            self.0.push(ReadRecord {
                full_name,
                content: record.clone(),
            });
        }
        Ok(())
    }
}
