//! Ids that are the same in every run.

use crate::model::RecordId;

const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A digest of `bytes` that is the same in every run and release (FNV-1a).
///
/// Tells contents of one org apart; it is no defence against anybody.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, it| {
        (sum ^ u64::from(*it)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The id of something called `name`: key prefix `prefix`, the rest made from the name.
#[must_use]
pub fn made_id(prefix: &str, name: &str) -> RecordId {
    // FNV mixes its last bytes badly into the upper bits; one more round does.
    let mut rest = digest(name.as_bytes());
    rest = (rest ^ (rest >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    id(prefix, "5g0", rest ^ (rest >> 32), 9)
}

/// The id number `number` of key prefix `prefix`.
#[must_use]
pub fn numbered_id(prefix: &str, number: u64) -> RecordId {
    id(prefix, "5g0000", number, 6)
}

/// The id of row `number` of what the org was filled with; never that of
/// another row of it, or of one made later.
#[must_use]
pub fn row_id(prefix: &str, number: u64) -> RecordId {
    id(prefix, "5gC", number, 9)
}

fn id(prefix: &str, instance: &str, mut rest: u64, digits: usize) -> RecordId {
    let mut tail = vec![b'0'; digits];
    for digit in tail.iter_mut().rev() {
        let index = usize::try_from(rest % 62).expect("a remainder of 62 is small");
        *digit = BASE_62[index];
        rest /= 62;
    }
    let tail = String::from_utf8(tail).expect("base 62 is ASCII");
    format!("{prefix}{instance}{tail}")
        .parse()
        .expect("a prefix of three letters and twelve digits make an id")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_gives_the_same_id_each_time() {
        let id = made_id("00N", "CustomField:Account.Region__c#1");
        assert_eq!(id, made_id("00N", "CustomField:Account.Region__c#1"));
        assert_ne!(id, made_id("00N", "CustomField:Account.Region__c#2"));
        assert_eq!(id.prefix(), "00N");
        assert_eq!(numbered_id("0Af", 63).as_str(), "0Af5g0000000011CAA");
    }
}
