//! Reading rows: by name into a [`Record`], or one column as a scalar.
//!
//! A record is declared with [`record!`](crate::record); a type that fits in a column implements
//! [`FromCol`], usually in one line: `col.parse()` for what is stored as text.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::ValueRef;
use sqlx::postgres::{PgRow, PgValueRef, Postgres};
use sqlx::{Decode, Row as _, Type, ValueRef as _};

use super::{DbError, Val};

/// One row of an answer, of either engine.
pub struct Row<'r> {
    kind: Kind<'r>,
    at: &'static str,
}

enum Kind<'r> {
    Lite(&'r rusqlite::Row<'r>),
    Pg(&'r PgRow),
}

impl<'r> Row<'r> {
    pub(super) fn lite(row: &'r rusqlite::Row<'r>, at: &'static str) -> Self {
        Self {
            kind: Kind::Lite(row),
            at,
        }
    }

    pub(super) fn pg(row: &'r PgRow, at: &'static str) -> Self {
        Self {
            kind: Kind::Pg(row),
            at,
        }
    }

    /// The column of this name.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is none or its value is not a `T`.
    pub fn get<T: FromCol>(&self, name: &str) -> Result<T, DbError> {
        let col = match self.kind {
            Kind::Lite(row) => row
                .get_ref(name)
                .map(Col::Lite)
                .map_err(|error| error.to_string()),
            Kind::Pg(row) => row
                .try_get_raw(name)
                .map(Col::Pg)
                .map_err(|error| error.to_string()),
        };
        self.read(name, col)
    }

    /// The column at this place, counted from 0.
    ///
    /// # Errors
    /// [`DbError::Column`] when there is none or its value is not a `T`.
    pub fn at<T: FromCol>(&self, index: usize) -> Result<T, DbError> {
        let col = match self.kind {
            Kind::Lite(row) => row
                .get_ref(index)
                .map(Col::Lite)
                .map_err(|error| error.to_string()),
            Kind::Pg(row) => row
                .try_get_raw(index)
                .map(Col::Pg)
                .map_err(|error| error.to_string()),
        };
        self.read(index, col)
    }

    fn read<T: FromCol>(
        &self,
        column: impl fmt::Display,
        col: Result<Col<'_>, String>,
    ) -> Result<T, DbError> {
        col.and_then(|col| T::from_col(col).map_err(|error| error.0))
            .map_err(|detail| DbError::Column {
                column: column.to_string(),
                at: self.at,
                detail,
            })
    }
}

/// Why a column does not hold the wanted type.
#[derive(Debug, Clone)]
pub struct ColError(pub String);

impl ColError {
    fn wanted(what: &str) -> Self {
        Self(format!("expected {what}"))
    }
}

/// The value of one column, of either engine, not yet read.
pub enum Col<'r> {
    #[doc(hidden)]
    Lite(ValueRef<'r>),
    #[doc(hidden)]
    Pg(PgValueRef<'r>),
}

impl<'r> Col<'r> {
    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Lite(value) => matches!(value, ValueRef::Null),
            Self::Pg(value) => value.is_null(),
        }
    }

    /// The value as text.
    ///
    /// # Errors
    /// When it is NULL or of another type.
    pub fn text(self) -> Result<&'r str, ColError> {
        match self {
            Self::Lite(ValueRef::Text(text)) => str::from_utf8(text).ok(),
            Self::Pg(value) => pg(value),
            Self::Lite(_) => None,
        }
        .ok_or_else(|| ColError::wanted("TEXT"))
    }

    /// The value as a whole number.
    ///
    /// # Errors
    /// When it is NULL or of another type.
    pub fn int(self) -> Result<i64, ColError> {
        match self {
            Self::Lite(ValueRef::Integer(number)) => Some(number),
            Self::Pg(value) if <i64 as Type<Postgres>>::compatible(&value.type_info()) => pg(value),
            Self::Pg(value) if <i32 as Type<Postgres>>::compatible(&value.type_info()) => {
                pg::<i32>(value).map(i64::from)
            }
            Self::Pg(value) => pg::<i16>(value).map(i64::from),
            Self::Lite(_) => None,
        }
        .ok_or_else(|| ColError::wanted("BIGINT"))
    }

    /// The value as true or false.
    ///
    /// # Errors
    /// When it is NULL or of another type.
    pub fn bool(self) -> Result<bool, ColError> {
        match self {
            Self::Lite(ValueRef::Integer(number @ 0..=1)) => Some(number == 1),
            Self::Pg(value) => pg(value),
            Self::Lite(_) => None,
        }
        .ok_or_else(|| ColError::wanted("BOOLEAN"))
    }

    /// The value as bytes.
    ///
    /// # Errors
    /// When it is NULL or of another type.
    pub fn bytes(self) -> Result<&'r [u8], ColError> {
        match self {
            Self::Lite(ValueRef::Blob(bytes)) => Some(bytes),
            Self::Pg(value) => pg(value),
            Self::Lite(_) => None,
        }
        .ok_or_else(|| ColError::wanted("BYTEA"))
    }

    /// The value as a floating-point number.
    ///
    /// # Errors
    /// When it is NULL or of another type.
    pub fn real(self) -> Result<f64, ColError> {
        match self {
            Self::Lite(ValueRef::Real(number)) => Some(number),
            Self::Pg(value) => pg(value),
            Self::Lite(_) => None,
        }
        .ok_or_else(|| ColError::wanted("DOUBLE PRECISION"))
    }

    /// The text parsed as a `T`.
    ///
    /// # Errors
    /// When it is NULL, not text, or not the text of a `T`.
    pub fn parse<T: FromStr<Err: fmt::Display>>(self) -> Result<T, ColError> {
        self.text()?
            .parse()
            .map_err(|error: T::Err| ColError(error.to_string()))
    }
}

fn pg<'r, T: Decode<'r, Postgres> + Type<Postgres>>(value: PgValueRef<'r>) -> Option<T> {
    (!value.is_null() && T::compatible(&value.type_info())).then(|| T::decode(value).ok())?
}

/// What a column can be read as.
pub trait FromCol: Sized {
    /// Reads the column.
    ///
    /// # Errors
    /// When the column does not hold such a value.
    fn from_col(col: Col<'_>) -> Result<Self, ColError>;
}

impl FromCol for String {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.text().map(str::to_owned)
    }
}

impl FromCol for i64 {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.int()
    }
}

macro_rules! smaller_numbers {
    ($($type:ty),+) => {$(
        impl FromCol for $type {
            fn from_col(col: Col<'_>) -> Result<Self, ColError> {
                Self::try_from(col.int()?).map_err(|error| ColError(error.to_string()))
            }
        }
    )+};
}

smaller_numbers!(i32, u8, u16, u32, u64, usize);

impl FromCol for bool {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.bool()
    }
}

impl FromCol for f64 {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.real()
    }
}

impl FromCol for Vec<u8> {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.bytes().map(<[u8]>::to_vec)
    }
}

impl<const N: usize> FromCol for [u8; N] {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        col.bytes()?
            .try_into()
            .map_err(|_| ColError(format!("expected {N} bytes")))
    }
}

/// Whatever the column holds, to be bound again as it is.
impl FromCol for Val {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        match col {
            Col::Lite(ValueRef::Text(text)) => str::from_utf8(text)
                .ok()
                .map(|text| Self::Text(Some(text.to_owned()))),
            Col::Lite(ValueRef::Blob(bytes)) => Some(Self::Bytes(Some(bytes.to_vec()))),
            Col::Lite(ValueRef::Integer(number)) => Some(Self::Int(Some(number))),
            Col::Lite(ValueRef::Real(number)) => Some(Self::Real(Some(number))),
            Col::Lite(ValueRef::Null) => None,
            Col::Pg(value) => {
                let kind = value.type_info();
                if <String as Type<Postgres>>::compatible(&kind) {
                    pg(value).map(|text| Self::Text(Some(text)))
                } else if <Vec<u8> as Type<Postgres>>::compatible(&kind) {
                    pg(value).map(|bytes| Self::Bytes(Some(bytes)))
                } else if <bool as Type<Postgres>>::compatible(&kind) {
                    pg(value).map(|is| Self::Bool(Some(is)))
                } else if <f64 as Type<Postgres>>::compatible(&kind) {
                    pg(value).map(|number| Self::Real(Some(number)))
                } else {
                    pg(value).map(|number| Self::Int(Some(number)))
                }
            }
        }
        .ok_or_else(|| ColError::wanted("a value"))
    }
}

impl<T: FromCol> FromCol for Option<T> {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        if col.is_null() {
            Ok(None)
        } else {
            T::from_col(col).map(Some)
        }
    }
}

/// A column that holds JSON text; write it with [`Val::json`](super::Val::json).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsJson<T>(pub T);

impl<T: serde::de::DeserializeOwned> FromCol for AsJson<T> {
    fn from_col(col: Col<'_>) -> Result<Self, ColError> {
        serde_json::from_str(col.text()?)
            .map(Self)
            .map_err(|error| ColError(error.to_string()))
    }
}

/// What a whole row can be read as.
pub trait Record: Sized + Send {
    /// Reads the row.
    ///
    /// # Errors
    /// [`DbError::Column`] when a column is missing or holds something else.
    fn read(row: &Row<'_>) -> Result<Self, DbError>;
}

macro_rules! tuples {
    ($(($($type:ident $index:literal),+))+) => {$(
        impl<$($type: FromCol + Send),+> Record for ($($type,)+) {
            fn read(row: &Row<'_>) -> Result<Self, DbError> {
                Ok(($(row.at::<$type>($index)?,)+))
            }
        }
    )+};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}

/// Declares a struct that is read from the columns named like its fields.
///
/// ```
/// bilten_kernel::record! {
///     /// A shelf.
///     #[derive(Debug, Clone)]
///     pub struct Shelf {
///         /// Its name.
///         pub name: String,
///         /// How much it holds, if anyone measured.
///         pub width: Option<i64>,
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $($(#[$field_meta])* $field_visibility $field: $type,)*
        }

        impl $crate::db::Record for $name {
            fn read(row: &$crate::db::Row<'_>) -> ::std::result::Result<Self, $crate::db::DbError> {
                Ok(Self { $($field: row.get(stringify!($field))?,)* })
            }
        }
    };
}
