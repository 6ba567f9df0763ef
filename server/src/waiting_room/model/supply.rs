//! What becomes of a room by what there is left to wait for.
//!
//! # The rule
//!
//! | what there is | the room |
//! |---|---|
//! | something is free | calls people, no more than there are tickets |
//! | nothing is free, but some are held, or go on sale later, or the sale is paused | calls nobody; whoever is called may try |
//! | everything is sold | is *sold out*: it says so, calls nobody and gives no passes; everybody keeps their place, and nobody's time passes |
//! | sold out for [`SOLD_OUT_MS`] | ends by itself |
//! | nothing will be sold any more: cancelled, over, the sale has ended | ends by itself |
//!
//! A room that is sold out goes on as soon as something is free again: whoever was called then has as much
//! time left as when it was sold out. What comes back and is held at once for somebody on the waitlist is
//! not free; it neither lets the room go on nor end. What others sell is theirs: it is no stock, and nobody
//! is called for it.

use bilten_kernel::clock::Timestamp;

/// How long a room stays sold out before it ends by itself, in milliseconds: longer than an order has to
/// be paid, and no longer than anybody should be kept waiting for nothing.
pub const SOLD_OUT_MS: i64 = 30 * 60_000;

/// What there is of the tickets that people wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// So many can be bought now; at least 1.
    Free(u64),
    /// None now, but perhaps later: some are held, or go on sale later, or the sale is paused.
    Later,
    /// All are sold. They come back only if somebody gives theirs back, or there are more.
    SoldOut,
    /// Nothing will be sold any more.
    Over,
}

/// What a step does with a room that calls people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It calls, no more than are left if that is known.
    Calls {
        /// How many are left.
        left: Option<u64>,
    },
    /// It has just been sold out.
    SellsOut,
    /// It is sold out, and waits for what may come back.
    Stands,
    /// It was sold out, and goes on.
    GoesOn,
    /// It ends.
    Ends,
}

/// Decides what a step does with a room that calls people and is sold out since then, or not at all.
/// Without a `supply` nothing is known, and the room goes on as it was.
pub fn fate(sold_out_at: Option<Timestamp>, supply: Option<Supply>, now: Timestamp) -> Fate {
    match (supply, sold_out_at) {
        (Some(Supply::Over), _) => Fate::Ends,
        (Some(Supply::SoldOut), Some(since)) if is_long(since, now) => Fate::Ends,
        (None | Some(Supply::SoldOut | Supply::Later), Some(_)) => Fate::Stands,
        (Some(Supply::SoldOut), None) => Fate::SellsOut,
        (Some(Supply::Free(_)), Some(_)) => Fate::GoesOn,
        (Some(Supply::Free(left)), None) => Fate::Calls { left: Some(left) },
        (Some(Supply::Later), None) => Fate::Calls { left: Some(0) },
        (None, None) => Fate::Calls { left: None },
    }
}

const fn is_long(since: Timestamp, now: Timestamp) -> bool {
    now.ms().saturating_sub(since.ms()) >= SOLD_OUT_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn a_room_follows_what_is_left() {
        let long = SOLD_OUT_MS;
        for (since, supply, now, wanted) in [
            (None, None, 0, Fate::Calls { left: None }),
            (
                None,
                Some(Supply::Free(3)),
                0,
                Fate::Calls { left: Some(3) },
            ),
            (None, Some(Supply::Later), 0, Fate::Calls { left: Some(0) }),
            (None, Some(Supply::SoldOut), 0, Fate::SellsOut),
            (None, Some(Supply::Over), 0, Fate::Ends),
            (Some(0), None, 9 * long, Fate::Stands),
            (Some(0), Some(Supply::SoldOut), long - 1, Fate::Stands),
            (Some(0), Some(Supply::SoldOut), long, Fate::Ends),
            (Some(0), Some(Supply::Later), 9 * long, Fate::Stands),
            (Some(0), Some(Supply::Free(1)), 9 * long, Fate::GoesOn),
            (Some(0), Some(Supply::Over), 1, Fate::Ends),
            // A clock that goes back ends nothing.
            (Some(long), Some(Supply::SoldOut), 0, Fate::Stands),
        ] {
            let got = fate(since.map(at), supply, at(now));
            assert_eq!(got, wanted, "{since:?} {supply:?} {now}");
        }
    }

    proptest! {
        /// Whatever comes and goes: nobody is called while nothing is free, and what is free is called for
        /// after one step more at most.
        #[test]
        fn nobody_is_called_into_an_empty_shop(steps in proptest::collection::vec((0u64..4, 0i64..SOLD_OUT_MS), 1..60)) {
            let (mut since, mut now) = (None, 0);
            for (kind, later) in steps {
                now += later;
                let supply = match kind {
                    0 => Supply::SoldOut,
                    1 => Supply::Later,
                    free => Supply::Free(free),
                };
                match fate(since, Some(supply), at(now)) {
                    Fate::Calls { left } => {
                        let free = if let Supply::Free(free) = supply { free } else { 0 };
                        prop_assert_eq!(left, Some(free));
                        prop_assert!(since.is_none());
                    }
                    Fate::SellsOut => since = Some(at(now)),
                    Fate::GoesOn => since = None,
                    Fate::Stands => prop_assert!(since.is_some() && !matches!(supply, Supply::Free(_))),
                    Fate::Ends => {
                        prop_assert_eq!(supply, Supply::SoldOut);
                        break;
                    }
                }
            }
        }
    }
}
