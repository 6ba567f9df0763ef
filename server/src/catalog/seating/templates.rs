//! Maps to start from. Each is valid as it is; organisers change what is different in their house.

use super::ids::{MapIdError, PartId, SeatId};
use super::model::{
    FORMAT, MapObject, ObjectKind, Point, PriceCategory, Seat, SeatKind, SeatMap, SeatRow,
    SeatTable, Section, StandingArea, TableShape,
};
use super::numbering::{Numbering, NumberingScheme};
use super::validate::MAX_SEATS;

/// How far seats of one row are apart.
const SEAT: i32 = 20;
/// How far rows are apart.
const ROW: i32 = 26;
/// How much room there is above a block of an arena, for its label.
const LABEL: i32 = 4 * ROW;

/// The most blocks, rows of a block and seats of a row that [`arena`] makes.
pub const MOST: (usize, usize, usize) = (400, 60, 50);

/// A theatre: stalls and balcony, numbered from the middle outwards, with a middle aisle in the
/// stalls; wheelchair spaces with companions' seats in the last row of the stalls, step-free seats
/// in its first, a restricted view at the ends of the balcony. 446 seats.
///
/// # Errors
/// Never, as tests show; ids are checked like anybody's.
pub fn theatre() -> Result<SeatMap, MapIdError> {
    let (stalls_rows, balcony_rows, width) = (14, 6, 22);
    let numbering = Numbering::new(NumberingScheme::OddEven);
    let left = 60;
    let mut stalls = section("stalls", "Stalls", "b")?;
    for row in 0..stalls_rows {
        let y = 150 + coordinate(row) * ROW;
        let mut seats = Vec::new();
        for k in 0..width {
            let aisle = if k >= width / 2 { 2 * SEAT } else { 0 };
            let x = left + coordinate(k) * SEAT + aisle;
            let mut seat = Seat::new(format!("s{}-{}", row + 1, k + 1).parse()?, x, y);
            seat.aisle_before = k == width / 2;
            if row == 0 && (k == 0 || k + 1 == width) {
                seat.kind = SeatKind::StepFree;
            }
            seats.push(seat);
        }
        if row + 1 == stalls_rows {
            // Four wheelchair spaces, each with one seat beside it.
            for k in [0, 2, width - 4, width - 2] {
                let space = seats.get(k).map(|seat| seat.id);
                if let Some(seat) = seats.get_mut(k) {
                    seat.kind = SeatKind::Wheelchair;
                }
                if let Some(seat) = seats.get_mut(k + 1) {
                    seat.kind = SeatKind::Companion;
                    seat.companion_of = space;
                }
            }
        }
        stalls.rows.push(SeatRow {
            id: format!("s{}", row + 1).parse()?,
            label: (row + 1).to_string(),
            category: if row < 5 { Some("a".parse()?) } else { None },
            numbering: Some(numbering),
            seats,
        });
    }
    let mut balcony = section("balcony", "Balcony", "c")?;
    for row in 0..balcony_rows {
        let y = 620 + coordinate(row) * ROW;
        let mut seats = Vec::new();
        for k in 0..=width {
            let x = left + coordinate(k) * SEAT + SEAT / 2;
            let mut seat = Seat::new(format!("b{}-{}", row + 1, k + 1).parse()?, x, y);
            seat.obstructed = k == 0 || k == width;
            seats.push(seat);
        }
        // The last row has no seat where the projector stands.
        if row + 1 == balcony_rows
            && let Some(seat) = seats.get_mut(width / 2)
        {
            seat.not_for_sale = true;
        }
        balcony.rows.push(SeatRow {
            id: format!("b{}", row + 1).parse()?,
            label: Numbering::new(NumberingScheme::LettersWithoutIo).label(row, balcony_rows),
            category: None,
            numbering: Some(Numbering::new(NumberingScheme::Numbers)),
            seats,
        });
    }
    let stage = rectangle(100, 20, 400, 80);
    Ok(SeatMap {
        format: FORMAT,
        name: "Theatre".to_owned(),
        width: 600,
        height: 820,
        seat_size: SEAT,
        focus: Point { x: 300, y: 60 },
        categories: categories()?,
        sections: vec![stalls, balcony],
        objects: vec![MapObject {
            kind: ObjectKind::Stage,
            label: Some("Stage".to_owned()),
            outline: stage,
        }],
    })
}

/// An arena: blocks of equal size around a pitch; the nearest blocks are of the first category.
/// `arena(20, 10, 25)` has 5,000 seats, `arena(120, 20, 25)` 60,000. What is
/// more than a map can have is left out.
///
/// # Errors
/// Never, as tests show; ids are checked like anybody's.
pub fn arena(sections: usize, rows: usize, seats: usize) -> Result<SeatMap, MapIdError> {
    let (rows, seats) = (rows.clamp(1, MOST.1), seats.clamp(1, MOST.2));
    let sections = sections.clamp(1, MOST.0.min(MAX_SEATS / (rows * seats)));
    // Blocks stand in a square of squares whose middle third is the pitch.
    let mut side = 2;
    while side * side - (side / 3) * (side / 3) < sections {
        side += 1;
    }
    let (hole, block_width, block_height) = (
        side / 3,
        coordinate(seats) * SEAT + 2 * SEAT,
        coordinate(rows) * ROW + 2 * ROW + LABEL,
    );
    let hole_from = (side - hole) / 2;
    let is_pitch = |at: usize| (hole_from..hole_from + hole).contains(&at);
    let (width, height) = (
        coordinate(side) * block_width,
        coordinate(side) * block_height,
    );
    let mut blocks = Vec::new();
    for at in 0..side * side {
        let (column, line) = (at % side, at / side);
        if blocks.len() == sections || (is_pitch(column) && is_pitch(line)) {
            continue;
        }
        let number = blocks.len() + 1;
        // How many blocks away from the pitch, in steps of the outer ring.
        let away = |x: usize| {
            hole_from
                .saturating_sub(x)
                .max((x + 1).saturating_sub(hole_from + hole))
        };
        let category = match away(column).max(away(line)) {
            0 | 1 => "a",
            2 => "b",
            _ => "c",
        };
        let mut block = section(&format!("k{number}"), &format!("Block {number}"), category)?;
        for row in 0..rows {
            let y = coordinate(line) * block_height + LABEL + coordinate(row + 1) * ROW;
            let mut line_of_seats = Vec::with_capacity(seats);
            for k in 0..seats {
                let x = coordinate(column) * block_width + coordinate(k + 1) * SEAT;
                let id: SeatId = format!("{number}-{}-{}", row + 1, k + 1).parse()?;
                line_of_seats.push(Seat::new(id, x, y));
            }
            block.rows.push(SeatRow {
                id: format!("{number}-{}", row + 1).parse()?,
                label: (row + 1).to_string(),
                category: None,
                numbering: Some(Numbering::new(NumberingScheme::Numbers)),
                seats: line_of_seats,
            });
        }
        blocks.push(block);
    }
    let mut objects = Vec::new();
    if hole > 0 {
        objects.push(MapObject {
            kind: ObjectKind::Pitch,
            label: Some("Pitch".to_owned()),
            outline: rectangle(
                coordinate(hole_from) * block_width,
                coordinate(hole_from) * block_height,
                coordinate(hole) * block_width,
                coordinate(hole) * block_height,
            ),
        });
    }
    Ok(SeatMap {
        format: FORMAT,
        name: "Arena".to_owned(),
        width: width.max(100),
        height: height.max(100),
        seat_size: SEAT,
        focus: Point {
            x: width / 2,
            y: height / 2,
        },
        categories: categories()?,
        sections: blocks,
        objects,
    })
}

/// A club: twelve round tables of four, sold by the chair, four tables of six that are sold whole,
/// a floor for 300 and a gallery for 80 who stand.
///
/// # Errors
/// Never, as tests show; ids are checked like anybody's.
pub fn club() -> Result<SeatMap, MapIdError> {
    let mut tables = section("tables", "Tables", "a")?;
    for number in 1..=12 {
        let column = (number - 1) % 6;
        let line = (number - 1) / 6;
        let (x, y) = (100 + column * 130, 560 + line * 130);
        tables.tables.push(SeatTable {
            id: format!("t{number}").parse()?,
            label: number.to_string(),
            x,
            y,
            shape: TableShape::Round,
            width: 40,
            height: 40,
            category: None,
            whole: false,
            numbering: Some(Numbering::new(NumberingScheme::Letters)),
            chairs: chairs(number, &[(0, -36), (36, 0), (0, 36), (-36, 0)], x, y)?,
        });
    }
    let around = [
        (-30, -36),
        (0, -36),
        (30, -36),
        (30, 36),
        (0, 36),
        (-30, 36),
    ];
    for number in 13..=16 {
        let (x, y) = (120 + (number - 13) * 200, 820);
        tables.tables.push(SeatTable {
            id: format!("t{number}").parse()?,
            label: number.to_string(),
            x,
            y,
            shape: TableShape::Rectangle,
            width: 90,
            height: 40,
            category: None,
            whole: true,
            numbering: Some(Numbering::new(NumberingScheme::Letters)),
            chairs: chairs(number, &around, x, y)?,
        });
    }
    let mut floor = section("standing", "Standing", "b")?;
    floor.areas = vec![
        area("floor", "Floor", 300, true, rectangle(100, 140, 700, 320))?,
        area(
            "gallery",
            "Gallery",
            80,
            false,
            rectangle(100, 900, 700, 60),
        )?,
    ];
    Ok(SeatMap {
        format: FORMAT,
        name: "Club".to_owned(),
        width: 900,
        height: 1_000,
        seat_size: SEAT,
        focus: Point { x: 450, y: 60 },
        categories: categories()?,
        sections: vec![floor, tables],
        objects: vec![
            MapObject {
                kind: ObjectKind::Stage,
                label: Some("Stage".to_owned()),
                outline: rectangle(200, 20, 500, 90),
            },
            MapObject {
                kind: ObjectKind::Bar,
                label: Some("Bar".to_owned()),
                outline: rectangle(20, 140, 60, 320),
            },
        ],
    })
}

fn chairs(table: i32, around: &[(i32, i32)], x: i32, y: i32) -> Result<Vec<Seat>, MapIdError> {
    let mut chairs = Vec::with_capacity(around.len());
    for ((dx, dy), number) in around.iter().zip(1_u8..) {
        let id: SeatId = format!("t{table}-{number}").parse()?;
        chairs.push(Seat::new(id, x + dx, y + dy));
    }
    Ok(chairs)
}

fn section(id: &str, label: &str, category: &str) -> Result<Section, MapIdError> {
    Ok(Section {
        id: id.parse()?,
        label: label.to_owned(),
        entrance: None,
        category: Some(category.parse()?),
        rows: Vec::new(),
        tables: Vec::new(),
        areas: Vec::new(),
    })
}

fn area(
    id: &str,
    label: &str,
    capacity: u32,
    step_free: bool,
    outline: Vec<Point>,
) -> Result<StandingArea, MapIdError> {
    Ok(StandingArea {
        id: id.parse()?,
        label: label.to_owned(),
        capacity,
        category: None,
        step_free,
        outline,
    })
}

fn categories() -> Result<Vec<PriceCategory>, MapIdError> {
    let category = |id: &str, label: &str| -> Result<PriceCategory, MapIdError> {
        let id: PartId = id.parse()?;
        Ok(PriceCategory {
            id,
            label: label.to_owned(),
        })
    };
    Ok(vec![
        category("a", "Category A")?,
        category("b", "Category B")?,
        category("c", "Category C")?,
    ])
}

fn rectangle(x: i32, y: i32, width: i32, height: i32) -> Vec<Point> {
    let (right, bottom) = (x + width, y + height);
    vec![
        Point { x, y },
        Point { x: right, y },
        Point {
            x: right,
            y: bottom,
        },
        Point { x, y: bottom },
    ]
}

/// A count as a coordinate; counts here are small.
fn coordinate(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
