//! What is still worth asking for, as the rivals find out together.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::{Code, Sale};
use crate::figures::Dice;

/// How many somebody wants together at most.
const PARTY: u64 = 4;

/// How many ask with a code at once at most: whoever tries more of them from one network at the same time is
/// taken for somebody who guesses.
const CODES_AT_ONCE: u64 = 20;

/// What all rivals know.
pub(super) struct Market {
    /// How many together are worth asking for, by date and ware; what is sold out is gone from it.
    open: Mutex<BTreeMap<(usize, usize), u64>>,
    has_parking: AtomicBool,
    has_tenth: AtomicBool,
    /// Codes that can be used once; some are here twice, as if somebody had copied them.
    vouchers: Mutex<Vec<String>>,
    /// How many ask with a code now.
    asking: AtomicU64,
    /// Up to which number everybody is called.
    pub(super) called: AtomicU64,
    /// Everything is sold, or the time is over.
    pub(super) is_over: AtomicBool,
}

/// What somebody wants.
pub(super) struct Wish {
    pub(super) date: usize,
    pub(super) ware: usize,
    pub(super) party: u64,
    pub(super) is_by_hand: bool,
    pub(super) with_parking: bool,
    pub(super) code: Code,
    pub(super) codes: Vec<String>,
    pub(super) items: Vec<Value>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A place in a list of so many.
fn one_of(dice: &mut Dice, length: usize) -> usize {
    usize::try_from(dice.below(length as u64)).unwrap_or(0)
}

/// Everything, for parties of at most so many.
fn open_for(sale: &Sale, most: u64) -> BTreeMap<(usize, usize), u64> {
    let dates = 0..sale.dates.len();
    let wares = 0..sale.wares.len();
    dates
        .flat_map(|date| wares.clone().map(move |ware| ((date, ware), most)))
        .collect()
}

impl Market {
    pub(super) fn new(sale: &Sale) -> Self {
        let copied = sale.vouchers.iter().take(5);
        let vouchers = sale.vouchers.iter().rev().chain(copied).cloned().collect();
        Self {
            open: Mutex::new(open_for(sale, PARTY)),
            has_parking: AtomicBool::new(true),
            has_tenth: AtomicBool::new(true),
            vouchers: Mutex::new(vouchers),
            asking: AtomicU64::new(0),
            called: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Says that not everything is sold: if nothing seems to be left, all is worth asking for again.
    pub(super) fn is_not_sold_out(&self, sale: &Sale) {
        let mut open = locked(&self.open);
        if open.is_empty() {
            *open = open_for(sale, 1);
        }
    }

    /// What somebody wants next, who may name seats; nothing if all is sold out.
    pub(super) fn wish(&self, sale: &Sale, dice: &mut Dice, may_name: bool) -> Option<Wish> {
        let (date, ware, most) = {
            let open = locked(&self.open);
            let place = one_of(dice, open.len());
            let ((date, ware), most) = open.iter().nth(place)?;
            (*date, *ware, *most)
        };
        let party = (dice.below(PARTY) + 1).min(most);
        let wanted = sale.wares.get(ware)?;
        let mut item = json!({"tier": wanted.tier, "occurrence": sale.dates.get(date)?});
        let block = wanted
            .blocks
            .get(one_of(dice, wanted.blocks.len()))
            .copied();
        let is_by_hand = may_name && wanted.is_seated() && dice.below(2) == 0;
        match block {
            Some(block) if is_by_hand => {
                let together = u32::try_from(party).unwrap_or(1);
                item["seats"] = json!(sale.arena.neighbours(dice, block, together));
            }
            Some(_) | None => item["quantity"] = json!(party),
        }
        let mut items = vec![item];
        let with_parking = self.has_parking.load(Ordering::Relaxed) && dice.below(5) == 0;
        if with_parking {
            items.push(json!({"tier": sale.parking, "quantity": 1}));
        }
        if dice.below(10) == 0 {
            let gift = json!({"tier": sale.donation, "quantity": 1, "chosen_minor": 100 + dice.below(900)});
            items.push(gift);
        }
        let (code, codes) = self.code(sale, dice);
        Some(Wish {
            date,
            ware,
            party,
            is_by_hand,
            with_parking,
            code,
            codes,
            items,
        })
    }

    /// Some come with a code.
    fn code(&self, sale: &Sale, dice: &mut Dice) -> (Code, Vec<String>) {
        let none = (Code::None, Vec::new());
        let face = dice.below(10);
        if face > 2 {
            return none;
        }
        if self.asking.fetch_add(1, Ordering::Relaxed) < CODES_AT_ONCE {
            let (_, tenth, _) = &sale.tenth;
            if face < 2 && self.has_tenth.load(Ordering::Relaxed) {
                return (Code::Tenth, vec![tenth.clone()]);
            }
            let voucher = locked(&self.vouchers).pop();
            if let Some(voucher) = voucher {
                return (Code::Voucher, vec![voucher]);
            }
        }
        self.asking.fetch_sub(1, Ordering::Relaxed);
        none
    }

    /// A wish was answered, whatever was said.
    pub(super) fn answered(&self, wish: &Wish) {
        if wish.code != Code::None {
            self.asking.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Learns from a refusal; says whether it was one that is to be expected.
    pub(super) fn refused(&self, sale: &Sale, wish: &Wish, problem: &Value) -> bool {
        let is_parking = wish.with_parking
            && problem["errors"][0]["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(&sale.parking));
        match problem["code"].as_str().unwrap_or_default() {
            "sales.sold_out" if is_parking => {
                self.has_parking.store(false, Ordering::Relaxed);
                true
            }
            "sales.code_not_applicable" => {
                if wish.code == Code::Tenth {
                    self.has_tenth.store(false, Ordering::Relaxed);
                }
                wish.code != Code::None
            }
            // Asked again, it is looked at again.
            "sales.seats_taken" | "sales.offer_changed" | "sales.too_often" => true,
            "sales.sold_out" | "sales.too_few_seats" | "sales.not_together" => {
                if !wish.is_by_hand {
                    let mut open = locked(&self.open);
                    if let Some(most) = open.get_mut(&(wish.date, wish.ware)) {
                        *most = (*most).min(wish.party.saturating_sub(1));
                    }
                    open.retain(|_, most| *most > 0);
                }
                true
            }
            _ => false,
        }
    }

    /// Gives a code back that was not used after all.
    pub(super) fn give_back(&self, wish: &Wish) {
        if wish.code == Code::Voucher {
            locked(&self.vouchers).extend(wish.codes.iter().cloned());
        }
    }
}
