//! The letters of promo codes: one form for everything that reads alike.
//!
//! Codes are read from posters, heard on the radio and typed on phones. So upper and lower case,
//! accents, spaces and dashes make no difference, wide and ornamental letters are plain ones, and
//! letters that look alike are one letter: `O` is `0`, `I` and `L` are `1`, and Greek and Cyrillic
//! capitals that look like Latin ones are those. Two codes of an organiser with one form are one
//! code, so the second is refused when it is made; whoever types either finds it.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most characters of a code's form.
pub const MAX_CODE: usize = 40;

/// Crockford's base 32: no letter of it looks like another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text cannot be a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LetterFault {
    /// Nothing is left of it.
    #[error("the code has no letters or digits")]
    Empty,
    /// It is longer than [`MAX_CODE`].
    #[error("the code is longer than 40 characters")]
    TooLong,
    /// It has something that is neither letter nor digit.
    #[error("the code may only have letters, digits, spaces and dashes")]
    Character,
}

/// The form under which a code is stored and looked up. The form of a form is itself.
///
/// # Errors
/// When the text cannot be a code.
pub fn canonical(text: &str) -> Result<String, LetterFault> {
    // Before anything is normalised: one character can become eighteen.
    if text.len() > 16 * MAX_CODE {
        return Err(LetterFault::TooLong);
    }
    let upper = text
        .nfkd()
        .filter(|letter| !is_accent(*letter))
        .flat_map(char::to_uppercase)
        .nfkd()
        .filter(|letter| !is_accent(*letter));
    let mut form = String::new();
    let mut count = 0;
    for letter in upper {
        if is_gap(letter) {
            continue;
        }
        if !letter.is_alphanumeric() && !is_combining_mark(letter) {
            return Err(LetterFault::Character);
        }
        count += 1;
        if count > MAX_CODE {
            return Err(LetterFault::TooLong);
        }
        form.push(look(letter));
    }
    if form.is_empty() {
        return Err(LetterFault::Empty);
    }
    Ok(form)
}

/// A code for a batch out of random bytes, each of which gives one letter; it is its own form.
#[must_use]
pub fn batch_code(random: &[u8]) -> String {
    random
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
        .collect()
}

/// The combining marks of Latin, Greek and Cyrillic; those of other scripts are letters of theirs.
const fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// What does not count: spaces, dashes, and what nobody sees.
fn is_gap(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '_' | '\u{ad}' | '\u{61c}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'
        )
}

/// The letter that stands for all that look like this one.
const fn look(letter: char) -> char {
    match letter {
        'O' | 'Ο' | 'О' | 'Օ' => '0',
        'I' | 'L' | 'Ι' | 'І' | 'Ӏ' | 'Ⲓ' => '1',
        'Α' | 'А' => 'A',
        'Β' | 'В' => 'B',
        'С' | 'Ϲ' => 'C',
        'Ε' | 'Е' => 'E',
        'Ԍ' => 'G',
        'Η' | 'Н' => 'H',
        'Ј' | 'Ϳ' => 'J',
        'Κ' | 'К' => 'K',
        'Μ' | 'М' => 'M',
        'Ν' => 'N',
        'Ρ' | 'Р' => 'P',
        'Ѕ' | 'Տ' => 'S',
        'Τ' | 'Т' => 'T',
        'Ս' => 'U',
        'Ԝ' => 'W',
        'Χ' | 'Х' => 'X',
        'Ԛ' => 'Q',
        'Ѵ' => 'V',
        'Υ' | 'У' | 'Ү' => 'Y',
        'Ζ' => 'Z',
        // The digits of other scripts that people type.
        '٠' | '۰' | '०' => '0',
        '١' | '۱' | '१' => '1',
        '٢' | '۲' | '२' => '2',
        '٣' | '۳' | '३' => '3',
        '٤' | '۴' | '४' => '4',
        '٥' | '۵' | '५' => '5',
        '٦' | '۶' | '६' => '6',
        '٧' | '۷' | '७' => '7',
        '٨' | '۸' | '८' => '8',
        '٩' | '۹' | '९' => '9',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_reads_alike_is_alike() {
        for (form, texts) in [
            (
                "SUMMER2026",
                &[
                    "summer2026",
                    " Sum-mer 2026",
                    "ＳＵＭＭＥＲ２０２６",
                    "sümmer2O26",
                ][..],
            ),
            (
                "R0CK",
                &["rock", "R0CK", "RОСК", "RΟCΚ", "r\u{200b}ock"][..],
            ),
            // The capitals that number plates share, and what comes along when a text is copied.
            (
                "ABEKMH0PCTYX",
                &[
                    "АВЕКМНОРСТУХ",
                    "авекмнорстух",
                    "\u{2068}abekmhopctyx\u{2069}",
                    "\u{202a}ABEKMHOPCTYX\u{202c}",
                ][..],
            ),
            ("QV1Z", &["ԛѵіz", "qviz"][..]),
            ("P111", &["pill", "PIL1", "p1Il", "PІІІ"][..]),
            (
                "1STANBU1",
                &["istanbul", "İSTANBUL", "ıstanbul", "ISTANBUL"][..],
            ),
            ("STRASSE", &["straße", "STRASSE"][..]),
            ("2026", &["٢٠٢٦", "２０２６", "२०२६"][..]),
        ] {
            for text in texts {
                assert_eq!(canonical(text).as_deref(), Ok(form), "{text}");
            }
        }
        // Other scripts are codes as well.
        assert_ne!(canonical("лето"), canonical("зима"));
        assert!(canonical("夏フェス").is_ok());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        assert_eq!(canonical(""), Err(LetterFault::Empty));
        assert_eq!(canonical(" - \u{200b}"), Err(LetterFault::Empty));
        assert_eq!(canonical("50%"), Err(LetterFault::Character));
        assert_eq!(canonical("a\0b"), Err(LetterFault::Character));
        assert_eq!(canonical("🎉"), Err(LetterFault::Character));
        assert!(canonical(&"a".repeat(MAX_CODE)).is_ok());
        assert_eq!(
            canonical(&"a".repeat(MAX_CODE + 1)),
            Err(LetterFault::TooLong)
        );
        // The longest decomposition there is.
        assert_eq!(canonical(&"\u{fdfa}".repeat(9)), Err(LetterFault::TooLong));
        assert_eq!(canonical(&"x".repeat(100_000)), Err(LetterFault::TooLong));
    }

    proptest! {
        #[test]
        fn the_form_of_a_form_is_itself(text in ".{0,30}") {
            if let Ok(form) = canonical(&text) {
                prop_assert_eq!(canonical(&form), Ok(form));
            }
        }

        #[test]
        fn case_and_gaps_make_no_difference(text in "[A-Za-z0-9]{1,20}") {
            let gaps: String = text.chars().flat_map(|letter| [letter, '-']).collect();
            prop_assert_eq!(canonical(&text.to_lowercase()), canonical(&text));
            prop_assert_eq!(canonical(&gaps), canonical(&text));
        }

        #[test]
        fn codes_of_a_batch_are_forms(random in prop::collection::vec(any::<u8>(), 1..20)) {
            let code = batch_code(&random);
            prop_assert_eq!(canonical(&code), Ok(code));
        }
    }
}
