//! Stable names for the variants of our enums of faults.

/// Gives an enum its `ALL` and its `code()`; a variant without a name does not compile.
macro_rules! codes {
    ($name:ident { $($variant:ident = $code:literal,)+ }) => {
        impl $name {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, for programs, logs and test vectors.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }
    };
}
pub(crate) use codes;
