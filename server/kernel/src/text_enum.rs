//! Enums that are a word outside: in the database, in JSON and in OpenAPI.
//!
//! ```
//! bilten_kernel::text_enum! {
//!     /// Where a parcel is.
//!     pub enum ParcelState {
//!         /// Not yet sent.
//!         Packed = "packed",
//!         /// On its way.
//!         Sent = "sent",
//!     }
//! }
//! assert_eq!("sent".parse(), Ok(ParcelState::Sent));
//! assert_eq!(ParcelState::Packed.as_str(), "packed");
//! assert_eq!(ParcelState::ALL.len(), 2);
//! ```

/// The text is none of the words of the enum; says which ones there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownWord(pub &'static [&'static str]);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected one of: {}", self.0.join(", "))
    }
}

impl std::error::Error for UnknownWord {}

/// Declares an enum whose variants are words; see the module's example.
///
/// It is `Copy`, `Eq`, `Hash`, `Display`/`FromStr`/serde as its word, a database value (`TEXT`)
/// and an OpenAPI string enum; `ALL` lists the variants and `as_str` gives the word.
#[macro_export]
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order they are declared.
            $visibility const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that means this variant.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::text_enum::UnknownWord;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::text_enum::UnknownWord(&[$($word),+])),
                }
            }
        }

        impl $crate::private::serde::Serialize for $name {
            fn serialize<S: $crate::private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                $crate::id::text_from(deserializer)
            }
        }

        impl $crate::db::ToVal for $name {
            fn to_val(self) -> $crate::db::Val {
                $crate::db::Val::Text(Some(self.as_str().to_owned()))
            }

            fn null() -> $crate::db::Val {
                $crate::db::Val::Text(None)
            }
        }

        impl $crate::db::FromCol for $name {
            fn from_col(col: $crate::db::Col<'_>) -> ::std::result::Result<Self, $crate::db::ColError> {
                col.parse()
            }
        }

        impl $crate::private::utoipa::PartialSchema for $name {
            fn schema() -> $crate::private::utoipa::openapi::RefOr<
                $crate::private::utoipa::openapi::schema::Schema,
            > {
                $crate::private::utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type($crate::private::utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($word),+]))
                    .into()
            }
        }

        impl $crate::private::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}
