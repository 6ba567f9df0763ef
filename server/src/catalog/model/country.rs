//! Countries by their codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The codes of ISO 3166-1, and XK, which everybody uses for Kosovo.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL \
    BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE \
    DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ \
    GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM \
    KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ \
    MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN \
    PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY \
    SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF \
    WS XK YE YT ZA ZM ZW";

/// The members of the European Union.
const EUROPEAN_UNION: &str =
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

/// A country by its ISO 3166-1 code, in upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// A text that is not the code of a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the ISO 3166-1 code of a country in upper case, like SI")]
pub struct CountryError;

impl Country {
    /// The two letters.
    pub fn code(&self) -> &str {
        // Only known codes are ever constructed, and those are ASCII.
        str::from_utf8(&self.0).unwrap_or("ZZ")
    }

    /// Whether it is a member of the European Union.
    pub fn is_in_european_union(self) -> bool {
        EUROPEAN_UNION.split(' ').any(|code| code == self.code())
    }

    /// All countries, by code.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES
            .split_whitespace()
            .filter_map(|code| code.parse().ok())
    }
}

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let code = <[u8; 2]>::try_from(text.as_bytes()).map_err(|_| CountryError)?;
        CODES
            .split_whitespace()
            .any(|known| known == text)
            .then_some(Self(code))
            .ok_or(CountryError)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Country {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("ISO 3166-1 code of a country."))
            .pattern(Some("^[A-Z]{2}$"))
            .examples(["SI"])
            .into()
    }
}

impl utoipa::ToSchema for Country {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_exact() {
        assert_eq!("SI".parse::<Country>().unwrap().to_string(), "SI");
        for text in ["", "S", "si", "SVN", "UK", "EU", "ZZ", "S ", "Š"] {
            assert_eq!(text.parse::<Country>(), Err(CountryError), "{text}");
        }
        assert_eq!(Country::all().count(), 250);
        assert!(Country::all().is_sorted());
        let union = Country::all().filter(|country| country.is_in_european_union());
        assert_eq!(union.count(), 27);
    }
}
