//! Seat maps as a whole.

mod format;
mod picking;
mod pictures;
mod single;
mod versions;

use super::*;

/// A small house for properties: each byte is a seat, what kind says its value.
fn house(rows: &[Vec<u8>]) -> SeatMap {
    let mut map = templates::club().unwrap();
    map.sections.remove(0);
    map.width = 2_000;
    map.height = 2_000;
    let section = &mut map.sections[0];
    for (r, row) in rows.iter().enumerate() {
        let mut seats: Vec<Seat> = Vec::new();
        for (k, kind) in row.iter().enumerate() {
            let id = format!("r{r}-{k}").parse().unwrap();
            let place = |n: usize| i32::try_from(n).unwrap();
            let mut seat = Seat::new(id, 900 + place(k) * 20, 100 + place(r) * 30);
            match kind % 16 {
                0 => seat.kind = SeatKind::Wheelchair,
                1 => seat.kind = SeatKind::StepFree,
                2 => seat.aisle_before = true,
                3 => seat.obstructed = true,
                4 => seat.not_for_sale = true,
                5 | 6 => seat.category = Some("b".parse().unwrap()),
                7 => {
                    let space = seats.last().filter(|s| s.kind == SeatKind::Wheelchair);
                    if let Some(space) = space {
                        seat.kind = SeatKind::Companion;
                        seat.companion_of = Some(space.id);
                    }
                }
                _ => {}
            }
            seats.push(seat);
        }
        section.rows.push(SeatRow {
            id: format!("r{r}").parse().unwrap(),
            label: r.to_string(),
            category: None,
            numbering: Some(Numbering::new(NumberingScheme::Numbers)),
            seats,
        });
    }
    map
}

/// One row of ordinary seats.
fn row(seats: usize) -> Layout {
    Layout::new(house(&[vec![15; seats]])).unwrap()
}

fn layout(map: Result<SeatMap, MapIdError>) -> Layout {
    Layout::new(map.unwrap()).unwrap()
}

fn ids(texts: &[&str]) -> Vec<SeatId> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn set(layout: &Layout, texts: &[&str]) -> SeatSet {
    layout.set(ids(texts)).unwrap()
}

/// The seats of the first row whose letters are dots; every other one is taken.
fn free_in_row(layout: &Layout, picture: &str) -> SeatSet {
    let mut free = SeatSet::empty(layout.places().len());
    for (k, letter) in picture.chars().enumerate() {
        if letter == '.' {
            free.insert(k);
        }
    }
    free
}
