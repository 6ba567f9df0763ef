//! The format, its schema and its checks.

use serde_json::{Value, json};

use super::super::*;
use super::layout;

/// covers: BE-2
#[test]
fn templates_are_valid_and_travel_as_json() {
    for (map, seats) in [
        (templates::theatre(), 446),
        (templates::arena(20, 10, 25), 5_000),
        (templates::arena(120, 20, 25), 60_000),
        (templates::arena(1, 1, 1), 1),
        (templates::arena(9_999, 9_999, 9_999), 60_000),
        (templates::club(), 72),
    ] {
        let map = map.unwrap();
        assert_eq!(map.check(), Ok(()), "{}", map.name);
        assert_eq!(map.seats(), seats, "{}", map.name);
        let text = serde_json::to_string(&map).unwrap();
        assert!(text.len() < 6_000_000, "{} bytes", text.len());
        assert_eq!(serde_json::from_str::<SeatMap>(&text).unwrap(), map);
        assert_eq!(Layout::new(map).unwrap().places().len(), seats);
    }
}

/// covers: BE-2
#[test]
fn unknown_fields_and_ids_are_refused() {
    let map = serde_json::to_value(templates::club().unwrap()).unwrap();
    for (pointer, value) in [
        ("/colour", json!("red")),
        ("/sections/1/tables/0/chairs/0/id", json!("T 1")),
        ("/sections/1/tables/12/shape", json!("oval")),
        ("/width", json!(1.5)),
        ("/sections/0/areas/0/capacity", json!(-1)),
    ] {
        let mut map = map.clone();
        if pointer == "/colour" {
            map["colour"] = value;
        } else {
            *map.pointer_mut(pointer).unwrap() = value;
        }
        assert!(serde_json::from_value::<SeatMap>(map).is_err(), "{pointer}");
    }
}

type Fault = (fn(&mut SeatMap), &'static str, &'static str);

/// covers: BE-2
#[test]
fn each_fault_has_its_code_and_path() {
    let faults: &[Fault] = &[
        (|m| m.format = 2, "format", "format"),
        (|m| m.name.clear(), "name", "required"),
        (|m| m.name = "x".repeat(101), "name", "too_long"),
        (|m| m.name = "a\u{202e}b".into(), "name", "text"),
        (|m| m.name = " a".into(), "name", "text"),
        (|m| m.seat_size = 0, "seat_size", "out_of_range"),
        (|m| m.focus.x = -1, "focus", "outside"),
        (
            |m| m.categories[1].id = m.categories[0].id,
            "categories[1].id",
            "duplicate_id",
        ),
        (
            |m| m.categories[1].label = m.categories[0].label.to_uppercase(),
            "categories[1].label",
            "duplicate_label",
        ),
        (
            |m| m.sections[1].id = m.sections[0].id,
            "sections[1].id",
            "duplicate_id",
        ),
        (
            |m| m.sections[1].label = m.sections[0].label.clone(),
            "sections[1].label",
            "duplicate_label",
        ),
        (
            |m| m.sections[0].rows[3].label = "1".into(),
            "sections[0].rows[3].label",
            "duplicate_label",
        ),
        (
            |m| m.sections[0].rows[3].id = m.sections[1].rows[0].id,
            "sections[1].rows[0].id",
            "duplicate_id",
        ),
        (
            |m| m.sections[0].rows[3].seats.clear(),
            "sections[0].rows[3].seats",
            "empty",
        ),
        (
            |m| m.sections[0].rows[3].seats[1].id = m.sections[0].rows[2].seats[0].id,
            "sections[0].rows[3].seats[1].id",
            "duplicate_id",
        ),
        (
            |m| m.sections[0].rows[3].seats[0].label = Some("1".into()),
            "sections[0].rows[3].seats[10].label",
            "duplicate_label",
        ),
        (
            |m| m.sections[1].rows[0].numbering = None,
            "sections[1].rows[0].seats[0].label",
            "no_label",
        ),
        (
            |m| m.sections[0].rows[0].seats[1].x = m.sections[0].rows[0].seats[0].x + 19,
            "sections[0].rows[0].seats[1].x",
            "overlap",
        ),
        (
            |m| m.sections[0].rows[0].seats[1].y = 821,
            "sections[0].rows[0].seats[1].x",
            "outside",
        ),
        (
            |m| m.sections[0].rows[0].category = "z".parse().ok(),
            "sections[0].rows[0].category",
            "unknown_category",
        ),
        (
            |m| m.sections[1].category = None,
            "sections[1].rows[0].seats[0].category",
            "no_category",
        ),
        (
            |m| m.sections[0].rows[0].seats[3].kind = SeatKind::Companion,
            "sections[0].rows[0].seats[3].companion_of",
            "no_companion_of",
        ),
        (
            |m| m.sections[0].rows[0].seats[3].companion_of = "s1-1".parse().ok(),
            "sections[0].rows[0].seats[3].companion_of",
            "not_a_companion",
        ),
        (
            |m| m.sections[0].rows[13].seats[1].companion_of = "b1-1".parse().ok(),
            "sections[0].rows[13].seats[1].companion_of",
            "unknown_seat",
        ),
        (
            |m| m.objects[0].outline.truncate(2),
            "objects[0].outline",
            "outline",
        ),
        (
            |m| m.objects[0].outline[0].x = 601,
            "objects[0].outline",
            "outside",
        ),
        (|m| m.sections.clear(), "sections", "empty"),
    ];
    for (spoil, field, code) in faults {
        let mut map = templates::theatre().unwrap();
        spoil(&mut map);
        let faults = map.check().unwrap_err();
        let is_told = faults.iter().any(|f| f.field == *field && f.code == *code);
        assert!(is_told, "{field} {code}: {faults:?}");
        assert!(Layout::new(map).is_err());
    }
}

/// covers: BE-2
#[test]
fn what_is_too_large_is_refused_and_faults_are_bounded() {
    let mut map = templates::arena(120, 20, 25).unwrap();
    let mut extra = map.sections[0].clone();
    extra.id = "extra".parse().unwrap();
    map.sections.push(extra);
    let faults = map.check().unwrap_err();
    assert_eq!((&*faults[0].field, &*faults[0].code), ("seats", "too_many"));

    // All seats of a large map in one place: as many faults as are told, and no more.
    let mut map = templates::arena(120, 20, 25).unwrap();
    let rows = map.sections.iter_mut().flat_map(|s| &mut s.rows);
    for seat in rows.flat_map(|row| &mut row.seats) {
        (seat.x, seat.y) = (50, 50);
    }
    assert_eq!(map.check().unwrap_err().len(), 100);

    let mut map = templates::club().unwrap();
    map.sections[0].areas[0].capacity = u32::MAX;
    let faults = map.check().unwrap_err();
    assert_eq!(
        (&*faults[0].field, &*faults[0].code),
        ("sections", "too_many")
    );
    map.sections[0].areas[0].capacity = 0;
    let faults = map.check().unwrap_err();
    assert_eq!(faults[0].field, "sections[0].areas[0].capacity");
}

/// covers: BE-2
#[test]
fn no_number_is_too_large_to_be_refused() {
    let mut map = templates::theatre().unwrap();
    (map.width, map.height, map.seat_size) = (i32::MAX, i32::MAX, -1);
    map.focus = Point {
        x: i32::MIN,
        y: i32::MAX,
    };
    map.sections[0].rows[0].seats[0].x = i32::MAX;
    map.objects[0].outline[0].x = i32::MIN;
    let faults = map.check().unwrap_err();
    let fields: Vec<_> = faults.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["width", "height", "seat_size", "focus"]);
}

/// Every reference leads somewhere, and a map has only fields that the schema names.
///
/// covers: BE-2
#[test]
fn the_schema_stands_by_itself() {
    fn follow<'a>(schema: &'a Value, defs: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => {
                let name = name.strip_prefix("#/$defs/").unwrap();
                assert!(defs[name].is_object(), "{name}");
                follow(&defs[name], defs)
            }
            None => schema,
        }
    }
    fn fits(value: &Value, schema: &Value, defs: &Value) {
        let schema = follow(schema, defs);
        let choices = ["oneOf", "anyOf", "allOf"]
            .iter()
            .find_map(|kind| schema[*kind].as_array());
        if let Some(choices) = choices {
            let real = choices.iter().find(|choice| choice["type"] != "null");
            return fits(value, real.unwrap(), defs);
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let known = &schema["properties"][name];
                    assert!(known.is_object(), "{name} in {schema}");
                    fits(value, known, defs);
                }
                for name in schema["required"].as_array().unwrap() {
                    assert!(fields.contains_key(name.as_str().unwrap()), "{name}");
                }
            }
            Value::Array(items) => items.iter().for_each(|i| fits(i, &schema["items"], defs)),
            Value::String(text) => {
                if let Some(words) = schema["enum"].as_array() {
                    assert!(words.iter().any(|word| word == text), "{text}");
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let schema = SeatMap::json_schema();
    assert!(!schema.to_string().contains("#/components/"));
    for map in [templates::theatre(), templates::club()] {
        let map = serde_json::to_value(map.unwrap()).unwrap();
        fits(&map, &schema, &schema["$defs"]);
    }
}

/// covers: BE-2
#[test]
fn people_read_section_row_and_seat() {
    let layout = layout(templates::theatre());
    let words = Words::ENGLISH;
    let said = |id: &str| {
        let place = layout.place(id.parse().unwrap()).unwrap();
        words.spoken(&layout, place, SeatState::Free)
    };
    assert_eq!(said("s1-11"), "Stalls, row 1, seat 1, Category A, free");
    assert_eq!(
        said("s1-22"),
        "Stalls, row 1, seat 22, Category A, step-free, free"
    );
    assert_eq!(
        said("s14-1"),
        "Stalls, row 14, seat 21, Category B, wheelchair space, free"
    );
    assert_eq!(
        said("b6-1"),
        "Balcony, row F, seat 1, Category C, restricted view, free"
    );
}

/// covers: BE-2
#[test]
fn rows_of_a_date_say_what_is_taken() {
    let layout = layout(templates::theatre());
    let rows = [
        ("s1-1".parse().unwrap(), TakenState::Held),
        ("s1-2".parse().unwrap(), TakenState::Sold),
        ("s1-3".parse().unwrap(), TakenState::Blocked),
    ];
    let mut occupancy = Occupancy::from_rows(&layout, rows).unwrap();
    // 446 seats, one of them never for sale.
    assert_eq!(occupancy.free(&layout).count(), 442);
    assert_eq!(
        layout.ids(&occupancy.taken()),
        super::ids(&["s1-1", "s1-2"])
    );
    let chosen = super::set(&layout, &["s1-4"]);
    let state = |occupancy: &Occupancy, id: &str| {
        let seat = layout.index(id.parse().unwrap()).unwrap();
        occupancy.state(&layout, &chosen, seat)
    };
    let states = ["s1-1", "s1-2", "s1-3", "s1-4", "s1-5", "b6-12"].map(|id| state(&occupancy, id));
    assert_eq!(
        states,
        [
            SeatState::Held,
            SeatState::Sold,
            SeatState::NotForSale,
            SeatState::Chosen,
            SeatState::Free,
            SeatState::NotForSale
        ]
    );
    occupancy.put(0, Some(TakenState::Sold));
    assert_eq!(state(&occupancy, "s1-1"), SeatState::Sold);
    occupancy.put(0, None);
    assert_eq!(state(&occupancy, "s1-1"), SeatState::Free);
    let stranger = ("zz".parse().unwrap(), TakenState::Sold);
    assert_eq!(
        Occupancy::from_rows(&layout, [stranger]),
        Err(UnknownSeats(vec![stranger.0]))
    );
}
