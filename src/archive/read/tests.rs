use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::*;
use crate::archive::{Level, Writer};

/// An archive written by us, with any names.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (name, content) in files {
        writer.add(name, content, Level::SMALL).unwrap();
    }
    writer.finish().unwrap()
}

fn open(bytes: &[u8]) -> Archive<&[u8]> {
    Archive::open(bytes, &Limits::default()).unwrap()
}

/// Replaces `from` by `to`, of the same length, wherever it stands.
fn patched(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for at in 0..=out.len() - from.len() {
        if out[at..].starts_with(from) {
            out[at..at + to.len()].copy_from_slice(to);
        }
    }
    out
}

#[test]
fn names_that_may_not_become_a_path_are_refused_one_by_one() {
    let hostile = [
        "../up",
        "/etc/passwd",
        "C:/x",
        "a\\b",
        "a//b",
        "lwc/a/.git/config",
        "x/.GIT/hooks",
        "x/git~1/y",
        ".gitattributes",
        "a/\u{0}",
    ];
    let mut files: Vec<(&str, &[u8])> = hostile.iter().map(|it| (*it, &b"x"[..])).collect();
    files.push(("classes/A.cls", b"class A {}"));
    let bytes = archive(&files);
    let archive = open(&bytes);
    for (n, name) in hostile.iter().enumerate() {
        assert!(
            matches!(archive.entries()[n].problem, Some(Problem::Name(_))),
            "{name}"
        );
        assert!(matches!(archive.read(n), Err(Error::Refused { .. })));
    }
    assert_eq!(archive.read(hostile.len()).unwrap(), b"class A {}");
}

#[test]
fn name_that_is_not_utf8_is_refused() {
    let bytes = patched(&archive(&[("aab", b"x")]), b"aab", b"a\xffb");
    let archive = open(&bytes);
    assert_eq!(archive.entries()[0].name, "a\u{fffd}b");
    assert!(archive.entries()[0].problem.is_some());
}

#[test]
fn of_two_entries_with_one_name_the_later_counts() {
    let bytes = archive(&[("a0", b"first"), ("b", b""), ("a9", b"second")]);
    let bytes = patched(&bytes, b"a9", b"a0");
    let archive = open(&bytes);
    assert_eq!(archive.entries()[0].problem, Some(Problem::Duplicate));
    assert_eq!(archive.read(2).unwrap(), b"second");
}

#[test]
fn names_that_differ_in_case_are_told_and_kept() {
    let bytes = archive(&[("classes/A.cls", b"1"), ("x", b""), ("classes/a.cls", b"2")]);
    let archive = open(&bytes);
    assert_eq!(archive.case_twins(), [(0, 2)]);
    assert_eq!(archive.read(0).unwrap(), b"1");
}

#[test]
fn file_that_is_a_folder_for_another_is_refused() {
    let bytes = archive(&[("a", b"1"), ("a/b", b"2")]);
    let archive = open(&bytes);
    assert!(archive.entries()[0].problem.is_some());
    assert_eq!(archive.read(1).unwrap(), b"2");
}

#[test]
fn name_that_windows_cannot_hold_is_told_and_kept() {
    let bytes = archive(&[("layouts/a:b", b"1"), ("aux.txt", b"2")]);
    let archive = open(&bytes);
    assert!(
        archive
            .entries()
            .iter()
            .all(|it| it.windows_problem.is_some())
    );
    assert_eq!(archive.read(1).unwrap(), b"2");
}

#[test]
fn bomb_is_refused_before_it_is_unpacked() {
    let bytes = archive(&[("bomb", &vec![0; 20 << 20]), ("a", b"1")]);
    let archive = open(&bytes);
    assert_eq!(archive.entries()[0].problem, Some(Problem::TooDense));
    assert_eq!(archive.read(1).unwrap(), b"1");
}

#[test]
fn bomb_that_claims_to_be_small_yields_no_more_than_it_claims() {
    let size = 20u32 << 20;
    let bytes = archive(&[("bomb", &vec![0; 20 << 20])]);
    let bytes = patched(&bytes, &size.to_le_bytes(), &100u32.to_le_bytes());
    let archive = open(&bytes);
    let packed = archive.packed(0).unwrap();
    assert!(matches!(packed.unpack(), Err(Error::Damaged { .. })));
    let mut out = Vec::new();
    let err = archive
        .stream(0)
        .unwrap()
        .read_to_end(&mut out)
        .unwrap_err();
    assert_eq!(err.to_string(), "it is longer than the directory says");
    assert!(out.len() < 1 << 20);
}

#[test]
fn limits_of_the_whole_archive_are_held() {
    let bytes = archive(&[("a", &[7; 600]), ("b", &[7; 600])]);
    let few = Limits {
        n_entries: 1,
        ..Limits::default()
    };
    let small = Limits {
        bytes: 1_000,
        ..Limits::default()
    };
    for limits in [few, small] {
        let err = Archive::open(&bytes, &limits).unwrap_err();
        assert!(matches!(err, Error::TooLarge { .. }), "{err}");
    }
}

#[test]
fn wrong_checksum_and_short_content_are_found() {
    let bytes = archive(&[("a", b"hello hello hello hello")]);
    let archive = open(&bytes);
    let crc = archive.entries()[0].crc;
    let wrong = patched(&bytes, &crc.to_le_bytes(), &(crc ^ 1).to_le_bytes());
    let err = open(&wrong).read(0).unwrap_err();
    assert_eq!(
        err.to_string(),
        "entry `a` of the archive is damaged: its checksum is wrong"
    );

    let wrong = patched(&bytes, &23u32.to_le_bytes(), &24u32.to_le_bytes());
    assert!(matches!(open(&wrong).read(0), Err(Error::Damaged { .. })));
}

#[test]
fn entry_with_another_name_in_the_directory_is_refused() {
    let bytes = archive(&[("good", b"hello")]);
    let at = bytes.windows(4).position(|it| it == b"good").unwrap();
    let mut wrong = bytes;
    wrong[at] = b'w';
    assert!(matches!(open(&wrong).read(0), Err(Error::Damaged { .. })));
}

#[test]
fn archives_of_other_programs_are_read() {
    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    let plain = SimpleFileOptions::default();
    stream.add_directory("d", plain).unwrap();
    stream.start_file("d/with descriptor", plain).unwrap();
    stream.write_all(b"one").unwrap();
    stream
        .start_file("d/zip64", plain.large_file(true))
        .unwrap();
    stream.write_all(b"two").unwrap();
    let mut bytes = b"#!/bin/sh self-extracting".to_vec();
    bytes.extend(stream.finish().unwrap().into_inner());

    let archive = open(&bytes);
    let names: Vec<_> = archive
        .entries()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["d", "d/with descriptor", "d/zip64"]);
    assert!(archive.entries()[0].is_folder);
    assert_eq!(archive.read(1).unwrap(), b"one");
    assert_eq!(archive.read(2).unwrap(), b"two");
}

#[test]
fn links_and_encrypted_entries_are_refused() {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default();
    writer.add_symlink("link", "/etc/passwd", plain).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(open(&bytes).entries()[0].problem, Some(Problem::NoFile));

    let mut bytes = super::tests::archive(&[("a", b"x")]);
    let central = bytes.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
    bytes[central + 8] |= 1;
    assert_eq!(open(&bytes).entries()[0].problem, Some(Problem::Encrypted));
}

#[test]
fn fingerprint_follows_the_content() {
    let one = archive(&[("a", b"hello"), ("b", b"hello"), ("c", b"hellp")]);
    let one = open(&one);
    let prints: Vec<_> = (0..3)
        .map(|n| one.packed(n).unwrap().fingerprint())
        .collect();
    assert_eq!(prints[0], prints[1]);
    assert_ne!(prints[0], prints[2]);
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    for bytes in [&b""[..], b"PK", b"<html>503</html>", &[0; 100]] {
        let err = Archive::open(bytes, &Limits::default()).unwrap_err();
        assert!(matches!(err, Error::NotAnArchive(_)), "{err}");
    }
}

proptest! {
    #[test]
    fn damaged_archive_never_panics_nor_lies(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let content = b"some content that compresses some content".as_slice();
        let mut bytes = archive(&[("a/b", content), ("c", b""), ("d", &[1; 300])]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            let Ok(archive) = Archive::open(bytes, &Limits::default()) else { continue };
            for n in 0..archive.entries().len() {
                if let Ok(read) = archive.read(n) {
                    prop_assert_eq!(read.len() as u64, archive.entries()[n].size);
                }
            }
        }
    }
}
