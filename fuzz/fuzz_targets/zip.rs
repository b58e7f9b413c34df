//! Any bytes as an archive: never a panic, and an entry is as long as it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orgkeep::archive::{Archive, Limits};

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::open(bytes, &Limits::default()) else {
        return;
    };
    for (n, entry) in archive.entries().iter().enumerate() {
        if let Ok(content) = archive.read(n) {
            assert_eq!(content.len() as u64, entry.size);
        }
    }
});
