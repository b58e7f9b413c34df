//! Signing through the user's `git`.
//!
//! `git commit-tree -S` signs with whatever the user configured (`OpenPGP`, SSH,
//! X.509, a program of their own). It works on objects that are in a database,
//! and writes a loose one: so it gets a database of its own for the moment,
//! with the few objects it looks at, beside the repository's.

use std::{fs, io::Write, path::Path};

use flate2::{Compression, write::ZlibEncoder};

use tempfile::TempDir;

use super::{CommitDraft, Error, Kind, Message, ObjectId, PackBuilder, Signature, git::GitCommand};

impl PackBuilder<'_> {
    /// The bytes of the commit, signed.
    pub(super) fn signed(&self, draft: &CommitDraft) -> Result<Vec<u8>, Error> {
        let scratch = self.scratch_objects()?;
        self.copy_loose(scratch.path(), Kind::Tree, draft.tree)?;
        for parent in &draft.parents {
            self.copy_loose(scratch.path(), Kind::Commit, *parent)?;
        }
        let mut git = self.git_in(scratch.path(), "commit-tree");
        for (role, who) in [("AUTHOR", &draft.author), ("COMMITTER", &draft.committer)] {
            git = with_identity(git, role, who);
        }
        git = git.arg("-S");
        for parent in &draft.parents {
            git = git.arg("-p").arg(parent.to_string());
        }
        let text = draft.message.render();
        let printed = git
            .arg("-F")
            .arg("-")
            .arg(draft.tree.to_string())
            .run(text.as_bytes())?;
        printed_object(scratch.path(), Kind::Commit, &printed)
    }

    /// The bytes of the annotated tag, signed.
    ///
    /// `git tag` makes the reference as well, so it gets references of its own,
    /// too: a bare repository for the moment, with the configuration of ours.
    pub(super) fn signed_tag(
        &self,
        name: &str,
        commit: ObjectId,
        tagger: &Signature,
        message: &Message,
    ) -> Result<Vec<u8>, Error> {
        let repo = self.repository();
        let scratch = self.scratch_objects()?;
        let dir = scratch.path();
        let layout = || {
            fs::create_dir_all(dir.join("refs"))?;
            fs::write(dir.join("HEAD"), "ref: refs/heads/none\n")?;
            fs::copy(repo.common_dir().join("config"), dir.join("config")).map(drop)
        };
        layout().map_err(Error::disk("write into", dir))?;
        let objects = dir.join("objects");
        self.copy_loose(&objects, Kind::Commit, commit)?;
        let alternate = repo.common_dir().join("objects");
        let git = GitCommand::new(&repo.git, dir, "tag")
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&alternate));
        with_identity(git, "COMMITTER", tagger)
            .arg("-s")
            .arg("--cleanup=verbatim")
            .arg("-F")
            .arg("-")
            .arg(name)
            .arg(commit.to_string())
            .run(message.render().as_bytes())?;
        let path = dir.join("refs").join("tags").join(name);
        let id = fs::read(&path).map_err(Error::disk("read", &path))?;
        printed_object(&objects, Kind::Tag, &id)
    }

    fn scratch_objects(&self) -> Result<TempDir, Error> {
        let private = self.repository().private_dir()?;
        tempfile::Builder::new()
            .prefix("sign-")
            .tempdir_in(&private)
            .map_err(Error::disk("write into", &private))
    }

    fn git_in(&self, objects: &Path, command: &'static str) -> GitCommand<'_> {
        let repo = self.repository();
        let alternate = repo.common_dir().join("objects");
        GitCommand::new(&repo.git, repo.git_dir(), command)
            .env("GIT_OBJECT_DIRECTORY", objects)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", quoted(&alternate))
    }

    /// Puts an object where `git` finds it, unless it is in the repository.
    fn copy_loose(&self, dir: &Path, kind: Kind, id: ObjectId) -> Result<(), Error> {
        if id == ObjectId::EMPTY_TREE {
            return Ok(());
        }
        let bytes = self.read(kind, id)?;
        let path = loose_path(dir, id);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
            let mut out = ZlibEncoder::new(fs::File::create(&path)?, Compression::fast());
            write!(out, "{} {}\0", kind.name(), bytes.len())?;
            out.write_all(&bytes)?;
            out.finish().map(drop)
        };
        write().map_err(Error::disk("write", &path))
    }
}

fn with_identity<'a>(git: GitCommand<'a>, role: &str, who: &Signature) -> GitCommand<'a> {
    git.env(&format!("GIT_{role}_NAME"), who.clean_name())
        .env(&format!("GIT_{role}_EMAIL"), who.clean_email())
        .env(
            &format!("GIT_{role}_DATE"),
            format!("@{}", who.clean_time()),
        )
}

fn loose_path(dir: &Path, id: ObjectId) -> std::path::PathBuf {
    let id = id.to_string();
    dir.join(&id[..2]).join(&id[2..])
}

/// The object whose id `git` printed.
fn printed_object(objects: &Path, kind: Kind, printed: &[u8]) -> Result<Vec<u8>, Error> {
    let text = String::from_utf8_lossy(printed);
    let id = text.trim().parse::<ObjectId>();
    let id = id.map_err(|err| Error::GitFailed {
        command: "commit-tree",
        message: err.to_string(),
    })?;
    read_loose(objects, id).ok_or(Error::Unreadable {
        kind: kind.name(),
        id,
        source: "the signed object was not written".into(),
    })
}

/// The bytes of a loose object without its header.
fn read_loose(dir: &Path, id: ObjectId) -> Option<Vec<u8>> {
    let file = fs::File::open(loose_path(dir, id)).ok()?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(file), &mut bytes).ok()?;
    let header = bytes.iter().position(|&it| it == 0)?;
    Some(bytes.split_off(header + 1))
}

/// A path as one entry of a list of object directories.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
