//! Compression of bodies.

use std::io::{Read, Write};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};

/// Smallest body worth compressing.
const MIN_BYTES: usize = 1_024;

/// Compresses the body where the client takes it and it is worth it.
pub(super) fn compressed(body: &[u8], accept_encoding: Option<&str>) -> Option<Vec<u8>> {
    if body.len() < MIN_BYTES || !accepts(accept_encoding?) {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

fn accepts(accept_encoding: &str) -> bool {
    accept_encoding.split(',').any(|it| {
        let mut parts = it.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let refused = parts.any(|it| matches!(it, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        name.eq_ignore_ascii_case("gzip") && !refused
    })
}

/// Decompresses a body; `None` where it is broken or longer than `max_bytes`.
pub(super) fn decompressed(body: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let max = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let read = MultiGzDecoder::new(body)
        .take(max.saturating_add(1))
        .read_to_end(&mut out)
        .ok()?;
    (read <= max_bytes).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_comes_back_and_bombs_do_not() {
        let body = vec![b'x'; 100_000];
        let small = compressed(&body, Some("deflate, GZIP;q=1")).unwrap();
        assert!(small.len() < 1_000);
        assert_eq!(decompressed(&small, 100_000), Some(body.clone()));
        assert_eq!(decompressed(&small, 99_999), None);
        assert_eq!(decompressed(b"not gzip", 100), None);
        assert_eq!(compressed(&body, Some("gzip;q=0")), None);
        assert_eq!(compressed(&body, None), None);
    }
}
