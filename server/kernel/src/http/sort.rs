//! Lists in the order that their caller chooses, page by page.
//!
//! A list declares its orders as a [`text_enum!`](crate::text_enum): each word is the name of what it
//! is ordered by, with a `-` before it for descending. Its store has a statement for each, which ends
//! with the id, so that equal rows have an order too and no page shows a row twice. A cursor carries
//! the order that it belongs to: with another one, it is refused and not misread.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::page::{Page, PageQuery, decode_cursor, encode_cursor};
use crate::db::Val;
use crate::error::Problem;
use crate::text_enum::UnknownWord;
use crate::vals;

/// Where in a sorted list a row stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What it is ordered by, if that is a number or a time.
    #[serde(default, rename = "n")]
    pub number: i64,
    /// What it is ordered by, if that is a text.
    #[serde(default, rename = "t", skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Its id, which decides between rows that are equal otherwise.
    pub id: String,
}

impl Place {
    /// The place of a row that is ordered by its id alone.
    pub fn of_id(id: impl Display) -> Self {
        Self {
            id: id.to_string(),
            ..Self::default()
        }
    }

    /// The id, where it is needed as one.
    ///
    /// # Errors
    /// A problem 400 when the cursor that it was read from is not one of ours.
    pub fn parsed_id<I: FromStr>(&self) -> Result<I, Problem> {
        self.id.parse().map_err(|_| super::page::not_ours())
    }

    /// The place of a row that is ordered by a number.
    pub fn of_number(number: i64, id: impl Display) -> Self {
        Self {
            number,
            ..Self::of_id(id)
        }
    }

    /// The place of a row that is ordered by a text.
    pub fn of_text(text: &str, id: impl Display) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::of_id(id)
        }
    }
}

/// What a statement is given to go on after a place, or to begin if there is none.
impl Place {
    /// For `id < $n ORDER BY id DESC`: ids sort by age.
    pub fn newest_first(after: Option<&Self>) -> Vec<Val> {
        // It sorts after every id.
        vals![after.map_or("~", |place| place.id.as_str())]
    }

    /// For `id > $n ORDER BY id`.
    pub fn oldest_first(after: Option<&Self>) -> Vec<Val> {
        vals![after.map_or("", |place| place.id.as_str())]
    }

    /// For `($n OR (number, id) > ($n + 1, $n + 2)) ORDER BY number, id`, or all of it backwards.
    pub fn by_number(after: Option<&Self>) -> Vec<Val> {
        let number = after.map_or(0, |place| place.number);
        let id = after.map_or("", |place| place.id.as_str());
        vals![after.is_none(), number, id]
    }

    /// For `($n OR (text, id) > ($n + 1, $n + 2)) ORDER BY text, id`, or all of it backwards.
    pub fn by_text(after: Option<&Self>) -> Vec<Val> {
        let text = after.map_or("", |place| place.text.as_str());
        let id = after.map_or("", |place| place.id.as_str());
        vals![after.is_none(), text, id]
    }
}

/// What a cursor of a sorted list holds.
#[derive(Serialize, Deserialize)]
struct Held {
    sort: String,
    after: Place,
}

/// A page of a list in an order.
#[derive(Debug, Clone)]
pub struct Sorted<S> {
    /// The order.
    pub by: S,
    page: PageQuery,
}

impl<S: Copy + Default + Display + FromStr<Err = UnknownWord>> Sorted<S> {
    /// The page that is asked for, in the order that is asked for or the usual one.
    ///
    /// # Errors
    /// A problem 400 that names all orders of this list, when it has none of this name.
    pub fn new(page: PageQuery, sort: Option<&str>) -> Result<Self, Problem> {
        let by = sort.map_or_else(|| Ok(S::default()), str::parse);
        by.map(|by| Self { by, page }).map_err(|unknown| {
            let detail = "This list is not sorted that way.";
            Problem::bad_request("sort_unknown", detail).field(
                "sort",
                "unknown",
                unknown.to_string(),
            )
        })
    }

    /// Where the page before ended.
    ///
    /// # Errors
    /// A problem 400 when the cursor is not one of ours, or one of another order.
    pub fn after(&self) -> Result<Option<Place>, Problem> {
        let Some(cursor) = &self.page.cursor else {
            return Ok(None);
        };
        let held: Held = decode_cursor(cursor)?;
        if held.sort != self.by.to_string() {
            return Err(Problem::bad_request(
                "cursor_of_other_sort",
                format!(
                    "The cursor is of the list sorted by {}. Go on with that, or begin again without it.",
                    held.sort
                ),
            ));
        }
        // Nobody but us writes cursors, and no database stores this letter.
        if held.after.text.contains('\0') || held.after.id.contains('\0') {
            return Err(super::page::not_ours());
        }
        Ok(Some(held.after))
    }

    /// How many rows to ask for: one more than the page has, to know whether there is another.
    pub fn limit_and_one(&self) -> i64 {
        self.page.limit_and_one()
    }

    /// The page of `rows`, of which there may be one too many; `place` says where a row stands.
    pub fn page<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> Place) -> Page<T> {
        let is_last = rows.len() <= self.page.limit();
        rows.truncate(self.page.limit());
        let last = rows.last().filter(|_| !is_last);
        let next = last.map(|row| {
            encode_cursor(&Held {
                sort: self.by.to_string(),
                after: place(row),
            })
        });
        Page { items: rows, next }
    }
}

/// How many ids a list can be asked for.
const MOST_IDS: usize = 100;

/// The ids of `?ids=a,b`, each once; `None` if they are not asked for.
///
/// # Errors
/// A problem 422 that names the parameter, when one is no id of this kind or there are too many.
pub fn ids<I: FromStr + Ord>(text: Option<&str>) -> Result<Option<Vec<I>>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let refuse = |code: &'static str, detail: String| {
        Err(Problem::invalid(Vec::new()).field("ids", code, detail))
    };
    if text.split(',').count() > MOST_IDS {
        return refuse("too_many", format!("At most {MOST_IDS} ids can be named."));
    }
    let mut ids = Vec::new();
    for id in text.split(',').map(str::trim) {
        match id.parse() {
            Ok(id) => ids.push(id),
            Err(_) => return refuse("invalid", format!("{id:?} is not an id of this list.")),
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(Some(ids))
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::text_enum! {
        /// Orders of a list.
        #[derive(Default)]
        enum By {
            /// Newest first.
            #[default]
            Newest = "-created",
            /// By name.
            Name = "name",
        }
    }

    fn sorted(sort: Option<&str>, cursor: Option<String>) -> Sorted<By> {
        let page = PageQuery {
            limit: Some(2),
            cursor,
        };
        Sorted::new(page, sort).unwrap()
    }

    /// covers: GW-4
    #[test]
    fn a_cursor_goes_on_in_its_own_order_only() {
        assert_eq!(sorted(None, None).by, By::Newest);
        assert_eq!(By::ALL.len(), 2);
        let rows = vec![("a", "1"), ("a", "2"), ("b", "3")];
        let list = sorted(Some("name"), None);
        assert_eq!(list.limit_and_one(), 3);
        let page = list.page(rows, |(name, id)| Place::of_text(name, id));
        assert_eq!(page.items.len(), 2);
        let next = page.next.unwrap();
        let after = sorted(Some("name"), Some(next.clone())).after().unwrap();
        assert_eq!(after, Some(Place::of_text("a", "2")));
        let refused = sorted(None, Some(next)).after().unwrap_err();
        assert_eq!(
            (refused.status().as_u16(), refused.code()),
            (400, "cursor_of_other_sort")
        );
        let last = list.page(vec![("c", "4")], |(name, id)| Place::of_text(name, id));
        assert_eq!(last.next, None);
    }

    #[test]
    fn strange_orders_cursors_and_ids_are_problems() {
        let page = PageQuery::default();
        let problem = Sorted::<By>::new(page, Some("price")).unwrap_err();
        assert_eq!(
            (problem.status().as_u16(), problem.code()),
            (400, "sort_unknown")
        );
        assert!(problem.errors()[0].detail.contains("-created, name"));
        let nul = encode_cursor(&Held {
            sort: "name".to_owned(),
            after: Place::of_text("a\0", "1"),
        });
        for cursor in ["".to_owned(), "!".to_owned(), nul] {
            let refused = sorted(Some("name"), Some(cursor)).after().unwrap_err();
            assert_eq!(refused.code(), "cursor_invalid");
        }
        assert_eq!(ids::<u32>(None).unwrap(), None);
        assert_eq!(ids::<u32>(Some("2, 1,2")).unwrap(), Some(vec![1, 2]));
        for bad in ["", "1,", "x", &["1"; 101].join(",")] {
            assert_eq!(ids::<u32>(Some(bad)).unwrap_err().status().as_u16(), 422);
        }
    }

    /// A page of a list by name, as a store gives it: its rows after a place, and one too many.
    fn rows_after(all: &[(String, u32)], after: Option<&Place>, limit: i64) -> Vec<(String, u32)> {
        let key = |row: &(String, u32)| (row.0.clone(), row.1.to_string());
        let after = after.map(|place| (place.text.clone(), place.id.clone()));
        let mut rows = all.to_vec();
        rows.retain(|row| after.as_ref().is_none_or(|after| key(row) > *after));
        rows.sort_by_key(key);
        rows.truncate(usize::try_from(limit).unwrap());
        rows
    }

    proptest::proptest! {
        /// covers: GW-4
        #[test]
        fn a_walk_shows_what_was_there_once_whatever_is_added(
            names in proptest::collection::vec("[a-c]{0,2}", 0..12),
            added in proptest::collection::vec("[a-c]{0,2}", 0..12),
        ) {
            let mut all: Vec<(String, u32)> = names.iter().cloned().zip(1_000..).collect();
            let known = all.clone();
            // New ids are before and after those that are there; never one of them.
            let mut added = added.into_iter().zip((500..).step_by(103));
            let (mut seen, mut cursor): (Vec<(String, u32)>, _) = (Vec::new(), None);
            loop {
                let list = sorted(Some("name"), cursor);
                let after = list.after().unwrap();
                let rows = rows_after(&all, after.as_ref(), list.limit_and_one());
                let page = list.page(rows, |(name, id)| Place::of_text(name, id));
                seen.extend(page.items);
                all.extend(added.next());
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let keys: Vec<_> = seen.iter().map(|(name, id)| (name.clone(), id.to_string())).collect();
            proptest::prop_assert!(keys.is_sorted_by(|a, b| a < b), "in order, and nothing twice: {keys:?}");
            for row in known {
                proptest::prop_assert!(seen.contains(&row), "{row:?} is missing in {seen:?}");
            }
        }
    }
}
