//! How the seats of a row are numbered.

use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

text_enum! {
    /// A way of numbering.
    pub enum NumberingScheme {
        /// 1, 2, 3, 4 …
        Numbers = "numbers",
        /// 1, 3, 5, 7 …
        Odd = "odd",
        /// 2, 4, 6, 8 …
        Even = "even",
        /// From the middle outwards: odd numbers on the first side, even ones on the other.
        OddEven = "odd_even",
        /// A, B, C … Z, AA, AB …
        Letters = "letters",
        /// Letters without I and O, which look like digits.
        LettersWithoutIo = "letters_without_io",
    }
}

text_enum! {
    /// A side of the picture.
    #[derive(Default)]
    pub enum Side {
        /// The left one.
        #[default]
        Left = "left",
        /// The right one.
        Right = "right",
    }
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LETTERS_WITHOUT_IO: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// How the seats of a row or the chairs of a table are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Numbering {
    /// The way of numbering.
    pub scheme: NumberingScheme,
    /// On which side it begins.
    #[serde(default)]
    pub from: Side,
    /// The first number; of letters, 1 is A.
    #[serde(default = "one")]
    pub start: u16,
}

const fn one() -> u16 {
    1
}

impl Numbering {
    /// This scheme, from the left, from its first number.
    pub const fn new(scheme: NumberingScheme) -> Self {
        Self {
            scheme,
            from: Side::Left,
            start: 1,
        }
    }

    /// The label of the seat at a place, counted from the left and from 0, among so many.
    pub fn label(self, place: usize, of: usize) -> String {
        let place = match self.from {
            Side::Left => place,
            Side::Right => of.saturating_sub(place + 1),
        };
        let start = usize::from(self.start);
        match self.scheme {
            NumberingScheme::Numbers => (start + place).to_string(),
            NumberingScheme::Odd => ((start | 1) + 2 * place).to_string(),
            NumberingScheme::Even => (start + start % 2 + 2 * place).to_string(),
            NumberingScheme::OddEven => {
                let odd = of.div_ceil(2);
                let number = if place < odd {
                    (start | 1) + 2 * (odd - 1 - place)
                } else {
                    (start | 1) + 1 + 2 * (place - odd)
                };
                number.to_string()
            }
            NumberingScheme::Letters => letters(start + place, LETTERS),
            NumberingScheme::LettersWithoutIo => letters(start + place, LETTERS_WITHOUT_IO),
        }
    }
}

/// The number in letters, 1 is the first of them; as columns of a spreadsheet are named.
fn letters(mut number: usize, alphabet: &[u8]) -> String {
    let mut text = Vec::new();
    while number > 0 {
        number -= 1;
        let letter = alphabet.get(number % alphabet.len()).copied();
        text.push(char::from(letter.unwrap_or(b'?')));
        number /= alphabet.len();
    }
    text.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(scheme: NumberingScheme, from: Side, start: u16, of: usize) -> Vec<String> {
        let numbering = Numbering {
            scheme,
            from,
            start,
        };
        (0..of).map(|place| numbering.label(place, of)).collect()
    }

    /// covers: BE-2
    #[test]
    fn rows_are_numbered_as_houses_do() {
        use NumberingScheme as N;
        assert_eq!(row(N::Numbers, Side::Left, 1, 4), ["1", "2", "3", "4"]);
        assert_eq!(row(N::Numbers, Side::Right, 5, 3), ["7", "6", "5"]);
        assert_eq!(row(N::Odd, Side::Left, 1, 3), ["1", "3", "5"]);
        assert_eq!(row(N::Odd, Side::Left, 4, 2), ["5", "7"]);
        assert_eq!(row(N::Even, Side::Right, 1, 3), ["6", "4", "2"]);
        assert_eq!(row(N::OddEven, Side::Left, 1, 5), ["5", "3", "1", "2", "4"]);
        assert_eq!(row(N::OddEven, Side::Right, 1, 4), ["4", "2", "1", "3"]);
        assert_eq!(row(N::Letters, Side::Left, 25, 3), ["Y", "Z", "AA"]);
        assert_eq!(row(N::LettersWithoutIo, Side::Left, 8, 3), ["H", "J", "K"]);
        assert_eq!(row(N::LettersWithoutIo, Side::Left, 24, 2), ["Z", "AA"]);
    }
}
