//! Tests of venues and addresses.

use proptest::prelude::*;

use super::*;

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn address(code: &str, postal_code: &str, region: &str) -> Address {
    Address {
        country: country(code),
        street: vec![" Trg 1 ".to_owned(), String::new()],
        postal_code: postal_code.to_owned(),
        city: "Kraj".to_owned(),
        region: region.to_owned(),
    }
}

#[test]
fn postal_codes_are_written_as_their_country_does() {
    for (code, typed, kept) in [
        ("SI", "1000", Some("1000")),
        ("SI", "01000", None),
        ("SI", "1OOO", None),
        ("SE", "11122", Some("111 22")),
        ("NL", "1011ab", Some("1011 AB")),
        ("PL", "00001", Some("00-001")),
        ("PT", "1000 205", Some("1000-205")),
        ("LT", "01100", Some("LT-01100")),
        ("LT", "lt-01100", Some("LT-01100")),
        ("LV", "LV1050", Some("LV-1050")),
        ("AD", "ad500", Some("AD500")),
        ("AD", "xd500", None),
        ("GB", "sw1a1aa", Some("SW1A 1AA")),
        ("GB", "m1 1ae", Some("M1 1AE")),
        ("GB", "12345", None),
        ("IE", "d6w xy00", Some("D6W XY00")),
        ("IE", "A65F4E2", Some("A65 F4E2")),
        ("US", "94107", Some("94107")),
        ("US", "941071234", Some("94107-1234")),
        ("US", "9410", None),
        ("CA", "k1a0b1", Some("K1A 0B1")),
        ("JP", "1000001", Some("100-0001")),
        ("BR", "01310100", Some("01310-100")),
        ("AR", "c1425abc", Some("C1425ABC")),
        // A country without a row takes anything short.
        ("CL", "832 0000", Some("832 0000")),
        ("CL", "1234567890123", None),
        ("CL", "<b>", None),
    ] {
        let found = format_of(country(code)).postal_code(typed);
        assert_eq!(found.as_deref(), kept, "{code} {typed}");
    }
}

#[test]
fn envelopes_are_those_of_the_country() {
    for (code, postal, region, lines) in [
        ("SI", "1000", "", &["Trg 1", "1000 Kraj"][..]),
        ("IT", "00100", "RM", &["Trg 1", "00100 Kraj RM"][..]),
        ("GB", "sw1a1aa", "", &["Trg 1", "Kraj", "SW1A 1AA"][..]),
        ("US", "94107", "CA", &["Trg 1", "Kraj CA 94107"][..]),
        (
            "BR",
            "01310100",
            "SP",
            &["Trg 1", "Kraj - SP", "01310-100"][..],
        ),
        ("HK", "", "", &["Trg 1", "Kraj"][..]),
        ("CL", "", "", &["Trg 1", "Kraj"][..]),
    ] {
        let kept = address(code, postal, region).checked("address").unwrap();
        assert_eq!(kept.lines(), lines, "{code}");
        // What is kept is kept as it is the next time.
        assert_eq!(kept.checked("address"), Ok(kept.clone()));
    }
}

#[test]
fn addresses_that_lack_something_are_refused_by_field() {
    let fields = |address: Address| {
        let faults = address.checked("at").unwrap_err();
        faults.into_iter().map(|f| f.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(address("SI", "", "")), ["at.postal_code"]);
    assert_eq!(fields(address("SI", "X", "")), ["at.postal_code"]);
    assert_eq!(fields(address("US", "94107", " ")), ["at.region"]);
    let mut bad = address("SI", "1000", "");
    bad.street = vec![" ".to_owned(); 4];
    bad.city = "a\u{202e}".to_owned();
    bad.region = "x".repeat(101);
    assert_eq!(
        fields(bad),
        ["at.city", "at.region", "at.street", "at.street"]
    );
}

#[test]
fn forms_ask_for_what_there_is() {
    let form = format_of(country("GB")).form();
    assert_eq!(
        form.fields,
        [
            AddressField::Street,
            AddressField::City,
            AddressField::Region,
            AddressField::PostalCode,
        ]
    );
    assert!(!form.required.contains(&AddressField::Region));
    assert_eq!(form.postal_code_example.as_deref(), Some("A1 1AA"));
    assert!(!format_of(country("HK")).has(AddressField::PostalCode));
    assert!(!format_of(country("SI")).has(AddressField::Region));
}

/// Every country can be asked, and what its form gives as an example is one of its codes.
#[test]
fn every_country_has_a_form() {
    for country in Country::all() {
        let format = format_of(country);
        let form = format.form();
        assert!(form.fields.contains(&AddressField::City), "{country}");
        for field in &form.required {
            assert!(form.fields.contains(field), "{country}");
        }
        if let Some(example) = form.postal_code_example {
            assert_eq!(format.postal_code(&example), Some(example), "{country}");
        }
    }
}

#[test]
fn venues_are_checked_as_a_whole() {
    let venue = Venue {
        language: "sl".parse().unwrap(),
        name: " Dvorana".to_owned(),
        address: address("SI", "1000", ""),
        position: Some(MapPosition {
            latitude_e6: 46_056_900,
            longitude_e6: 14_505_800,
        }),
        time_zone: "Europe/Ljubljana".to_owned(),
        access: Access::default(),
        translations: VenueTranslations::default(),
    };
    let unsaid = VenueTranslations::default();
    let kept = venue.checked(&unsaid).unwrap();
    assert_eq!(kept.name, "Dvorana");
    assert_eq!(kept.address.street, ["Trg 1"]);
    let json = serde_json::to_string(&kept).unwrap();
    assert_eq!(
        early::read(serde_json::from_str(&json).unwrap()).unwrap(),
        kept
    );

    let nowhere = Venue {
        name: " ".to_owned(),
        address: address("SI", "", ""),
        position: Some(MapPosition {
            latitude_e6: 90_000_001,
            longitude_e6: 0,
        }),
        time_zone: "Mars/Olympus".to_owned(),
        ..venue
    };
    let faults = nowhere.checked(&unsaid).unwrap_err();
    let fields: Vec<_> = faults.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(
        fields,
        ["address.postal_code", "name", "position", "time_zone"]
    );
}

/// covers: I18N-2
#[test]
fn venues_of_before_are_read_in_the_language_of_lists() {
    let read = |name: &str, notes: &str| {
        let json = format!(
            r#"{{"name": {name}, "address": {{"country": "SI", "street": ["Trg 1"], "city": "Kraj"}},
                "position": null, "time_zone": "Europe/Ljubljana",
                "access": {{"step_free": true, "hearing_loop": null, "notes": {notes}}}}}"#
        );
        early::read(serde_json::from_str(&json).unwrap()).unwrap()
    };
    let venue = read(r#"{"sl": "Dvorana", "en": "Hall"}"#, r#"{"sl": "Levo."}"#);
    assert_eq!(
        (venue.language.as_str(), venue.name.as_str()),
        ("en", "Hall")
    );
    let sl: Language = "sl".parse().unwrap();
    assert_eq!(venue.translations.name, Texts::one(sl.clone(), "Dvorana"));
    assert_eq!(venue.access.notes, "");
    assert_eq!(venue.translations.access_notes, Texts::one(sl, "Levo."));
    assert_eq!(venue.access.step_free, Some(true));

    let venue = read(r#"{"sl": "Dvorana"}"#, r#"{"sl": "Levo."}"#);
    assert_eq!(
        (venue.language.as_str(), venue.name.as_str()),
        ("sl", "Dvorana")
    );
    assert_eq!(venue.access.notes, "Levo.");
    assert_eq!(venue.translations, VenueTranslations::default());
}

proptest! {
    /// Whatever somebody types, what is kept is kept again.
    #[test]
    fn kept_codes_stay(which in 0_usize..250, typed in "[ -9A-Za-zé]{0,10}") {
        let country = Country::all().nth(which).unwrap();
        let format = format_of(country);
        if let Some(kept) = format.postal_code(&typed) {
            prop_assert_eq!(format.postal_code(&kept), Some(kept.clone()));
        }
    }
}
