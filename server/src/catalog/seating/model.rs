//! The format of a seat map, version 1, as it travels and is stored.
//!
//! Coordinates are whole units of the map's own; `x` grows to the right and `y` down, as seen from
//! above with the stage wherever the map puts it. Left and right are those of the picture, in
//! every language.
//!
//! Labels are in one language, without translations: they are what is written in the house, on doors,
//! rows and seats, and what tickets say so that people find them there. The words around them (row,
//! seat, free) are in the language of whoever reads, see [`Words`](super::Words).

use bilten_kernel::text_enum;
use serde::{Deserialize, Serialize};
use utoipa::{PartialSchema, ToSchema};

use super::ids::{PartId, SeatId};
use super::numbering::Numbering;

/// The version of the format that is written and read.
pub const FORMAT: u16 = 1;

text_enum! {
    /// What a seat is, as to who needs it.
    #[derive(Default)]
    pub enum SeatKind {
        /// A seat like most.
        #[default]
        Ordinary = "ordinary",
        /// A seat that is reached without a step, for those who leave their wheelchair or cannot
        /// climb; offered to others last.
        StepFree = "step_free",
        /// A space for a wheelchair, without a chair.
        Wheelchair = "wheelchair",
        /// A seat for whoever comes with somebody in a wheelchair space or step-free seat.
        Companion = "companion",
    }
}

text_enum! {
    /// The form of a table.
    #[derive(Default)]
    pub enum TableShape {
        /// Round or oval.
        #[default]
        Round = "round",
        /// With four corners.
        Rectangle = "rectangle",
    }
}

text_enum! {
    /// What an object is that nobody sits on.
    pub enum ObjectKind {
        /// A stage.
        Stage = "stage",
        /// A screen.
        Screen = "screen",
        /// A playing field, a ring or a dance floor.
        Pitch = "pitch",
        /// A bar.
        Bar = "bar",
        /// A way in.
        Entrance = "entrance",
        /// A way out in an emergency.
        Exit = "exit",
        /// Stairs.
        Stairs = "stairs",
        /// A lift.
        Lift = "lift",
        /// Toilets.
        Toilets = "toilets",
        /// A wall or a pillar.
        Wall = "wall",
        /// Anything else.
        Other = "other",
    }
}

/// A place on the map, in its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapPoint)]
pub struct Point {
    /// From the left edge.
    pub x: i32,
    /// From the upper edge.
    pub y: i32,
}

impl Point {
    /// The square of the distance to another point.
    pub fn distance_squared(self, other: Self) -> u64 {
        let dx = u64::from(self.x.abs_diff(other.x));
        let dy = u64::from(self.y.abs_diff(other.y));
        dx * dx + dy * dy
    }
}

/// One seat, chair or wheelchair space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Its id, the same through all versions of the map.
    pub id: SeatId,
    /// What is written on it; without it, what the numbering of its row or table gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The middle of the seat, from the left edge.
    pub x: i32,
    /// The middle of the seat, from the upper edge.
    pub y: i32,
    /// Its price category; without it, that of its row or table, or else of its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PartId>,
    /// What it is, as to who needs it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: SeatKind,
    /// For a companion's seat: the wheelchair space or step-free seat that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companion_of: Option<SeatId>,
    /// Whether something stands in the view.
    #[serde(default, skip_serializing_if = "is_default")]
    pub obstructed: bool,
    /// Whether it is never sold, on any date.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not_for_sale: bool,
    /// Whether an aisle or a pillar is between it and the seat before it: those two are no
    /// neighbours.
    #[serde(default, skip_serializing_if = "is_default")]
    pub aisle_before: bool,
}

impl Seat {
    /// An ordinary seat at a place.
    pub const fn new(id: SeatId, x: i32, y: i32) -> Self {
        Self {
            id,
            label: None,
            x,
            y,
            category: None,
            kind: SeatKind::Ordinary,
            companion_of: None,
            obstructed: false,
            not_for_sale: false,
            aisle_before: false,
        }
    }
}

/// A row of seats from left to right; each is the neighbour of the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatRow {
    /// Its id.
    pub id: PartId,
    /// What it is called, such as `12` or `B`.
    pub label: String,
    /// The price category of its seats, if they have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PartId>,
    /// How its seats are numbered that have no label of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbering: Option<Numbering>,
    /// Its seats, from left to right.
    pub seats: Vec<Seat>,
}

/// A table with chairs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatTable {
    /// Its id.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// The middle of the table, from the left edge.
    pub x: i32,
    /// The middle of the table, from the upper edge.
    pub y: i32,
    /// Its form.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shape: TableShape,
    /// How wide it is.
    pub width: i32,
    /// How high it is in the picture.
    pub height: i32,
    /// The price category of its chairs, if they have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PartId>,
    /// Whether it is sold with all its chairs or not at all.
    #[serde(default, skip_serializing_if = "is_default")]
    pub whole: bool,
    /// How its chairs are numbered that have no label of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbering: Option<Numbering>,
    /// Its chairs, one way round.
    pub chairs: Vec<Seat>,
}

/// An area where people stand; it is sold by number and has no seats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingArea {
    /// Its id.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// How many people may be in it.
    pub capacity: u32,
    /// Its price category; without it, that of its section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PartId>,
    /// Whether it is reached without a step.
    #[serde(default, skip_serializing_if = "is_default")]
    pub step_free: bool,
    /// Its corners.
    pub outline: Vec<Point>,
}

/// A part of the house: stalls, a balcony, a block of a stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its id.
    pub id: PartId,
    /// What it is called.
    pub label: String,
    /// The door that leads there, if people are to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrance: Option<String>,
    /// The price category of all that has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<PartId>,
    /// Its rows, in the order in which they are read out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<SeatRow>,
    /// Its tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<SeatTable>,
    /// Its standing areas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<StandingArea>,
}

/// A price category; which tier sells it at which price is said by the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceCategory {
    /// Its id.
    pub id: PartId,
    /// What it is called.
    pub label: String,
}

/// Something on the map that nobody buys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapObject {
    /// What it is.
    pub kind: ObjectKind,
    /// What is written on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its corners.
    pub outline: Vec<Point>,
}

/// A seat map, in format 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMap {
    /// The version of the format: 1.
    pub format: u16,
    /// What the map is called, such as `Great hall, with orchestra pit`.
    pub name: String,
    /// How wide the map is.
    pub width: i32,
    /// How high the map is.
    pub height: i32,
    /// How far the middles of two seats are apart at least.
    pub seat_size: i32,
    /// What everybody looks at: the nearer a seat is to it, the better it is.
    pub focus: Point,
    /// Its price categories, the first the best.
    pub categories: Vec<PriceCategory>,
    /// Its sections, in the order in which they are read out.
    pub sections: Vec<Section>,
    /// What else is on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<MapObject>,
}

impl SeatMap {
    /// How many seats and chairs there are.
    pub fn seats(&self) -> usize {
        self.sections.iter().map(Section::seats).sum()
    }

    /// The format as a JSON schema (draft 2020-12) that stands by itself.
    ///
    /// It is made from the types above; what a schema cannot say (unknown categories, overlaps)
    /// is said by [`SeatMap::check`].
    pub fn json_schema() -> serde_json::Value {
        let mut parts = Vec::new();
        <Self as ToSchema>::schemas(&mut parts);
        parts.push((Self::name().into_owned(), Self::schema()));
        let defs: serde_json::Map<String, serde_json::Value> = parts
            .into_iter()
            .map(|(name, schema)| {
                let schema = serde_json::to_value(schema).unwrap_or_default();
                (name, with_local_refs(schema))
            })
            .collect();
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Bilten seat map, format 1",
            "$ref": "#/$defs/SeatMap",
            "$defs": defs,
        })
    }
}

impl Section {
    /// How many seats and chairs there are.
    pub fn seats(&self) -> usize {
        let rows: usize = self.rows.iter().map(|row| row.seats.len()).sum();
        let chairs: usize = self.tables.iter().map(|table| table.chairs.len()).sum();
        rows + chairs
    }
}

/// References into the API's description become references into the schema itself.
fn with_local_refs(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => match text.strip_prefix("#/components/schemas/") {
            Some(name) => Value::String(format!("#/$defs/{name}")),
            None => Value::String(text),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(with_local_refs).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, with_local_refs(value)))
                .collect(),
        ),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
