//! Money: whole minor units with a currency, never a float.
//!
//! Arithmetic is checked: adding euros to yen, or past the end of `i64`, is an error and not a
//! wrong number. The API shows both the minor units (for programs) and, where people read it,
//! [`Money::decimal`]. To add a currency, add its ISO 4217 code to one of the lists below.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// ISO 4217 codes whose minor unit is the unit itself.
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// ISO 4217 codes with a thousand minor units.
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// ISO 4217 codes with a hundred minor units.
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD \
    BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
    GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP \
    LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD \
    PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG";

/// A currency by its ISO 4217 code, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// The three letters.
    pub fn code(&self) -> &str {
        // Only known codes are ever constructed, and those are ASCII.
        str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimals its minor unit has: 0, 2 or 3.
    pub fn exponent(self) -> u32 {
        let listed = |codes: &str| codes.split(' ').any(|code| code == self.code());
        if self == Self::EUR {
            2
        } else if listed(NO_DECIMALS) {
            0
        } else if listed(THREE_DECIMALS) {
            3
        } else {
            2
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code = <[u8; 3]>::try_from(text.as_bytes()).map_err(|_| MoneyError::Currency)?;
        [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS]
            .iter()
            .any(|codes| codes.split(' ').any(|known| known == text))
            .then_some(Self(code))
            .ok_or(MoneyError::Currency)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("ISO 4217 code of a currency."))
            .pattern(Some("^[A-Z]{3}$"))
            .examples(["EUR"])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Currency {}

/// Why a sum of money cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a currency's code.
    #[error("expected the ISO 4217 code of a currency in upper case, like EUR")]
    Currency,
    /// Two currencies met in one sum.
    #[error("{0} and {1} cannot be added up")]
    Mixed(Currency, Currency),
    /// The result does not fit.
    #[error("the amount is too large")]
    Overflow,
}

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The amount in the currency's minor unit: 1250 is 12.50 EUR, 1250 JPY and 1.250 KWD.
    #[cfg_attr(feature = "schema", schema(example = 1250))]
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// `minor` minor units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of both.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    #[expect(
        clippy::should_implement_trait,
        reason = "the operator cannot refuse, and a refusal is the point"
    )]
    pub fn add(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_add)
    }

    /// What is left after `other` is taken away.
    ///
    /// # Errors
    /// When the currencies differ or the difference does not fit.
    #[expect(
        clippy::should_implement_trait,
        reason = "the operator cannot refuse, and a refusal is the point"
    )]
    pub fn sub(self, other: Self) -> Result<Self, MoneyError> {
        self.with(other, i64::checked_sub)
    }

    /// The amount `count` times.
    ///
    /// # Errors
    /// When the product does not fit.
    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(count).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }

    /// `numerator / denominator` of it, rounded half away from zero: 7.25 % is `share(725, 10_000)`.
    ///
    /// # Errors
    /// When the denominator is zero or the result does not fit.
    pub fn share(self, numerator: i64, denominator: i64) -> Result<Self, MoneyError> {
        let (mut above, mut below) = (
            i128::from(self.minor) * i128::from(numerator),
            i128::from(denominator),
        );
        if below < 0 {
            (above, below) = (-above, -below);
        }
        if below == 0 {
            return Err(MoneyError::Overflow);
        }
        let half = if above < 0 { -below } else { below };
        let minor = i64::try_from((2 * above + half) / (2 * below));
        Ok(Self::new(
            minor.map_err(|_| MoneyError::Overflow)?,
            self.currency,
        ))
    }

    /// The sum of all `parts`, zero of `currency` if there are none.
    ///
    /// # Errors
    /// When one has another currency or the sum does not fit.
    pub fn sum(
        currency: Currency,
        parts: impl IntoIterator<Item = Self>,
    ) -> Result<Self, MoneyError> {
        parts.into_iter().try_fold(Self::zero(currency), Self::add)
    }

    /// The amount as a plain decimal with a point, without the currency: `-12.50`.
    pub fn decimal(self) -> String {
        let exponent = self.currency.exponent();
        let (unit, magnitude) = (10u64.pow(exponent), self.minor.unsigned_abs());
        let sign = if self.minor < 0 { "-" } else { "" };
        if exponent == 0 {
            return format!("{sign}{magnitude}");
        }
        let width = usize::try_from(exponent).unwrap_or(0);
        format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
    }

    fn with(self, other: Self, sum: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let minor = sum(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, self.currency))
    }
}

impl fmt::Display for Money {
    /// The decimal and the code: `12.50 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn euro(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn decimals_follow_the_currency() {
        for (code, minor, text) in [
            ("EUR", 1250, "12.50"),
            ("EUR", -5, "-0.05"),
            ("JPY", 1250, "1250"),
            ("KWD", 1250, "1.250"),
            ("USD", i64::MIN, "-92233720368547758.08"),
        ] {
            assert_eq!(Money::new(minor, code.parse().unwrap()).decimal(), text);
        }
    }

    #[test]
    fn only_known_codes_are_currencies() {
        for text in ["", "eur", "EURO", "XXX", "E R", "€", "R E"] {
            assert_eq!(
                text.parse::<Currency>(),
                Err(MoneyError::Currency),
                "{text}"
            );
        }
    }

    #[test]
    fn sums_are_checked() {
        let yen = Money::new(1, "JPY".parse().unwrap());
        assert_eq!(euro(1).add(euro(2)), Ok(euro(3)));
        assert_eq!(euro(1).sub(euro(2)), Ok(euro(-1)));
        assert!(matches!(euro(1).add(yen), Err(MoneyError::Mixed(..))));
        assert_eq!(euro(i64::MAX).add(euro(1)), Err(MoneyError::Overflow));
        assert_eq!(euro(i64::MAX).times(2), Err(MoneyError::Overflow));
        assert_eq!(Money::sum(Currency::EUR, [euro(1), euro(2)]), Ok(euro(3)));
        assert_eq!(Money::sum(Currency::EUR, []), Ok(euro(0)));
    }

    #[test]
    fn shares_round_half_away_from_zero() {
        assert_eq!(euro(1000).share(725, 10_000), Ok(euro(73)));
        assert_eq!(euro(-1000).share(725, 10_000), Ok(euro(-73)));
        assert_eq!(euro(1).share(1, 2), Ok(euro(1)));
        assert_eq!(euro(1).share(1, 3), Ok(euro(0)));
        assert_eq!(euro(1).share(1, 0), Err(MoneyError::Overflow));
        assert_eq!(euro(i64::MAX).share(2, 1), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn a_share_is_never_more_than_half_a_unit_off(minor: i32, numerator in 0i64..10_000) {
            let got = i128::from(euro(i64::from(minor)).share(numerator, 10_000).unwrap().minor);
            let exact = i128::from(minor) * i128::from(numerator);
            prop_assert!((got * 10_000 - exact).abs() <= 5_000);
        }
    }
}
