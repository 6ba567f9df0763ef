//! What texts hold that is never shown, by what it looks like.

/// What stands where something was.
pub const MASK: &str = "[masked]";

/// How our own secrets begin.
const SECRETS: &[&str] = &[
    "bilten_",
    "biltenat_",
    "biltencs_",
    "biltendv_",
    "biltenem_",
    "biltenot_",
    "biltenrt_",
    "biltense_",
    "biltenst_",
];
/// How codes of tickets and secrets of webhooks begin, in capitals; what follows may hold spaces and
/// slashes.
const CODES: &[&str] = &["BT1:", "BL1:", "BT1%3A", "BL1%3A", "WHSEC_"];

/// From how many letters and digits in a row a text looks like a token.
const TOKEN: usize = 24;
/// The same where hyphens and underscores belong to it, as in base64url.
const LONG_TOKEN: usize = 32;
/// From how many digits a number looks like one of a phone or of a card.
const PHONE: usize = 7;
const CARD: usize = 13;

/// Where the code of a ticket or the secret of a webhook begins.
pub(super) fn code_at(text: &str) -> Option<usize> {
    // Letters keep their places.
    let text = text.to_ascii_uppercase();
    CODES.iter().filter_map(|code| text.find(*code)).min()
}

/// Whether a text is one of our ids, such as `evt_…`.
fn is_typed_id(part: &str) -> bool {
    let is_small = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    part.split_once('_').is_some_and(|(kind, rest)| {
        (2..=4).contains(&kind.len())
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && rest.len() == 26
            && rest.bytes().all(is_small)
    })
}

fn is_long_and_mixed(part: &str) -> bool {
    part.len() >= TOKEN
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn is_base64(part: &str) -> bool {
    part.len() >= LONG_TOKEN
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_lowercase())
        && part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether a word has something in it that looks like a token.
fn has_token(word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    word.split(|c: char| !is_letter(c) && c != '-')
        .any(is_base64)
        || word
            .split(|c: char| !is_letter(c))
            .filter(|part| !is_typed_id(part))
            .flat_map(|part| part.split('_'))
            .any(is_long_and_mixed)
}

fn is_secret(word: &str, tokens: Tokens) -> bool {
    let lower = word.to_ascii_lowercase();
    let is_address = (lower.contains('@') || lower.contains("%40")) && lower.len() > 1;
    is_address
        || SECRETS.iter().any(|start| lower.contains(*start))
        || (word.starts_with("eyJ") && word.len() > 16)
        || (tokens == Tokens::Hidden && has_token(word))
}

/// Whether whatever looks like a token is masked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tokens {
    Hidden,
    Shown,
}

fn ends_word(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\''
                | '`'
                | ','
                | ';'
                | '('
                | ')'
                | '<'
                | '>'
                | '['
                | ']'
                | '{'
                | '}'
                | '='
                | '&'
                | '?'
                | '#'
                | '|'
                | '/'
                | '\\'
        )
}

/// Masks numbers of phones and of cards, which may be written with spaces.
fn mask_numbers(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    let mut before = ' ';
    while let Some(first) = letters.get(at).copied() {
        let begins = (first == '+' || first.is_ascii_digit()) && !before.is_alphanumeric();
        let span: Vec<char> = if begins {
            letters
                .iter()
                .skip(at)
                .enumerate()
                .take_while(|(place, c)| {
                    (*place == 0 && **c == '+')
                        || c.is_ascii_digit()
                        || matches!(**c, ' ' | '-' | '(' | ')' | '.')
                        || (first == '+' && **c == '/')
                })
                .map(|(_, c)| *c)
                .collect()
        } else {
            vec![first]
        };
        let length = span
            .iter()
            .rposition(char::is_ascii_digit)
            .map_or(1, |last| last + 1);
        let digits = span.iter().filter(|c| c.is_ascii_digit()).count();
        let is_number = begins && digits >= if first == '+' { PHONE } else { CARD };
        if is_number {
            out.push_str(MASK);
        } else {
            out.extend(span.iter().take(length));
        }
        before = span.get(length.saturating_sub(1)).copied().unwrap_or(' ');
        at += length;
    }
    out
}

pub(super) fn mask_words(text: &str, tokens: Tokens) -> String {
    let code = code_at(text);
    let text = code.and_then(|at| text.get(..at)).unwrap_or(text);
    let text = mask_numbers(text);
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_word) {
        let word = piece.trim_end_matches(ends_word);
        if is_secret(word, tokens) {
            out.push_str(MASK);
            out.push_str(piece.get(word.len()..).unwrap_or_default());
        } else {
            out.push_str(piece);
        }
    }
    if code.is_some() {
        out.push_str(MASK);
    }
    out
}

/// A text without what looks like a secret or like something personal.
pub fn mask_text(text: &str) -> String {
    mask_words(text, Tokens::Hidden)
}
