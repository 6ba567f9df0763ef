//! Money as the database knows it.
//!
//! The types are the core's, which the box office prices with as well: there is one list of
//! currencies and one arithmetic.

pub use bilten_core::money::{Currency, Money, MoneyError};

use crate::db::{Col, ColError, FromCol, ToVal, Val};

impl ToVal for Currency {
    fn to_val(self) -> Val {
        Val::Text(Some(self.code().to_owned()))
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

impl FromCol for Currency {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.parse()
    }
}
