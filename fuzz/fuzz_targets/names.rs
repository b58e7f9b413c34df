//! Any text as a path and as a component: what is taken is spelled as it was given.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orgkeep::model::{ComponentKey, TreePath};

fuzz_target!(|text: &str| {
    if let Ok(path) = TreePath::from_org(text) {
        assert_eq!(path.as_str(), text);
        let climbs = text.split('/').any(|it| matches!(it, "" | "." | ".."));
        assert!(!climbs && !text.contains('\0'));
        assert!(
            !text
                .to_ascii_lowercase()
                .split('/')
                .any(|it| it.starts_with(".git"))
        );
    }
    if let Ok(key) = text.parse::<ComponentKey>() {
        let again: ComponentKey = key.to_string().parse().expect("it was spelled by us");
        assert_eq!(again, key);
    }
});
