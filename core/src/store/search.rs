//! Finding a ticket by name, order or id, for people whose phone is empty.
//!
//! Names are sealed, so there is no index over them: every holder is opened and compared. That is
//! a tenth of a second for 100,000 tickets, beside the store, so that scans do not wait for it.

use super::passages::{self, Settled};
use super::scan::state_of;
use super::seal::Opener;
use super::{StoreError, schema};
use crate::checkin::{Holder, TicketRecord};
use crate::id::{ListId, TicketId};
use crate::time::Validity;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The most tickets that one search gives back.
pub const MAX_FOUND: usize = 100;
/// The longest query that is looked at, in characters.
const MAX_QUERY: usize = 100;

/// A ticket that fits a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The allowlist's record.
    pub record: TicketRecord,
    /// What happened with it on the chosen list.
    pub passages: Vec<Settled>,
}

/// Searches the store's file without holding the store.
#[derive(Clone)]
pub struct Search {
    pub(super) path: PathBuf,
    pub(super) opener: Opener,
    pub(super) list: Option<ListId>,
}

/// How well a ticket fits; the better, the smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Order,
    NameStart,
    Part,
}

impl Search {
    /// The tickets that hold every word of `query` in name or order, best first; or the one ticket
    /// whose id it is. Letters fit without regard to case and accents.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn run(&self, query: &str, limit: usize) -> Result<Vec<Hit>, StoreError> {
        let limit = limit.min(MAX_FOUND);
        let db = schema::open_reader(&self.path)?;
        // One moment for all that is read.
        let db = db.unchecked_transaction()?;
        if let Ok(id) = query.trim().parse::<TicketId>() {
            let mut rows = db.prepare(&format!("{SELECT} WHERE id = ?1"))?;
            let mut rows = rows.query([id.as_bytes()])?;
            return match rows.next()? {
                Some(row) => {
                    let record = self.record(row)?;
                    self.hit(&db, record).map(|hit| vec![hit])
                }
                None => Ok(Vec::new()),
            };
        }
        let query = fold(&query.chars().take(MAX_QUERY).collect::<String>());
        let words: Vec<_> = query.split_whitespace().collect();
        if words.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }

        let mut best: BTreeMap<(Fit, String, [u8; 16]), TicketRecord> = BTreeMap::new();
        let mut rows = db.prepare(&format!("{SELECT} WHERE sealed_holder IS NOT NULL"))?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let record = self.record(row)?;
            let Some(holder) = &record.holder else {
                continue;
            };
            let name = fold(&holder.name);
            let Some(fit) = fit(&words, &name, holder) else {
                continue;
            };
            best.insert((fit, name, record.id.0), record);
            if best.len() > limit {
                best.pop_last();
            }
        }
        best.into_values()
            .map(|record| self.hit(&db, record))
            .collect()
    }

    fn hit(&self, db: &Connection, record: TicketRecord) -> Result<Hit, StoreError> {
        let passages = match &self.list {
            Some(list) => passages::of_ticket(db, list, record.id)?,
            None => Vec::new(),
        };
        Ok(Hit { record, passages })
    }

    fn record(&self, row: &Row<'_>) -> Result<TicketRecord, StoreError> {
        let id: [u8; 16] = row.get(0)?;
        let sealed = row
            .get_ref(6)?
            .as_blob_or_null()
            .map_err(rusqlite::Error::from)?;
        Ok(TicketRecord {
            id: TicketId(id),
            version: row.get(1)?,
            tier: row.get(2)?,
            state: state_of(row.get(3)?),
            validity: Validity {
                from: row.get(4)?,
                until: row.get(5)?,
            },
            holder: sealed
                .map(|sealed| self.opener.open_holder(&id, sealed))
                .transpose()?,
        })
    }
}

const SELECT: &str =
    "SELECT id, version, tier, state, valid_from, valid_until, sealed_holder FROM tickets";

fn fit(words: &[&str], name: &str, holder: &Holder) -> Option<Fit> {
    if words.iter().all(|word| name.contains(word)) {
        let starts = words.first().is_some_and(|word| name.starts_with(word));
        return Some(if starts { Fit::NameStart } else { Fit::Part });
    }
    let order = fold(&holder.order);
    if words == [order.as_str()] {
        return Some(Fit::Order);
    }
    let fits = |word: &&str| name.contains(word) || order.contains(word);
    words.iter().all(fits).then_some(Fit::Part)
}

/// Small letters without accents: what people type in a hurry.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'ç' | 'ć' | 'č' => folded.push('c'),
            'ď' | 'đ' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => folded.push('e'),
            'ğ' => folded.push('g'),
            'ì'..='ï' | 'ī' | 'ı' => folded.push('i'),
            'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ő' => folded.push('o'),
            'ř' => folded.push('r'),
            'ś' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ť' | 'ţ' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            // Accents that stand alone, as after the Turkish capital İ.
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_without_case_and_accents() {
        for (typed, name) in [
            ("yilmaz", "Yılmaz"),
            ("istanbul", "İSTANBUL"),
            ("MUELLER".to_lowercase().as_str(), "Mueller"),
            ("muller", "Müller"),
            ("strasse", "Straße"),
            ("Łukasz", "lukasz"),
            ("李", "李"),
        ] {
            assert_eq!(fold(typed), fold(name), "{typed} {name}");
        }
    }

    #[test]
    fn better_fits_come_first() {
        let holder = |name: &str, order: &str| Holder {
            name: name.to_owned(),
            order: order.to_owned(),
            note: None,
        };
        let find = |query: &str, holder: &Holder| {
            fit(
                &query.split(' ').collect::<Vec<_>>(),
                &fold(&holder.name),
                holder,
            )
        };
        let ada = holder("Ada Lovelace", "AB12-34");
        assert!(find("ab12-34", &ada) == Some(Fit::Order));
        assert!(find("ada", &ada) == Some(Fit::NameStart));
        assert!(find("lovelace ada", &ada) == Some(Fit::Part));
        assert!(find("ada ab12", &ada) == Some(Fit::Part));
        assert!(find("ada grace", &ada).is_none());
    }
}
