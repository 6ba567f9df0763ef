//! Values that go into a statement, with NULLs that know their type.
//!
//! PostgreSQL types a parameter before it sees the value, so a NULL without a type cannot be
//! bound. To let a new type go into statements, implement [`ToVal`] by calling that of the type
//! it is stored as.

/// One bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Val {
    /// `TEXT`
    Text(Option<String>),
    /// `BIGINT`
    Int(Option<i64>),
    /// `BOOLEAN`
    Bool(Option<bool>),
    /// `BYTEA`
    Bytes(Option<Vec<u8>>),
    /// `DOUBLE PRECISION`; never for money.
    Real(Option<f64>),
    /// The texts of a `list($1)`.
    TextList(Vec<String>),
    /// The numbers of an `int_list($1)`.
    IntList(Vec<i64>),
}

impl Val {
    /// The texts of many ids or words, for `IN (SELECT value FROM list($1))`.
    pub fn texts<T: ToString>(items: impl IntoIterator<Item = T>) -> Self {
        Self::TextList(items.into_iter().map(|item| item.to_string()).collect())
    }

    /// Many numbers, for `IN (SELECT value FROM int_list($1))`.
    pub fn ints(items: impl IntoIterator<Item = i64>) -> Self {
        Self::IntList(items.into_iter().collect())
    }

    /// The value as JSON text.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a fault.
    pub fn json<T: serde::Serialize>(value: &T) -> Result<Self, super::DbError> {
        serde_json::to_string(value)
            .map(|text| Self::Text(Some(text)))
            .map_err(|error| super::DbError::fault("Val::json", error))
    }
}

/// What can be bound to a placeholder.
pub trait ToVal {
    /// The value to bind.
    fn to_val(self) -> Val;

    /// NULL of the same type.
    fn null() -> Val
    where
        Self: Sized;
}

macro_rules! to_val {
    ($($type:ty => $variant:ident $convert:expr;)+) => {$(
        impl ToVal for $type {
            fn to_val(self) -> Val {
                Val::$variant(Some($convert(self)))
            }

            fn null() -> Val {
                Val::$variant(None)
            }
        }
    )+};
}

to_val! {
    String => Text std::convert::identity;
    &str => Text str::to_owned;
    std::borrow::Cow<'_, str> => Text std::borrow::Cow::into_owned;
    i64 => Int std::convert::identity;
    i32 => Int i64::from;
    u32 => Int i64::from;
    u16 => Int i64::from;
    u8 => Int i64::from;
    bool => Bool std::convert::identity;
    Vec<u8> => Bytes std::convert::identity;
    &[u8] => Bytes <[u8]>::to_vec;
    f64 => Real std::convert::identity;
}

impl<const N: usize> ToVal for [u8; N] {
    fn to_val(self) -> Val {
        Val::Bytes(Some(self.to_vec()))
    }

    fn null() -> Val {
        Val::Bytes(None)
    }
}

impl<T: ToVal> ToVal for Option<T> {
    fn to_val(self) -> Val {
        self.map_or_else(T::null, T::to_val)
    }

    fn null() -> Val {
        T::null()
    }
}

impl<T: ToVal + Clone> ToVal for &T {
    fn to_val(self) -> Val {
        self.clone().to_val()
    }

    fn null() -> Val {
        T::null()
    }
}

impl ToVal for Val {
    fn to_val(self) -> Val {
        self
    }

    fn null() -> Val {
        Val::Text(None)
    }
}

/// The values of a statement in the order of its placeholders: `vals![id, name, None::<i64>]`.
#[macro_export]
macro_rules! vals {
    ($($value:expr),* $(,)?) => {
        ::std::vec::Vec::<$crate::db::Val>::from([$($crate::db::ToVal::to_val($value)),*])
    };
}
