//! A query as a value.

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What it asks for.
    pub items: Vec<Item>,
    /// Object that it asks.
    pub from: String,
    /// Offset of that name in the text.
    pub from_at: usize,
    /// Another name for that object in the query.
    pub alias: Option<String>,
    /// Which rows.
    pub condition: Option<Condition>,
    /// Fields that it groups by.
    pub group_by: Vec<Path>,
    /// Which groups.
    pub having: Option<Condition>,
    /// Order, most important first.
    pub order_by: Vec<Order>,
    /// Most rows.
    pub limit: Option<usize>,
    /// Rows to skip.
    pub offset: usize,
}

/// Something that a query asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A field, perhaps of a parent.
    Field(Path),
    /// `FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`.
    Fields(Group, usize),
    /// `count()`: only how many.
    CountAll,
    /// An aggregate function.
    Aggregate {
        /// Which.
        function: Function,
        /// Of what.
        path: Path,
        /// Name in the answer; `expr0`, `expr1`, … where none was given.
        alias: Option<String>,
    },
    /// `toLabel(…)` and `FORMAT(…)`: the field as it is.
    Rendered(Path, Option<String>),
    /// A field by another name, for groups only.
    Aliased(Path, String),
    /// The children of a record: a query in parentheses.
    Children(Box<Query>),
    /// `TYPEOF What WHEN Account THEN Phone ELSE Name END`.
    TypeOf {
        /// The reference, by the name that it is followed by.
        path: Path,
        /// Objects and what is asked of them.
        whens: Vec<(String, Vec<Path>)>,
        /// What is asked of all others.
        otherwise: Vec<Path>,
    },
}

/// Which fields `FIELDS()` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// All.
    All,
    /// The platform's.
    Standard,
    /// The users'.
    Custom,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `COUNT`.
    Count,
    /// `COUNT_DISTINCT`.
    CountDistinct,
    /// `MIN`.
    Min,
    /// `MAX`.
    Max,
    /// `SUM`.
    Sum,
    /// `AVG`.
    Avg,
}

/// What is computed from a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// An aggregate, to order or select groups by.
    Aggregate(Function),
    /// A part of a date.
    Date(DatePart),
}

/// A part of a date, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePart {
    /// `CALENDAR_YEAR`, `FISCAL_YEAR`.
    Year,
    /// `CALENDAR_QUARTER`, `FISCAL_QUARTER`.
    Quarter,
    /// `CALENDAR_MONTH`, `FISCAL_MONTH`.
    Month,
    /// `DAY_IN_MONTH`.
    Day,
    /// `DAY_IN_WEEK`, Sunday being 1.
    WeekDay,
    /// `HOUR_IN_DAY`.
    Hour,
    /// `DAY_ONLY`: the date of a point in time.
    Only,
}

/// A field, or a field of a parent: `CreatedBy.Name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// What is computed from it; the field itself where that is nothing.
    pub call: Option<Call>,
    /// Relationships, then the field.
    pub parts: Vec<String>,
    /// Offset in the text.
    pub at: usize,
}

impl Path {
    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        self.parts.join(".")
    }
}

/// One column to order by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub path: Path,
    /// Greatest first.
    pub descending: bool,
    /// Empty values last.
    pub nulls_last: bool,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of these.
    And(Vec<Condition>),
    /// One of these.
    Or(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A comparison with one value.
    Compare(Path, Operator, Literal),
    /// `IN` or `NOT IN` a list.
    In {
        /// The field.
        path: Path,
        /// The list.
        values: Vec<Literal>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `IN` or `NOT IN` the answer of another query.
    InQuery {
        /// The field.
        path: Path,
        /// The other query, of one column.
        query: Box<Query>,
        /// `NOT IN`.
        negated: bool,
    },
    /// `INCLUDES` or `EXCLUDES` of a multi-select picklist.
    Includes {
        /// The field.
        path: Path,
        /// Values; several joined by `;` must all be there.
        values: Vec<String>,
        /// `EXCLUDES`.
        negated: bool,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`.
    Equal,
    /// `!=` or `<>`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `LIKE`.
    Like,
}

/// A value as it stands in a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// `'text'`.
    Text(String),
    /// `2026-08-24`.
    Date(String),
    /// `2026-08-24T09:23:38Z`, as REST writes it.
    DateTime(String),
    /// `TODAY`, `LAST_N_DAYS:30`: name and number.
    Relative(String, i64),
}
