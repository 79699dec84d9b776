//! Stock (decision d): what a line of `partsUsed` takes, its part's `quantityAvailable` lacks, once, in the transaction of
//! the line. A line that is changed moves the difference, one that is removed gives all back. A deleted work order gives
//! nothing back: its parts are built in.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use serde_json::{Number, Value};

use super::record::{self, Kind, Write};
use super::store::Commit;
use crate::protocol::Record;

/// The field whose lines take parts.
pub(super) const PARTS_USED: &str = "partsUsed";
/// How many a line takes.
pub(super) const QUANTITY: &str = "qty";
const PART: &str = "partId";
const AVAILABLE: &str = "quantityAvailable";

/// What is new of `part` after commit `base`: how many there are.
pub(super) fn news(db: &Connection, part: &str, base: i64) -> rusqlite::Result<Option<Record>> {
    let moved = db
        .prepare_cached("SELECT 1 FROM catalogue WHERE kind = ?1 AND id = ?2 AND seq > ?3")?
        .exists(params![Kind::Inventory, part, base])?;
    if !moved {
        return Ok(None);
    }
    let mut stock = record::catalogue(db, Kind::Inventory, part)?.unwrap_or_default();
    stock.retain(|field, _| field == PART || field == AVAILABLE);
    Ok(Some(stock))
}

/// How far the stock of each part moves, by part.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<String, Quantity>);

impl Moves {
    /// Notes what `write` is about to do to `order`.
    pub(super) fn note(&mut self, db: &Connection, order: &str, write: &Write) -> rusqlite::Result<()> {
        let Write::Line { field, line, value, deleted } = write else { return Ok(()) };
        if field != PARTS_USED {
            return Ok(());
        }
        if let Some(before) = record::line(db, order, field, line)?.filter(|before| !before.deleted) {
            self.add(&before.value, 1);
        }
        if !deleted {
            self.add(value, -1);
        }
        Ok(())
    }

    fn add(&mut self, line: &Value, sign: i64) {
        let (Some(part), Some(quantity)) = (line.get(PART).and_then(Value::as_str), Quantity::of(line.get(QUANTITY)))
        else {
            return;
        };
        let sum = self.0.entry(part.to_owned()).or_insert(Quantity::Whole(0));
        *sum = sum.plus(quantity.times(sign));
    }

    /// Books the moves as part of `commit`: whoever sees the part hears of it. May fall below zero: what was built in
    /// was there.
    pub(super) fn book(self, db: &Connection, commit: &Commit) -> rusqlite::Result<()> {
        for (part, by) in self.0 {
            let Some(mut stock) = record::catalogue(db, Kind::Inventory, &part)? else { continue };
            let Some(available) = Quantity::of(stock.get(AVAILABLE)) else { continue };
            if by.is_nothing() {
                continue;
            }
            stock.insert(AVAILABLE.to_owned(), available.plus(by).json());
            db.prepare_cached("UPDATE catalogue SET record = ?3, seq = ?4 WHERE kind = ?1 AND id = ?2")?
                .execute(params![Kind::Inventory, part, Value::Object(stock).to_string(), commit.seq])?;
            db.prepare_cached("UPDATE views SET touched_seq = ?3 WHERE kind = ?1 AND id = ?2 AND left_seq IS NULL")?
                .execute(params![Kind::Inventory, part, commit.seq])?;
        }
        Ok(())
    }
}

/// An amount: pieces stay whole numbers, metres and litres may be broken.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Quantity {
    Whole(i64),
    Broken(f64),
}

impl Quantity {
    fn of(value: Option<&Value>) -> Option<Self> {
        let number = value?.as_number()?;
        number.as_i64().map(Self::Whole).or_else(|| number.as_f64().map(Self::Broken))
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => Self::Whole(a.saturating_add(b)),
            (Self::Whole(_) | Self::Broken(_), _) => Self::Broken(self.double() + other.double()),
        }
    }

    fn times(self, sign: i64) -> Self {
        match self {
            Self::Whole(whole) => Self::Whole(whole.saturating_mul(sign)),
            Self::Broken(broken) if sign < 0 => Self::Broken(-broken),
            Self::Broken(_) => self,
        }
    }

    fn is_nothing(self) -> bool {
        matches!(self, Self::Whole(0)) || self == Self::Broken(0.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "no stock is that large")]
    fn double(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Broken(broken) => broken,
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Whole(whole) => whole.into(),
            // To a millionth: sums of tenths would else show what binary fractions are.
            Self::Broken(broken) => Number::from_f64((broken * 1e6).round() / 1e6).map_or(Value::Null, Value::Number),
        }
    }
}
