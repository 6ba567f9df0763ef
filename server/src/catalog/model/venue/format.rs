//! How countries write addresses and postal codes.
//!
//! A table of our own rather than a crate: there is none that is alive and small; the data of the big
//! ones is about parsing, which is not what a form needs. A country that is missing gets street,
//! postal code and city, and takes any short code.

use bilten_kernel::text_enum;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::model::country::Country;

text_enum! {
    /// A field of an address.
    pub enum AddressField {
        /// Street and number.
        Street = "street",
        /// The postal code.
        PostalCode = "postal_code",
        /// The city or village.
        City = "city",
        /// The state, province or county.
        Region = "region",
    }
}

/// How a country writes addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFormat {
    /// The countries, by code; empty for all others.
    countries: &'static str,
    /// Its lines with `|` between them.
    pub(super) lines: &'static str,
    /// Its postal codes with `|` between their forms: `9` is a digit, `@` a letter, `*` either, all
    /// else itself. Empty means that anything short will do.
    codes: &'static str,
    /// What no address is complete without, besides street and city.
    required: &'static str,
}

const fn row(
    countries: &'static str,
    lines: &'static str,
    codes: &'static str,
    required: &'static str,
) -> AddressFormat {
    AddressFormat {
        countries,
        lines,
        codes,
        required,
    }
}

const EUROPEAN: &str = "street|postal city";

const FORMATS: &[AddressFormat] = &[
    row(
        "AT AL AM BE BG CH CY DK GE HU LI LU MD MK NO SI TN",
        EUROPEAN,
        "9999",
        "postal",
    ),
    row(
        "BA DE DZ EE FI FR HR MA MC ME RS TR UA XK",
        EUROPEAN,
        "99999",
        "postal",
    ),
    row("IT SM VA", "street|postal city region", "99999", "postal"),
    row("ES", "street|postal city|region", "99999", "postal"),
    row("CZ GR SK SE", EUROPEAN, "999 99", "postal"),
    row("NL", EUROPEAN, "9999 @@", "postal"),
    row("PL", EUROPEAN, "99-999", "postal"),
    row("PT", EUROPEAN, "9999-999", "postal"),
    row("RO", EUROPEAN, "999999", "postal"),
    row("IS FO", EUROPEAN, "999", "postal"),
    row("LT", EUROPEAN, "LT-99999", "postal"),
    row("LV", "street|city|postal", "LV-9999", "postal"),
    row("AD", EUROPEAN, "AD999", "postal"),
    row("MT", "street|city postal", "@@@ 9999", "postal"),
    row(
        "GB GG IM JE GI",
        "street|city|region|postal",
        "@9 9@@|@99 9@@|@@9 9@@|@@99 9@@|@9@ 9@@|@@9@ 9@@",
        "postal",
    ),
    // Everybody has an Eircode; few know theirs.
    row("IE", "street|city|region|postal", "@99 ****|D6W ****", ""),
    row(
        "US PR",
        "street|city region postal",
        "99999|99999-9999",
        "region postal",
    ),
    row(
        "CA",
        "street|city region postal",
        "@9@ 9@9",
        "region postal",
    ),
    row("AU", "street|city region postal", "9999", "region postal"),
    row("NZ ZA", "street|city postal", "9999", "postal"),
    row(
        "JP",
        "street|city region postal",
        "999-9999",
        "region postal",
    ),
    row("KR", "street|city region|postal", "99999", "postal"),
    row("CN", "street|city region|postal", "999999", "region postal"),
    row("TW", "street|city postal", "999|99999|999999", "postal"),
    row("IN", "street|city postal|region", "999999", "region postal"),
    row("SG", "street|city postal", "999999", "postal"),
    row(
        "BR",
        "street|city - region|postal",
        "99999-999",
        "region postal",
    ),
    row("MX", "street|postal city region", "99999", "region postal"),
    row("AR", "street|postal city|region", "9999|@9999@@@", "postal"),
    // There are no postal codes, or nobody uses them.
    row("AE BS HK QA", "street|city|region", "", ""),
];

const OTHERS: AddressFormat = row("", EUROPEAN, "", "");

/// How a country writes addresses.
pub fn format_of(country: Country) -> &'static AddressFormat {
    FORMATS
        .iter()
        .find(|format| {
            let mut countries = format.countries.split(' ');
            countries.any(|code| code == country.code())
        })
        .unwrap_or(&OTHERS)
}

/// How a form asks for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddressForm {
    /// The fields in the order of the country.
    pub fields: Vec<AddressField>,
    /// Those that must be filled in.
    pub required: Vec<AddressField>,
    /// A postal code of the country's form, if it has one.
    pub postal_code_example: Option<String>,
}

impl AddressFormat {
    /// Whether addresses have a field.
    pub fn has(&self, field: AddressField) -> bool {
        let token = match field {
            AddressField::Street => "street",
            AddressField::PostalCode => "postal",
            AddressField::City => "city",
            AddressField::Region => "region",
        };
        self.lines.split(['|', ' ']).any(|word| word == token)
    }

    /// Whether no address is complete without a field.
    pub fn requires(&self, field: AddressField) -> bool {
        let requires = |token: &str| self.required.split(' ').any(|word| word == token);
        match field {
            AddressField::Street | AddressField::City => true,
            AddressField::PostalCode => requires("postal"),
            AddressField::Region => requires("region"),
        }
    }

    /// What a form asks for.
    pub fn form(&self) -> AddressForm {
        let fields = self
            .lines
            .split(['|', ' '])
            .filter_map(|word| match word {
                "street" => Some(AddressField::Street),
                "postal" => Some(AddressField::PostalCode),
                "city" => Some(AddressField::City),
                "region" => Some(AddressField::Region),
                _ => None,
            })
            .collect::<Vec<_>>();
        let required = fields
            .iter()
            .copied()
            .filter(|field| self.requires(*field))
            .collect();
        let example = self.example();
        AddressForm {
            fields,
            required,
            postal_code_example: (!example.is_empty()).then_some(example),
        }
    }

    /// A postal code of its form; empty if it has none.
    pub(super) fn example(&self) -> String {
        let form = self.codes.split('|').next().unwrap_or_default();
        form.chars()
            .map(|c| match c {
                '9' | '*' => '1',
                '@' => 'A',
                other => other,
            })
            .collect()
    }

    /// A postal code as the country writes it, however somebody typed it; none if it is not one.
    pub fn postal_code(&self, text: &str) -> Option<String> {
        if self.codes.is_empty() {
            let is_short = text.len() <= 12
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b' ' || b == b'-');
            return is_short.then(|| text.to_uppercase());
        }
        let typed: Vec<char> = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        self.codes.split('|').find_map(|form| fill(form, &typed))
    }
}

/// What was typed, in the shape of a form; what is fixed in it may be left out at its start.
fn fill(form: &str, typed: &[char]) -> Option<String> {
    let prefix: Vec<char> = match form.split_once('-') {
        // `LT-99999`: most people leave the country out.
        Some((fixed, _)) if fixed.chars().all(char::is_alphabetic) => fixed.chars().collect(),
        _ => Vec::new(),
    };
    let mut typed = typed
        .strip_prefix(prefix.as_slice())
        .unwrap_or(typed)
        .iter()
        .copied();
    let mut filled = String::new();
    for (i, shape) in form.chars().enumerate() {
        if i < prefix.len() || matches!(shape, ' ' | '-') {
            filled.push(shape);
            continue;
        }
        let c = typed.next()?;
        let fits = match shape {
            '9' => c.is_ascii_digit(),
            '@' => c.is_ascii_alphabetic(),
            '*' => c.is_ascii_alphanumeric(),
            fixed => c == fixed,
        };
        if !fits {
            return None;
        }
        filled.push(c);
    }
    typed.next().is_none().then_some(filled)
}
