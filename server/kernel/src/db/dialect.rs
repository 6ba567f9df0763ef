//! The few words in which the engines differ. SQL is written in PostgreSQL's words; this module
//! turns it into SQLite's.
//!
//! In statements:
//!
//! | written | PostgreSQL | SQLite |
//! |---|---|---|
//! | `$1` | `$1` | `?1` (`$1` would be a name there, numbered by first appearance) |
//! | `list($1)` | `unnest($1::text[]) AS list(value)` | `json_each(?1)` |
//! | `int_list($1)` | `unnest($1::bigint[]) AS list(value)` | `json_each(?1)` |
//! | `FOR UPDATE`, `FOR SHARE`, `SKIP LOCKED`, `NOWAIT` | as written | nothing: one writer |
//! | `GREATEST(`, `LEAST(` (of values that are not NULL) | as written | `max(`, `min(` |
//!
//! The words of migrations are in `schema.rs`.
//!
//! To add a word: one arm below, one line in the table above, one line in the tests.

use std::fmt::Write as _;

/// A piece of SQL text: nothing inside quotes or comments is ever taken for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Word(&'a str),
    Param(usize),
    Quoted(&'a str),
    Comment(&'a str),
    Space(&'a str),
    Sign(&'a str),
}

impl Piece<'_> {
    pub(super) fn is_word(self, wanted: &str) -> bool {
        matches!(self, Piece::Word(word) if word.eq_ignore_ascii_case(wanted))
    }

    /// The word in lower case; empty if it is none.
    pub(super) fn word(self) -> String {
        if let Piece::Word(word) = self {
            word.to_ascii_lowercase()
        } else {
            String::new()
        }
    }

    pub(super) fn is_blank(self) -> bool {
        matches!(self, Piece::Space(_) | Piece::Comment(_))
    }
}

/// Cuts SQL into pieces; joined again they are the same text.
pub(super) fn pieces<'a>(sql: &'a str) -> Vec<Piece<'a>> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let run = |wanted: fn(char) -> bool| rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        let (length, piece): (usize, fn(&'a str) -> Piece<'a>) = match first {
            '\'' | '"' => (quoted(rest, first), Piece::Quoted),
            '-' if rest.starts_with("--") => {
                (rest.find('\n').unwrap_or(rest.len()), Piece::Comment)
            }
            '/' if rest.starts_with("/*") => (
                rest.find("*/").map_or(rest.len(), |end| end + 2),
                Piece::Comment,
            ),
            '$' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let digits = rest[1..].find(|c: char| !c.is_ascii_digit());
                let length = digits.map_or(rest.len(), |end| end + 1);
                (length, |text| Piece::Param(text[1..].parse().unwrap_or(0)))
            }
            c if c.is_whitespace() => (run(char::is_whitespace), Piece::Space),
            c if c.is_alphanumeric() || c == '_' => {
                (run(|c| c.is_alphanumeric() || c == '_'), Piece::Word)
            }
            c => (c.len_utf8(), Piece::Sign),
        };
        let (text, after) = rest.split_at(length);
        found.push(piece(text));
        rest = after;
    }
    found
}

fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |end| end + 2)
}

/// Writes one piece as it was, with `param` in front of the number of a placeholder.
pub(super) fn put(out: &mut String, piece: Piece<'_>, param: &str) {
    match piece {
        Piece::Param(number) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{param}{number}");
        }
        Piece::Word(text)
        | Piece::Quoted(text)
        | Piece::Comment(text)
        | Piece::Space(text)
        | Piece::Sign(text) => out.push_str(text),
    }
}

/// The text of the pieces.
pub(super) fn join(pieces: &[Piece<'_>]) -> String {
    let mut out = String::new();
    for piece in pieces {
        put(&mut out, *piece, "$");
    }
    out
}

/// The statement for SQLite.
pub(super) fn lite(sql: &str) -> String {
    let (all, mut out, mut next) = (pieces(sql), String::with_capacity(sql.len()), 0);
    while let Some(&piece) = all.get(next) {
        if let Some(length) = row_lock(&all[next..]) {
            next += length;
            continue;
        }
        let called = matches!(all.get(next + 1), Some(Piece::Sign("(")));
        match piece.word().as_str() {
            "list" | "int_list" if called => out.push_str("json_each"),
            "greatest" if called => out.push_str("max"),
            "least" if called => out.push_str("min"),
            _ => put(&mut out, piece, "?"),
        }
        next += 1;
    }
    out
}

/// How many pieces a row lock takes that starts here, if one does.
fn row_lock(rest: &[Piece<'_>]) -> Option<usize> {
    if !rest.first()?.is_word("for") {
        return None;
    }
    let (mut length, mut locks) = (1, false);
    for (place, piece) in rest.iter().enumerate().skip(1) {
        if piece.is_blank() {
            continue;
        }
        let known = ["update", "share", "no", "key", "skip", "locked", "nowait"];
        if !known.iter().any(|word| piece.is_word(word)) {
            break;
        }
        locks |= piece.is_word("update") || piece.is_word("share");
        length = place + 1;
    }
    locks.then_some(length)
}

/// The statement for PostgreSQL.
pub(super) fn pg(sql: &str) -> String {
    let (all, mut out, mut next) = (pieces(sql), String::with_capacity(sql.len()), 0);
    while let Some(&piece) = all.get(next) {
        let array = match piece.word().as_str() {
            "list" => "text",
            "int_list" => "bigint",
            _ => "",
        };
        let call = (all.get(next + 1), all.get(next + 2), all.get(next + 3));
        if let (
            false,
            (Some(Piece::Sign("(")), Some(Piece::Param(number)), Some(Piece::Sign(")"))),
        ) = (array.is_empty(), call)
        {
            let _ = write!(out, "unnest(${number}::{array}[]) AS list(value)");
            next += 4;
        } else {
            put(&mut out, piece, "$");
            next += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_change_only_where_they_must() {
        for (written, for_lite, for_pg) in [
            ("SELECT 1", "SELECT 1", "SELECT 1"),
            (
                "SELECT $2, $1, '$3' -- $4",
                "SELECT ?2, ?1, '$3' -- $4",
                "SELECT $2, $1, '$3' -- $4",
            ),
            (
                "SELECT a FROM t WHERE id IN (SELECT value FROM list($1)) AND b = $12",
                "SELECT a FROM t WHERE id IN (SELECT value FROM json_each(?1)) AND b = ?12",
                "SELECT a FROM t WHERE id IN (SELECT value FROM unnest($1::text[]) AS list(value)) AND b = $12",
            ),
            (
                "SELECT value FROM int_list($1)",
                "SELECT value FROM json_each(?1)",
                "SELECT value FROM unnest($1::bigint[]) AS list(value)",
            ),
            (
                "SELECT id FROM t FOR UPDATE SKIP LOCKED",
                "SELECT id FROM t ",
                "SELECT id FROM t FOR UPDATE SKIP LOCKED",
            ),
            (
                "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT $1 FOR NO KEY UPDATE) RETURNING id",
                "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT ?1 ) RETURNING id",
                "UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT $1 FOR NO KEY UPDATE) RETURNING id",
            ),
            (
                "SELECT GREATEST(a, 0), greatest FROM t",
                "SELECT max(a, 0), greatest FROM t",
                "SELECT GREATEST(a, 0), greatest FROM t",
            ),
            (
                "SELECT 'für''s ''list($1)'",
                "SELECT 'für''s ''list($1)'",
                "SELECT 'für''s ''list($1)'",
            ),
            (
                "SELECT 1 /* FOR UPDATE",
                "SELECT 1 /* FOR UPDATE",
                "SELECT 1 /* FOR UPDATE",
            ),
        ] {
            assert_eq!(lite(written), for_lite);
            assert_eq!(pg(written), for_pg);
        }
    }

    proptest::proptest! {
        #[test]
        fn pieces_lose_nothing(sql in "[a-z$0-9'\"()*/; \n-]{0,60}|.{0,20}") {
            let whole = join(&pieces(&sql));
            // Only a number's leading zeros may go.
            proptest::prop_assert_eq!(whole.replace('0', ""), sql.replace('0', ""));
        }
    }
}
