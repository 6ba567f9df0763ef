//! How best available looks for blocks; the rules are in `best.rs`.

use super::best::{MAX_PARTY, NoPick, Pick, Wish};
use super::layout::{Layout, Place, Run};
use super::model::{Point, SeatKind};
use super::pick::is_for_everybody;
use super::set::SeatSet;

/// How much worse a step-free seat is for those who did not ask for one.
const STEP_FREE_LAST: u64 = 2_000_000;

/// Which single seats a block may leave over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Singles {
    Any,
    Unavoidable,
    Never,
}

/// What a block is to be best at.
#[derive(Clone, Copy)]
enum Goal {
    /// The best seats.
    Best,
    /// The nearest to a point.
    Near(Point),
}

#[derive(Clone)]
pub(super) struct Search<'a> {
    layout: &'a Layout,
    free: SeatSet,
    /// By category: whether it will do.
    categories: Vec<bool>,
    section: Option<usize>,
    full_view: bool,
    wants_step_free: bool,
    pub(super) singles: Singles,
}

/// A block that was found: how bad it is, and its seats.
type Found = ((u8, u64, usize), Vec<usize>);

impl<'a> Search<'a> {
    pub(super) fn new(layout: &'a Layout, free: &SeatSet, wish: &Wish) -> Result<Self, NoPick> {
        let special =
            u32::from(wish.wheelchair) + u32::from(wish.companions) + u32::from(wish.step_free);
        let is_lonely = wish.companions > 0 && wish.wheelchair == 0;
        if !(1..=MAX_PARTY).contains(&wish.seats) || special > u32::from(wish.seats) || is_lonely {
            return Err(NoPick::Wish);
        }
        let map = layout.map();
        let section = match wish.section {
            Some(id) => Some(
                map.sections
                    .iter()
                    .position(|section| section.id == id)
                    .ok_or(NoPick::UnknownSection)?,
            ),
            None => None,
        };
        let mut categories = vec![wish.categories.is_empty(); map.categories.len()];
        for id in &wish.categories {
            let at = map.categories.iter().position(|known| known.id == *id);
            let will_do = at.and_then(|at| categories.get_mut(at));
            *will_do.ok_or(NoPick::UnknownCategory)? = true;
        }
        Ok(Self {
            layout,
            free: free.and(layout.for_sale()),
            categories,
            section,
            full_view: wish.full_view,
            wants_step_free: wish.step_free > 0,
            singles: Singles::Any,
        })
    }

    /// The whole party; `self` is worked on a copy, the free seats stay what they are.
    pub(super) fn party(&self, wish: &Wish) -> Result<Pick, NoPick> {
        let mut search = self.clone();
        let mut blocks = Vec::new();
        let mut anchor = None;
        if wish.wheelchair > 0 {
            let spaces = search
                .spaces(usize::from(wish.wheelchair), usize::from(wish.companions))
                .ok_or(NoPick::NoAccess)?;
            anchor = search.point(&spaces);
            search.take(&spaces);
            blocks.push(spaces);
        }
        let rest = usize::from(wish.seats - wish.wheelchair - wish.companions);
        let step_free = usize::from(wish.step_free);
        if rest == 0 {
            return Ok(Pick { blocks });
        }
        let goal = anchor.map_or(Goal::Best, Goal::Near);
        if let Some(block) = search.block(rest, step_free, goal) {
            blocks.push(block);
            return Ok(Pick { blocks });
        }
        let (count, step_free_count, longest) = search.stock();
        if count < rest {
            return Err(NoPick::TooFew(count));
        }
        if step_free_count < step_free {
            return Err(NoPick::NoAccess);
        }
        if !wish.may_split || rest == 1 {
            return Err(NoPick::NotTogether);
        }
        let split = search
            .split(rest, step_free, longest, anchor)
            .ok_or(NoPick::NotTogether)?;
        blocks.extend(split);
        Ok(Pick { blocks })
    }

    fn place(&self, seat: usize) -> Option<&'a Place> {
        self.layout.places().get(seat)
    }

    fn take(&mut self, seats: &[usize]) {
        for seat in seats {
            self.free.remove(*seat);
        }
    }

    /// The middle of some seats.
    fn point(&self, seats: &[usize]) -> Option<Point> {
        let seat = seats.get(seats.len() / 2)?;
        self.place(*seat).map(|place| place.at)
    }

    /// Whether a free seat is what the party asked for, whoever it is meant for.
    fn will_do(&self, place: &Place) -> bool {
        self.categories
            .get(place.category)
            .copied()
            .unwrap_or(false)
            && self.section.is_none_or(|section| section == place.section)
            && !(self.full_view && place.obstructed)
    }

    /// The seat, if it is free and one of those that are offered to everybody.
    fn candidate(&self, seat: usize) -> Option<&'a Place> {
        let place = self.place(seat)?;
        (self.free.contains(seat) && is_for_everybody(place.kind) && self.will_do(place))
            .then_some(place)
    }

    fn cost(&self, place: &Place, goal: Goal) -> u64 {
        let last = match place.kind {
            SeatKind::StepFree if !self.wants_step_free => STEP_FREE_LAST,
            SeatKind::StepFree
            | SeatKind::Ordinary
            | SeatKind::Wheelchair
            | SeatKind::Companion => 0,
        };
        match goal {
            Goal::Best => place.cost + last,
            Goal::Near(point) => place.at.distance_squared(point).isqrt() + last,
        }
    }

    /// Wheelchair spaces with companions' seats.
    fn spaces(&self, mut spaces: usize, mut companions: usize) -> Option<Vec<usize>> {
        let mut found: Vec<usize> = Vec::new();
        let mut left: Vec<(usize, &Place)> = self
            .free
            .iter()
            .filter_map(|seat| Some((seat, self.place(seat)?)))
            .filter(|(_, place)| {
                let group = self.layout.groups().get(place.group);
                place.kind == SeatKind::Wheelchair
                    && self.will_do(place)
                    && !group.is_some_and(|group| group.whole)
            })
            .collect();
        while spaces > 0 {
            let first = found.first().and_then(|seat| self.place(*seat));
            let goal = first.map_or(Goal::Best, |place| Goal::Near(place.at));
            let wanted = companions.div_ceil(spaces);
            left.sort_by_key(|(seat, place)| (self.cost(place, goal), *seat));
            let at = left
                .iter()
                .position(|(seat, _)| self.free_companions(*seat).count() >= wanted)?;
            let (space, _) = left.remove(at);
            found.push(space);
            found.extend(self.free_companions(space).take(wanted));
            spaces -= 1;
            companions -= wanted;
        }
        Some(found)
    }

    fn free_companions(&self, space: usize) -> impl Iterator<Item = usize> {
        let seats = self.layout.companions(space).iter().copied();
        seats.filter(move |seat| self.free.contains(*seat))
    }

    /// The best block of so many seats, so many of them step-free.
    fn block(&self, size: usize, step_free: usize, goal: Goal) -> Option<Vec<usize>> {
        let mut best: Option<Found> = None;
        for run in self.layout.best_runs() {
            if let (Goal::Best, Some(((0, cost, _), _))) = (goal, &best)
                && *cost < run.best.saturating_mul(size as u64)
            {
                break;
            }
            if run.seats.len() < size
                || self.section.is_some_and(|section| section != run.section)
                || !self.free.any_in(&run.seats)
            {
                continue;
            }
            let found = if run.is_table {
                self.at_table(run, size, step_free, goal)
            } else {
                self.in_row(run, size, step_free, goal)
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| found.0 < best.0)
            {
                best = Some(found);
            }
        }
        best.map(|(_, seats)| seats)
    }

    /// The best block in a row: a window of the wanted size that slides along it.
    fn in_row(&self, run: &Run, size: usize, step_free: usize, goal: Goal) -> Option<Found> {
        let mut best: Option<(u8, u64, usize)> = None;
        let (mut from, mut sum, mut steps) = (run.seats.start, 0, 0);
        for seat in run.seats.clone() {
            let Some(place) = self.candidate(seat) else {
                (from, sum, steps) = (seat + 1, 0, 0);
                continue;
            };
            sum += self.cost(place, goal);
            steps += usize::from(place.kind == SeatKind::StepFree);
            if seat + 1 - from > size {
                if let Some(out) = self.place(from) {
                    sum -= self.cost(out, goal);
                    steps -= usize::from(out.kind == SeatKind::StepFree);
                }
                from += 1;
            }
            if seat + 1 - from == size
                && steps >= step_free
                && let Some(class) = self.class(run, from, seat + 1)
            {
                let found = (class, sum, from);
                if best.is_none_or(|best| found < best) {
                    best = Some(found);
                }
            }
        }
        best.map(|found| (found, (found.2..found.2 + size).collect()))
    }

    /// How well a block leaves its row: 0 with no single seat, 1 with the one that cannot be
    /// helped; none if that is not allowed.
    fn class(&self, run: &Run, from: usize, until: usize) -> Option<u8> {
        if self.singles == Singles::Any {
            return Some(0);
        }
        let is_free = |seat: usize| run.seats.contains(&seat) && self.free.contains(seat);
        // How many are free in a row on that side: none, one, or more.
        let before = match (from.checked_sub(1), from.checked_sub(2)) {
            (Some(one), _) if !is_free(one) => 0,
            (Some(_), Some(two)) if is_free(two) => 2,
            (Some(_), _) => 1,
            (None, _) => 0,
        };
        let after = match (is_free(until), is_free(until + 1)) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 2,
        };
        match (before, after) {
            (0 | 2, 0 | 2) => Some(0),
            (1, 0) | (0, 1) if self.singles == Singles::Unavoidable => Some(1),
            _ => None,
        }
    }

    /// The best chairs of a table; all of them, if it is sold whole.
    fn at_table(&self, run: &Run, size: usize, step_free: usize, goal: Goal) -> Option<Found> {
        let mut chairs: Vec<(bool, u64, usize)> = Vec::new();
        for seat in run.seats.clone() {
            let place = if run.whole {
                let place = self.place(seat)?;
                if !self.free.contains(seat) || !self.will_do(place) {
                    return None;
                }
                place
            } else if let Some(place) = self.candidate(seat) {
                place
            } else {
                continue;
            };
            // Those who need them have the step-free chairs first.
            let is_later = step_free > 0 && place.kind != SeatKind::StepFree;
            chairs.push((is_later, self.cost(place, goal), seat));
        }
        if chairs.len() < size || (run.whole && chairs.len() != size) {
            return None;
        }
        chairs.sort_unstable();
        chairs.truncate(size);
        let steps = chairs.iter().filter(|(_, _, seat)| {
            self.place(*seat)
                .is_some_and(|place| place.kind == SeatKind::StepFree)
        });
        if steps.count() < step_free {
            return None;
        }
        let cost: u64 = chairs.iter().map(|(_, cost, _)| cost).sum();
        let mut seats: Vec<usize> = chairs.into_iter().map(|(_, _, seat)| seat).collect();
        seats.sort_unstable();
        Some(((0, cost, run.seats.start), seats))
    }

    /// How many seats there are for everybody, how many of them step-free, and how many together
    /// at most.
    fn stock(&self) -> (usize, usize, usize) {
        let (mut count, mut steps, mut longest) = (0, 0, 0);
        for run in self.layout.runs() {
            let mut together = 0;
            for seat in run.seats.clone() {
                let Some(place) = self.candidate(seat) else {
                    if !run.is_table {
                        together = 0;
                    }
                    continue;
                };
                count += 1;
                together += 1;
                steps += usize::from(place.kind == SeatKind::StepFree);
                longest = longest.max(together);
            }
        }
        (count, steps, longest)
    }

    fn split(
        &self,
        party: usize,
        step_free: usize,
        longest: usize,
        anchor: Option<Point>,
    ) -> Option<Vec<Vec<usize>>> {
        let two = (2..=party / 2)
            .rev()
            .map(|small| vec![party - small, small]);
        let more = (3..=4).filter(|parts| party / parts >= 2).map(|parts| {
            let larger = party % parts;
            (0..parts)
                .map(|at| party / parts + usize::from(at < larger))
                .collect::<Vec<usize>>()
        });
        two.chain(more)
            .filter(|sizes| sizes.first().is_some_and(|first| *first <= longest))
            .find_map(|sizes| self.blocks(&sizes, step_free, anchor))
            .or_else(|| self.largest(party, step_free, longest, anchor))
    }

    /// Blocks of these sizes, the step-free seats in the first.
    fn blocks(
        &self,
        sizes: &[usize],
        mut step_free: usize,
        mut anchor: Option<Point>,
    ) -> Option<Vec<Vec<usize>>> {
        let (mut search, mut blocks) = (self.clone(), Vec::new());
        for size in sizes {
            let goal = anchor.map_or(Goal::Best, Goal::Near);
            let block = search.block(*size, step_free, goal)?;
            step_free = 0;
            anchor = anchor.or_else(|| search.point(&block));
            search.take(&block);
            blocks.push(block);
        }
        Some(blocks)
    }

    /// The largest blocks there are, one after another.
    fn largest(
        &self,
        party: usize,
        mut step_free: usize,
        longest: usize,
        mut anchor: Option<Point>,
    ) -> Option<Vec<Vec<usize>>> {
        let (mut search, mut blocks) = (self.clone(), Vec::new());
        let (mut rest, mut size) = (party, longest);
        while rest > 0 {
            size = size.min(rest);
            let goal = anchor.map_or(Goal::Best, Goal::Near);
            // Three and one would leave somebody alone; two and two do not, if there are two more.
            if rest == size + 1
                && size > 2
                && size > step_free
                && let Some(block) = search.block(size - 1, step_free, goal)
            {
                let mut then = search.clone();
                then.take(&block);
                let beside = then.point(&block).map_or(goal, Goal::Near);
                if let Some(pair) = then.block(2, 0, beside) {
                    blocks.extend([block, pair]);
                    return Some(blocks);
                }
            }
            let found = (1..=size)
                .rev()
                .take_while(|size| *size >= step_free.max(1))
                .find_map(|size| search.block(size, step_free, goal));
            let block = found?;
            // What was not there is not there later either, unless it had to be step-free.
            if step_free == 0 {
                size = block.len();
            }
            step_free = 0;
            anchor = anchor.or_else(|| search.point(&block));
            rest -= block.len();
            search.take(&block);
            blocks.push(block);
        }
        Some(blocks)
    }
}
