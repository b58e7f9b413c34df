//! Any bytes as XML: never a panic, and what is read is written and read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orgkeep::{
    source::canonical::{Rules, canonicalise},
    xml,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = xml::parse(bytes) {
        let written = xml::render(&document);
        let again = xml::parse(&written).expect("what was written can be read");
        assert_eq!(xml::render(&again), written);
    }
    if let Ok(once) = canonicalise("Thing", "x-meta.xml", bytes, &Rules::default()) {
        let twice = canonicalise("Thing", "x-meta.xml", &once.bytes, &Rules::default());
        let twice = twice.expect("what is canonical can be read");
        assert_eq!(twice.bytes, once.bytes);
    }
});
