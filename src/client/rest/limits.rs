//! What an org allows and what is left of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::{Call, Error, Org};

/// One of the org's allowances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// All of it.
    pub max: u64,
    /// What is left.
    pub remaining: u64,
}

impl Org {
    /// The org's allowances by name, such as `DailyApiRequests`.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn limits(&self) -> Result<BTreeMap<String, Limit>, Error> {
        let path = format!("/services/data/v{}/limits", self.version());
        let answer = self.get_json(Call::read("limits"), &path, &[]).await?;
        Ok(limits(&answer))
    }
}

fn limits(answer: &Value) -> BTreeMap<String, Limit> {
    let number = |it: &Value, name: &str| it.get(name).and_then(Value::as_u64);
    answer
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, it)| {
            let limit = Limit {
                max: number(it, "Max")?,
                remaining: number(it, "Remaining").unwrap_or(0),
            };
            Some((name.clone(), limit))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_read_and_what_is_none_is_left_out() {
        let found = limits(&json!({
            "DailyApiRequests": {"Max": 15000, "Remaining": 14998},
            "PerApp": {"Max": 5, "Remaining": 0, "My App": {"Max": 1, "Remaining": 1}},
            "Odd": "x",
        }));
        assert_eq!(found.len(), 2);
        assert_eq!(found["DailyApiRequests"].remaining, 14_998);
    }
}
