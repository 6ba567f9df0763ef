//! Settings: what they are, in code, and what they are set to.

use std::fmt;
use std::marker::PhantomData;

use bilten_kernel::clock::Timestamp;
use bilten_kernel::private::linkme;
use bilten_kernel::record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Maintenance;

/// Every setting of the program, filled by [`setting!`](crate::setting).
#[linkme::distributed_slice]
#[linkme(crate = linkme)]
pub static SETTINGS: [&'static Definition];

/// What a setting is: declared once, in the code of the domain that obeys it.
pub struct Definition {
    /// Its name, `area.what`; flags begin with `flag.`.
    pub key: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
    /// What its values are.
    pub kind: &'static str,
    /// What it is if nobody has set it.
    pub default: fn() -> Value,
    /// Why a value cannot be taken, if it cannot.
    pub check: fn(&Value) -> Result<(), String>,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(&self.key).finish()
    }
}

/// The name of a setting with the type of its values.
pub struct Setting<T> {
    /// What it is.
    pub definition: &'static Definition,
    /// What it is if nobody has set it.
    pub default: fn() -> T,
    #[doc(hidden)]
    pub kind: PhantomData<fn() -> T>,
}

/// What can be the value of a setting.
pub trait SettingValue: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What such values are called.
    const KIND: &'static str;

    /// Whether it can be taken by any setting of this kind.
    ///
    /// # Errors
    /// Why it cannot.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! setting_values {
    ($($type:ty => $kind:literal;)+) => {
        $(impl SettingValue for $type {
            const KIND: &'static str = $kind;
        })+
    };
}

setting_values! {
    bool => "boolean";
    i64 => "integer";
    String => "text";
    Vec<String> => "list of texts";
}

impl SettingValue for Flag {
    const KIND: &'static str = "flag";

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Percentage { percent } if *percent > 100 => {
                Err("percent is at most 100".to_owned())
            }
            Self::Organisations { organisations } if organisations.len() > 10_000 => {
                Err("a list holds at most 10,000 organisations".to_owned())
            }
            Self::Off | Self::On | Self::Percentage { .. } | Self::Organisations { .. } => Ok(()),
        }
    }
}

impl SettingValue for Option<Maintenance> {
    const KIND: &'static str = "maintenance";

    fn check(&self) -> Result<(), String> {
        match self {
            Some(maintenance) => maintenance.check(),
            None => Ok(()),
        }
    }
}

/// Whether a value can be taken: of the right type, and not refused by the setting's own rule.
#[doc(hidden)]
pub fn check_value<T: SettingValue>(
    value: &Value,
    rule: impl FnOnce(&T) -> Result<(), String>,
) -> Result<(), String> {
    let value = T::deserialize(value).map_err(|error| error.to_string())?;
    value.check()?;
    rule(&value)
}

/// Declares a setting in the domain that obeys it; it is listed, set and rolled back with all others.
///
/// ```
/// bilten_server::setting! {
///     /// How many tickets one order may hold.
///     pub MOST_TICKETS: i64 = "example.most_tickets", default: || 10,
///     rule: |most| if *most > 0 { Ok(()) } else { Err("at least one".to_owned()) }
/// }
/// bilten_server::setting! {
///     /// The new seat map.
///     pub SEAT_MAP: bilten_server::platform::Flag = "flag.seat_map",
///     default: || bilten_server::platform::Flag::Off
/// }
/// assert_eq!((MOST_TICKETS.default)(), 10);
/// ```
#[macro_export]
macro_rules! setting {
    ($(#[doc = $about:literal])+ $visibility:vis $name:ident: $type:ty = $key:literal,
        default: $default:expr $(, rule: $rule:expr)? $(,)?) => {
        $(#[doc = $about])+
        $visibility static $name: $crate::platform::Setting<$type> = {
            static DEFINITION: $crate::platform::Definition = $crate::platform::Definition {
                key: $key,
                about: concat!($($about),+),
                kind: <$type as $crate::platform::SettingValue>::KIND,
                default: || {
                    let default: fn() -> $type = $default;
                    serde_json::to_value(default()).unwrap_or_default()
                },
                check: |value| {
                    let rule: fn(&$type) -> Result<(), String> = $crate::setting!(@rule $($rule)?);
                    $crate::platform::check_value(value, rule)
                },
            };
            #[bilten_kernel::private::linkme::distributed_slice($crate::platform::SETTINGS)]
            #[linkme(crate = bilten_kernel::private::linkme)]
            static ENTRY: &$crate::platform::Definition = &DEFINITION;
            $crate::platform::Setting {
                definition: &DEFINITION,
                default: $default,
                kind: std::marker::PhantomData,
            }
        };
    };
    (@rule) => { |_| Ok(()) };
    (@rule $rule:expr) => { $rule };
}

/// Who gets something new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "for", rename_all = "snake_case", deny_unknown_fields)]
pub enum Flag {
    /// Nobody.
    Off,
    /// Everybody.
    On,
    /// A part of all organisations, always the same ones; more per cent only add some.
    Percentage {
        /// How many in a hundred.
        percent: u8,
    },
    /// These.
    Organisations {
        /// Their ids.
        organisations: Vec<String>,
    },
}

impl Flag {
    /// Whether it is on for an organisation.
    pub fn is_on(&self, key: &str, organisation: &str) -> bool {
        match self {
            Self::Off => false,
            Self::On => true,
            Self::Percentage { percent } => share(key, organisation) < u64::from(*percent) * 100,
            Self::Organisations { organisations } => {
                organisations.iter().any(|one| one == organisation)
            }
        }
    }
}

/// Where an organisation stands among ten thousand, for one flag; the same for ever.
fn share(key: &str, organisation: &str) -> u64 {
    let hash = Sha256::new()
        .chain_update(key)
        .chain_update([0])
        .chain_update(organisation)
        .finalize();
    hash.iter()
        .take(8)
        .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        % 10_000
}

record! {
    /// A setting that was set, as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct SettingRow {
        pub key: String,
        pub value: Option<String>,
        pub version: i64,
        pub updated_at: Timestamp,
    }
}

record! {
    /// A change of a setting, as it is stored.
    #[derive(Clone, Debug)]
    pub(in crate::platform) struct ChangeRow {
        pub version: i64,
        pub old_value: Option<String>,
        pub new_value: Option<String>,
        pub actor: String,
        pub reason: String,
        pub at: Timestamp,
    }
}

/// A setting as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SettingState {
    /// Its name.
    pub key: String,
    /// What it does.
    pub about: String,
    /// What its values are.
    pub kind: String,
    /// What it is now.
    #[schema(value_type = Value)]
    pub value: Value,
    /// What it is if nobody sets it.
    #[schema(value_type = Value)]
    pub default: Value,
    /// How often it was changed; to be named by the next change.
    pub version: i64,
    /// When it was changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// A change of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SettingChange {
    /// The version that it made.
    pub version: i64,
    /// What it was before; nothing if it was the default.
    #[schema(value_type = Option<Value>)]
    pub old: Option<Value>,
    /// What it became; nothing if it was set back to the default.
    #[schema(value_type = Option<Value>)]
    pub new: Option<Value>,
    /// Who changed it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_stable_and_grows() {
        let names: Vec<String> = (0..2_000).map(|n| format!("org_{n}")).collect();
        let on = |percent| {
            let flag = Flag::Percentage { percent };
            let is_on = |name: &&String| flag.is_on("flag.a", name);
            names.iter().filter(is_on).collect::<Vec<_>>()
        };
        assert_eq!((on(0).len(), on(100).len()), (0, 2_000));
        let (few, many) = (on(10), on(40));
        assert!((140..260).contains(&few.len()), "{}", few.len());
        assert!(few.iter().all(|name| many.contains(name)));
        assert_eq!(few, on(10));
        // Another flag begins with others; and this must never change.
        let other = Flag::Percentage { percent: 10 };
        assert!(!few.iter().all(|name| other.is_on("flag.b", name)));
        assert_eq!(share("flag.a", "org_0"), 2_887);
    }

    #[test]
    fn every_setting_has_a_name_of_its_own_and_a_default_that_it_takes() {
        let mut seen = std::collections::HashSet::new();
        for definition in SETTINGS {
            assert!(seen.insert(definition.key), "{}", definition.key);
            let default = (definition.default)();
            assert_eq!((definition.check)(&default), Ok(()), "{}", definition.key);
            let is_flag = definition.key.starts_with("flag.");
            assert_eq!(is_flag, definition.kind == Flag::KIND, "{}", definition.key);
            assert!(!definition.about.trim().is_empty());
        }
        assert!(seen.contains("maintenance"));
    }
}
