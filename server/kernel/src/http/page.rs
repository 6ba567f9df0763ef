//! Lists, page by page, by opaque cursors.
//!
//! A list is ordered by columns that identify a row; the cursor is what these columns held in the
//! last row of a page. A store asks for one row more than the page holds:
//!
//! ```
//! # use bilten_kernel::http::{Page, PageQuery};
//! # use bilten_kernel::error::Problem;
//! # fn rows(after: Option<(i64, String)>, limit: i64) -> Vec<(i64, String)> { Vec::new() }
//! fn list(page: &PageQuery) -> Result<Page<(i64, String)>, Problem> {
//!     let after: Option<(i64, String)> = page.after()?;
//!     Ok(page.page(rows(after, page.limit_and_one()), Clone::clone))
//! }
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Problem;

/// How many items a page has if nobody says.
const USUAL: u32 = 50;

/// How many items a page has at most.
const MOST: u32 = 200;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with each item turned into another.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(turn).collect(),
            next: self.next,
        }
    }
}

/// The query parameters of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items, 1 to 200; 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// How many items the page has at most.
    pub fn limit(&self) -> usize {
        usize::try_from(self.limit.unwrap_or(USUAL).clamp(1, MOST)).unwrap_or(1)
    }

    /// How many rows to ask for: one more than the page has, to know whether there is another.
    pub fn limit_and_one(&self) -> i64 {
        i64::try_from(self.limit() + 1).unwrap_or(i64::MAX)
    }

    /// What the last row of the page before held.
    ///
    /// # Errors
    /// A problem 400 when the cursor is not one of ours.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        self.cursor.as_deref().map(decode_cursor).transpose()
    }

    /// The page of `rows`, of which there may be one too many; `key` gives what the cursor holds.
    pub fn page<T, K: Serialize>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let is_last = rows.len() <= self.limit();
        rows.truncate(self.limit());
        let last = rows.last().filter(|_| !is_last);
        let next = last.map(|row| encode_cursor(&key(row)));
        Page { items: rows, next }
    }
}

/// A cursor that holds `key`.
pub fn encode_cursor<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// What a cursor holds.
///
/// # Errors
/// A problem 400 when it is not one of ours.
pub fn decode_cursor<K: DeserializeOwned>(cursor: &str) -> Result<K, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(not_ours)
}

/// What is said of a cursor that is not one of ours.
pub(super) fn not_ours() -> Problem {
    Problem::bad_request(
        "cursor_invalid",
        "The cursor is not one that this list gave. Begin again without it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_up() {
        let all: Vec<i64> = (0..7).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let query = PageQuery {
                limit: Some(3),
                cursor,
            };
            let after: i64 = query.after().unwrap().unwrap_or(-1);
            let wanted = usize::try_from(query.limit_and_one()).unwrap();
            let rows = all
                .iter()
                .copied()
                .filter(|n| *n > after)
                .take(wanted)
                .collect();
            let page = query.page(rows, |n| *n);
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert_eq!(
            PageQuery {
                limit: Some(3),
                cursor: None
            }
            .page(vec![1, 2, 3], |n| *n)
            .next,
            None
        );
    }

    #[test]
    fn a_strange_cursor_is_a_problem() {
        for cursor in ["", "!", "AAAA", "bnVsbA"] {
            let query = PageQuery {
                limit: None,
                cursor: Some(cursor.to_owned()),
            };
            let problem = query.after::<i64>().unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), problem.code()),
                (400, "cursor_invalid")
            );
        }
        assert_eq!(
            PageQuery {
                limit: Some(0),
                cursor: None
            }
            .limit(),
            1
        );
        assert_eq!(
            PageQuery {
                limit: Some(9999),
                cursor: None
            }
            .limit(),
            200
        );
    }
}
