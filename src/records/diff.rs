//! What changed between two states of one shard.

use std::cmp::Ordering;

use super::Row;
use crate::model::FieldName;

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// It is only in the later state.
    Added(Row),
    /// It is only in the earlier state.
    Deleted(Row),
    /// Cells of it differ.
    Changed {
        /// As it was.
        before: Row,
        /// As it is.
        after: Row,
        /// The cells; never empty.
        cells: Vec<CellChange>,
    },
}

/// A cell that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellChange {
    /// Its field.
    pub field: FieldName,
    /// As it was; empty is null.
    pub before: String,
    /// As it is; empty is null.
    pub after: String,
}

/// The rows that differ, in Id order.
///
/// Both sides are in Id order. Columns that only one side has are not compared:
/// a field that was not read is not a field that was emptied.
#[must_use]
pub fn changes(before: Vec<Row>, after: Vec<Row>) -> Vec<RowChange> {
    let mut changes = Vec::new();
    let (mut before, mut after) = (before.into_iter().peekable(), after.into_iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(a), Some(b)) => a.id().cmp(&b.id()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return changes,
        };
        match order {
            Ordering::Less => changes.extend(before.next().map(RowChange::Deleted)),
            Ordering::Greater => changes.extend(after.next().map(RowChange::Added)),
            Ordering::Equal => {
                if let (Some(before), Some(after)) = (before.next(), after.next()) {
                    changes.extend(change(before, after));
                }
            }
        }
    }
}

fn change(before: Row, after: Row) -> Option<RowChange> {
    if before == after {
        return None;
    }
    let cells: Vec<_> = after
        .cells()
        .filter_map(|(field, after)| {
            let before = before.get(field.as_str())?;
            (before != after).then(|| CellChange {
                field: field.clone(),
                before: before.to_owned(),
                after: after.to_owned(),
            })
        })
        .collect();
    (!cells.is_empty()).then_some(RowChange::Changed {
        before,
        after,
        cells,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Columns;

    fn row(n: u32, columns: &[&str], cells: &[&str]) -> Row {
        let columns = Columns::new(columns.iter().map(|it| it.parse().unwrap()));
        Row::new(
            format!("001{n:012}").parse().unwrap(),
            &columns,
            cells.iter().copied(),
        )
    }

    #[test]
    fn rows_are_matched_by_id_and_cells_by_field() {
        let before = vec![
            row(1, &["A"], &["x"]),
            row(2, &["A"], &["x"]),
            row(3, &["A"], &["x"]),
        ];
        let after = vec![
            row(2, &["A"], &["y"]),
            row(3, &["A"], &["x"]),
            row(4, &["A"], &[""]),
        ];
        let found: Vec<_> = changes(before, after)
            .iter()
            .map(|it| match it {
                RowChange::Added(row) => format!("+ {}", row.id().short()),
                RowChange::Deleted(row) => format!("- {}", row.id().short()),
                RowChange::Changed { cells, .. } => {
                    format!(
                        "~ {}: {} → {}",
                        cells[0].field, cells[0].before, cells[0].after
                    )
                }
            })
            .collect();
        assert_eq!(
            found,
            ["- 001000000000001", "~ A: x → y", "+ 001000000000004"]
        );
    }

    #[test]
    fn field_that_one_side_did_not_read_has_not_changed() {
        let before = vec![row(1, &["A", "B"], &["x", "secret"])];
        let after = vec![row(1, &["A", "C"], &["x", "new"])];
        assert_eq!(changes(before, after), []);
    }
}
