//! An organisation's profile and brand: what its pages show of it.
//!
//! Colours go into CSS variables as a [`Colour`] is written, which is nothing but `#` and six digits;
//! what fails its contrast is refused here, so pages need no second thought.

use std::fmt;
use std::str::FromStr;

use bilten_kernel::error::FieldError;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::FileId;
use super::texts::{Language, Texts, is_unwanted};
use crate::identity::{Email, Phone};

/// Contrast of text with what is behind it (WCAG 2.2, 1.4.3 AA).
pub const TEXT_CONTRAST: f64 = 4.5;
/// Contrast of buttons with what is behind them (WCAG 2.2, 1.4.11 AA).
pub const CONTROL_CONTRAST: f64 = 3.0;
/// The most links of a profile.
pub const MAX_LINKS: usize = 20;

/// A colour of the screen, as `#1a2b3c`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// A text that is not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a colour like #1a2b3c")]
pub struct ColourError;

impl Colour {
    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);

    /// The colour of these parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// How bright it is to the eye, from 0 to 1 (WCAG's relative luminance).
    pub fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast of two colours, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever is read better on it.
    pub fn readable(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) {
            Self::WHITE
        } else {
            Self::BLACK
        }
    }
}

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').ok_or(ColourError)?;
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ColourError);
        }
        let all = u32::from_str_radix(digits, 16).map_err(|_| ColourError)?;
        let [_, red, green, blue] = all.to_be_bytes();
        Ok(Self::new(red, green, blue))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl fmt::Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bilten_kernel::id::text_from(deserializer)
    }
}

impl utoipa::PartialSchema for Colour {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A colour by its red, green and blue parts."))
            .pattern(Some("^#[0-9a-fA-F]{6}$"))
            .examples(["#1a2b3c"])
            .into()
    }
}

impl ToSchema for Colour {}

/// How an organisation's pages look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// What is behind everything.
    pub background: Colour,
    /// Text on the background.
    pub text: Colour,
    /// Buttons and links.
    pub primary: Colour,
    /// Text on buttons; without it, black or white.
    pub on_primary: Option<Colour>,
    /// The logo, a picture that the organisation has sent.
    pub logo: Option<FileId>,
    /// What the logo shows, for those who do not see it.
    #[serde(default)]
    pub logo_text: Texts,
}

impl Brand {
    /// Whether everybody can read it.
    ///
    /// # Errors
    /// The pairs of colours that are too much alike, and a logo that says nothing.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let on_primary = self.on_primary.unwrap_or_else(|| self.primary.readable());
        let pairs = [
            ("text", self.text, self.background, TEXT_CONTRAST),
            ("on_primary", on_primary, self.primary, TEXT_CONTRAST),
            ("primary", self.primary, self.background, CONTROL_CONTRAST),
        ];
        let mut faults = Vec::new();
        for (field, front, back, least) in pairs {
            let contrast = front.contrast(back);
            if contrast < least {
                // Rounded down, lest 4.499 reads as enough.
                let shown = (contrast * 100.0).floor() / 100.0;
                faults.push(FieldError {
                    field: field.to_owned(),
                    code: "contrast".into(),
                    detail: format!("has a contrast of {shown:.2}, and needs {least:.1}"),
                });
            }
        }
        if self.logo.is_some() && self.logo_text.is_empty() {
            faults.push(FieldError {
                field: "logo_text".to_owned(),
                code: "required".into(),
                detail: "say what the logo shows".to_owned(),
            });
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

/// What an organisation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// The language of its plain texts, and of events that say no other.
    pub language: Option<Language>,
    /// Who it is.
    pub about: Texts,
    /// Where people write to; empty if nowhere.
    pub contact_email: String,
    /// Where people call, with its country; empty if nowhere.
    pub contact_phone: String,
    /// Where it is, in lines; empty if that is nobody's business.
    pub contact_address: String,
    /// Its name as registers have it, for invoices and imprints.
    pub legal_name: String,
    /// Its number for taxes, as its country writes it.
    pub tax_number: String,
    /// Its pages elsewhere.
    pub links: Vec<String>,
}

impl Profile {
    /// Whether it can be shown.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut add = |field: String, code: &'static str, detail: &str| {
            faults.push(FieldError {
                field,
                code: code.into(),
                detail: detail.to_owned(),
            });
        };
        for (field, text, max, lines) in [
            ("legal_name", &self.legal_name, 200, false),
            ("tax_number", &self.tax_number, 30, false),
            ("contact_address", &self.contact_address, 500, true),
        ] {
            if text.chars().count() > max {
                add(field.to_owned(), "too_long", "is too long");
            } else if text.chars().any(|c| is_unwanted(c, lines)) {
                let detail = "must not contain control characters";
                add(field.to_owned(), "control_characters", detail);
            }
        }
        if !self.contact_email.is_empty() && self.contact_email.parse::<Email>().is_err() {
            let detail = "must be an e-mail address";
            add("contact_email".to_owned(), "email", detail);
        }
        if !self.contact_phone.is_empty() && self.contact_phone.parse::<Phone>().is_err() {
            let detail = "must be a telephone number with its country";
            add("contact_phone".to_owned(), "phone", detail);
        }
        if self.links.len() > MAX_LINKS {
            add("links".to_owned(), "too_many", "has too many links");
        }
        for (i, link) in self.links.iter().take(MAX_LINKS).enumerate() {
            if !is_link(link) {
                let detail = "must be an address like https://example.com";
                add(format!("links[{i}]"), "link", detail);
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

/// Whether a text is the address of a page that may be linked to.
pub fn is_link(text: &str) -> bool {
    text.len() <= 500
        && url::Url::parse(text).is_ok_and(|url| {
            url.scheme() == "https"
                && url.domain().is_some_and(|domain| domain.contains('.'))
                && url.username().is_empty()
                && url.password().is_none()
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    fn brand(background: &str, text: &str, primary: &str) -> Brand {
        Brand {
            background: colour(background),
            text: colour(text),
            primary: colour(primary),
            on_primary: None,
            logo: None,
            logo_text: Texts::default(),
        }
    }

    fn fields(faults: Result<(), Vec<FieldError>>) -> Vec<String> {
        let faults = faults.unwrap_err();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!((Colour::WHITE.contrast(Colour::WHITE) - 1.0).abs() < 1e-9);
        // The well-known border: 767676 passes on white, 777777 does not.
        assert!(colour("#767676").contrast(Colour::WHITE) >= TEXT_CONTRAST);
        assert!(colour("#777777").contrast(Colour::WHITE) < TEXT_CONTRAST);
        assert_eq!(colour("#ffff00").readable(), Colour::BLACK);
        assert_eq!(colour("#000080").readable(), Colour::WHITE);
    }

    #[test]
    fn brands_that_cannot_be_read_are_refused() {
        assert_eq!(brand("#ffffff", "#222222", "#0055aa").check(), Ok(()));
        assert_eq!(
            fields(brand("#ffffff", "#999999", "#0055aa").check()),
            ["text"]
        );
        assert_eq!(
            fields(brand("#ffffff", "#000000", "#ffee00").check()),
            ["primary"]
        );
        let mut own = brand("#ffffff", "#222222", "#0055aa");
        own.on_primary = Some(colour("#3377bb"));
        own.logo = Some(FileId::from_bytes([1; 16]));
        assert_eq!(fields(own.check()), ["on_primary", "logo_text"]);
    }

    #[test]
    fn colours_are_exact() {
        assert_eq!(colour("#1A2b3C").to_string(), "#1a2b3c");
        for text in [
            "", "#", "#fff", "1a2b3c", "#1a2b3g", "#+12345", "#1a2b3c;", "red", "#éé1a",
        ] {
            assert_eq!(text.parse::<Colour>(), Err(ColourError), "{text}");
        }
    }

    #[test]
    fn links_lead_to_public_pages() {
        assert!(is_link("https://example.com/a?b=c"));
        for text in [
            "http://example.com",
            "javascript:alert(1)",
            "https://me@example.com",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "example.com",
            "",
        ] {
            assert!(!is_link(text), "{text}");
        }
        let profile = Profile {
            legal_name: "a\u{7}".to_owned(),
            tax_number: "1".repeat(31),
            contact_email: "nobody".to_owned(),
            contact_phone: "1".to_owned(),
            links: vec!["https://example.com".to_owned(), "x".to_owned()],
            ..Profile::default()
        };
        assert_eq!(
            fields(profile.check()),
            [
                "legal_name",
                "tax_number",
                "contact_email",
                "contact_phone",
                "links[1]"
            ]
        );
    }

    proptest! {
        /// On any colour at all, black or white can be read.
        #[test]
        fn something_is_always_readable(red in any::<u8>(), green in any::<u8>(), blue in any::<u8>()) {
            let colour = Colour::new(red, green, blue);
            prop_assert!(colour.contrast(colour.readable()) >= TEXT_CONTRAST);
            prop_assert_eq!(colour.to_string().parse::<Colour>(), Ok(colour));
        }
    }
}
