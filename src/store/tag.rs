//! Annotated tags.

use super::{
    Error, Kind, Message, ObjectId, PackBuilder, RefUpdate, Signature, refs::check_tag_name,
};

impl PackBuilder<'_> {
    /// Puts an annotated tag of `commit` in, and gives the creation of its
    /// reference for [`super::Publication::also`].
    ///
    /// Signed where the user's configuration asks for it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRefName`], [`Error::TagExists`]; else as for [`PackBuilder::put`].
    pub fn tag(
        &self,
        name: &str,
        commit: ObjectId,
        tagger: &Signature,
        message: &Message,
    ) -> Result<RefUpdate, Error> {
        check_tag_name(name)?;
        let full_name = format!("refs/tags/{name}");
        let repo = self.repository();
        if repo.ref_target(&full_name)?.is_some() {
            return Err(Error::TagExists {
                name: name.to_owned(),
            });
        }
        let bytes = if repo.config_flag("tag.gpgsign") {
            self.signed_tag(name, commit, tagger, message)?
        } else {
            let (who, email) = (tagger.clean_name(), tagger.clean_email());
            format!(
                "object {commit}\ntype commit\ntag {name}\ntagger {who} <{email}> {}\n\n{}",
                tagger.clean_time(),
                message.render()
            )
            .into_bytes()
        };
        Ok(RefUpdate {
            name: full_name,
            old: None,
            new: self.put(Kind::Tag, &bytes)?,
            reason: "snapshot".to_owned(),
        })
    }
}
