//! How units come to their price, and what has none.

use super::*;

fn phase(id: &str, name: PhaseName, minor: i64) -> PricePhase {
    PricePhase {
        id: id.to_owned(),
        name,
        minor,
        from_at: None,
        until_at: None,
        until_sold: None,
    }
}

fn sold(item: &str, sold: u64, capacity: u64, pace: Rate) -> PriceFacts {
    PriceFacts {
        stock: vec![StockFact {
            item: item.to_owned(),
            occurrence: None,
            sold,
            capacity,
            pace,
        }],
        codes: Vec::new(),
    }
}

/// `(quantity, unit, reason)` of each line.
fn lines(quote: &Quote) -> Vec<(u32, i64, PriceReason)> {
    let reason = |line: &QuoteLine| line.steps.last().unwrap().reason;
    quote
        .lines
        .iter()
        .map(|line| (line.quantity, line.unit_minor, reason(line)))
        .collect()
}

/// covers: PAY-5, ORG-3
#[test]
fn phases_follow_time_and_sales() {
    let mut early = phase("early", PhaseName::EarlyBird, 2_000);
    early.until_sold = Some(100);
    early.until_at = Some(NOW.plus_ms(1_000));
    let mut late = phase("late", PhaseName::LastMinute, 4_000);
    late.from_at = Some(NOW.plus_ms(5_000));
    let mut regular = phase("regular", PhaseName::Regular, 3_000);
    regular.until_at = Some(NOW.plus_ms(9_000));
    let phases = vec![early, late, regular];
    let book = book(
        "EUR",
        "DE",
        vec![item(
            "seat",
            ItemKind::Ticket,
            PriceModel::Phased { phases },
        )],
    );
    let priced = |sold_before: u64, after_ms: i64| {
        let mut cart = cart(&book, &[("seat", 4)]);
        cart.at = NOW.plus_ms(after_ms);
        let facts = sold("seat", sold_before, 500, Rate::ONE);
        price(&book, &cart, &facts).map(|quote| lines(&quote))
    };
    let (bird, regular, late) = (
        PriceReason::EarlyBird,
        PriceReason::Regular,
        PriceReason::LastMinute,
    );
    assert_eq!(priced(0, 0), Ok(vec![(4, 2_000, bird)]));
    // The last two early birds.
    assert_eq!(
        priced(98, 0),
        Ok(vec![(2, 2_000, bird), (2, 3_000, regular)])
    );
    assert_eq!(priced(100, 0), Ok(vec![(4, 3_000, regular)]));
    assert_eq!(priced(0, 999), Ok(vec![(4, 2_000, bird)]));
    assert_eq!(priced(0, 1_000), Ok(vec![(4, 3_000, regular)]));
    assert_eq!(priced(0, 5_000), Ok(vec![(4, 4_000, late)]));
}

/// covers: PAY-5, ORG-3
#[test]
fn without_an_open_phase_nothing_is_sold() {
    let mut early = phase("early", PhaseName::EarlyBird, 2_000);
    early.until_sold = Some(2);
    let phases = vec![early];
    let book = book(
        "EUR",
        "DE",
        vec![item(
            "seat",
            ItemKind::Ticket,
            PriceModel::Phased { phases },
        )],
    );
    assert_eq!(
        quote(&book, &cart(&book, &[("seat", 2)])).total_minor,
        4_000
    );
    assert_eq!(
        refused(&book, &cart(&book, &[("seat", 3)])).code(),
        "not_on_sale"
    );
}

/// covers: PAY-5, ORG-3
#[test]
fn prices_move_with_fill_and_pace_between_floor_and_ceiling() {
    let step = |ppm: u32, change_ppm: i32| DynamicStep {
        from: Rate(ppm),
        change_ppm,
    };
    let mut seat = ticket("seat", 5_000);
    seat.dynamic = Some(DynamicRule {
        id: "yield".to_owned(),
        fill: vec![step(500_000, 100_000), step(900_000, 500_000)],
        pace: vec![
            step(0, -300_000),
            step(500_000, 0),
            step(2_000_000, 235_000),
        ],
        floor_minor: 4_000,
        ceiling_minor: 8_000,
        step_minor: 50,
    });
    let book = book("EUR", "DE", vec![seat]);
    let (fixed, dynamic) = (PriceReason::Fixed, PriceReason::Dynamic);
    for (before, pace, expected) in [
        (0, 1_000_000, vec![(2, 5_000, fixed)]),
        (50, 1_000_000, vec![(2, 5_500, dynamic)]),
        // The second one is the 51st.
        (49, 1_000_000, vec![(1, 5_000, fixed), (1, 5_500, dynamic)]),
        (90, 1_000_000, vec![(2, 7_500, dynamic)]),
        // 50.00 × 1.235 = 61.75 is half way between 61.50 and 62.00 in steps of 0.50.
        (0, 2_000_000, vec![(2, 6_200, dynamic)]),
        (90, 2_000_000, vec![(2, 8_000, dynamic)]),
        (0, 100_000, vec![(2, 4_000, dynamic)]),
    ] {
        let facts = sold("seat", before, 100, Rate(pace));
        let quote = price(&book, &cart(&book, &[("seat", 2)]), &facts).unwrap();
        check_sums(&quote);
        assert_eq!(lines(&quote), expected, "{before} sold, pace {pace}");
    }
}

/// covers: PAY-5, ORG-3
#[test]
fn a_date_may_cost_something_else() {
    let mut seat = ticket("seat", 5_000);
    seat.dates = vec![DatePrice {
        id: "gala".to_owned(),
        occurrence: "occ_gala".to_owned(),
        price: PriceModel::Fixed { minor: 9_000 },
    }];
    let book = book("EUR", "DE", vec![seat]);
    let mut cart = cart(&book, &[("seat", 1), ("seat", 2)]);
    cart.lines[0].occurrence = Some("occ_gala".to_owned());
    cart.lines[1].occurrence = Some("occ_other".to_owned());
    let quote = quote(&book, &cart);
    assert_eq!(
        lines(&quote),
        [
            (1, 9_000, PriceReason::DatePrice),
            (2, 5_000, PriceReason::Fixed)
        ]
    );
    assert_eq!(quote.lines[0].steps[0].rule, "gala");
    assert_eq!(quote.lines[1].steps[0].rule, "seat");
}

/// covers: PAY-5, ORG-3
#[test]
fn buyers_choose_what_they_may() {
    let model = PriceModel::PayWhatYouWant {
        floor_minor: 500,
        suggestion_minor: 1_500,
        ceiling_minor: Some(50_000),
    };
    let gift = item("gift", ItemKind::Donation, model);
    let book = book("EUR", "DE", vec![gift, ticket("seat", 1_000)]);
    let chosen = |amount_minor: Option<i64>| {
        let mut cart = cart(&book, &[("gift", 1)]);
        cart.lines[0].amount_minor = amount_minor;
        cart
    };
    assert_eq!(
        lines(&quote(&book, &chosen(Some(700)))),
        [(1, 700, PriceReason::ChosenAmount)]
    );
    assert_eq!(
        lines(&quote(&book, &chosen(None))),
        [(1, 1_500, PriceReason::SuggestedAmount)]
    );
    for (amount, code) in [
        (499, "below_floor"),
        (0, "below_floor"),
        (-1, "negative"),
        (i64::MIN, "negative"),
        (50_001, "above_ceiling"),
        (MAX_MINOR + 1, "too_large"),
        (i64::MAX, "too_large"),
    ] {
        assert_eq!(
            refused(&book, &chosen(Some(amount))).code(),
            code,
            "{amount}"
        );
    }
    let mut named = cart(&book, &[("seat", 1)]);
    named.lines[0].amount_minor = Some(1);
    assert_eq!(refused(&book, &named).code(), "amount_not_asked");
}

/// covers: PAY-5, ORG-3
#[test]
fn groups_and_companies_have_rates() {
    let rate = |id: &str, at_least: u32, key: Option<&str>, effect: GroupEffect| GroupRate {
        id: id.to_owned(),
        items: Vec::new(),
        at_least,
        key: key.map(str::to_owned),
        effect,
    };
    let shirt = item(
        "shirt",
        ItemKind::Merchandise,
        PriceModel::Fixed { minor: 2_000 },
    );
    let mut book = book(
        "EUR",
        "DE",
        vec![ticket("seat", 1_000), ticket("row", 500), shirt],
    );
    let tenth = GroupEffect::Percentage {
        rate: Rate(100_000),
    };
    book.groups = vec![
        rate("ten", 10, None, tenth),
        rate("acme", 1, Some("acme"), GroupEffect::Price { minor: 700 }),
    ];
    let mut nine = cart(&book, &[("seat", 9)]);
    assert_eq!(quote(&book, &nine).total_minor, 9_000);
    let ten = quote(
        &book,
        &cart(&book, &[("seat", 6), ("row", 4), ("shirt", 1)]),
    );
    assert_eq!(ten.total_minor, 5_400 + 1_800 + 2_000);
    assert_eq!(ten.lines[0].discounts[0].reason, PriceReason::GroupRate);
    // The key is the buyer's own, or comes with a code.
    nine.buyer.rates = vec!["acme".to_owned()];
    let own = quote(&book, &nine);
    assert_eq!(own.total_minor, 6_300);
    assert_eq!(own.lines[0].discounts[0].reason, PriceReason::CorporateRate);
    nine.buyer.rates.clear();
    let access = CodeEffect::Access {
        items: Vec::new(),
        rates: vec!["acme".to_owned()],
    };
    nine.codes = vec![code("acme-2026", access)];
    assert_eq!(quote(&book, &nine).total_minor, 6_300);
}

/// covers: PAY-5, ORG-3
#[test]
fn add_ons_need_their_tickets() {
    let mut parking = item("parking", ItemKind::AddOn, PriceModel::Fixed { minor: 800 });
    parking.added_to = vec!["seat".to_owned()];
    parking.most_per_ticket = Some(1);
    let book = book(
        "EUR",
        "DE",
        vec![ticket("seat", 1_000), ticket("row", 1), parking],
    );
    let with = |lines: &[(&str, u32)]| cart(&book, lines);
    assert_eq!(
        quote(&book, &with(&[("parking", 2), ("seat", 2)])).total_minor,
        3_600
    );
    let alone = with(&[("parking", 1), ("row", 1)]);
    assert_eq!(refused(&book, &alone).code(), "add_on_alone");
    assert_eq!(
        refused(&book, &with(&[("parking", 3), ("seat", 2)])),
        Refusal::AddOnTooMany {
            item: "parking".to_owned(),
            most: 2
        }
    );
    // On the shelf it has a price.
    let shelf = shelf_price(&book, &PriceFacts::default(), NOW, "parking", None).unwrap();
    assert_eq!(shelf.total_minor, 800);
}

/// covers: PAY-5, ORG-3
#[test]
fn carts_that_make_no_sense_are_refused() {
    let book = book("EUR", "DE", vec![ticket("seat", 1_000)]);
    let with = |lines: &[(&str, u32)]| refused(&book, &cart(&book, lines));
    assert_eq!(with(&[]), Refusal::EmptyCart);
    assert_eq!(with(&[("seat", 0)]).code(), "zero_quantity");
    assert_eq!(with(&[("chair", 1)]).code(), "unknown_item");
    assert_eq!(with(&[("seat", MAX_UNITS + 1)]), Refusal::TooManyUnits);
    assert_eq!(
        with(&[("seat", u32::MAX), ("seat", 1)]),
        Refusal::TooManyUnits
    );
    assert_eq!(with(&[("seat", 1); MAX_LINES + 1]), Refusal::TooManyLines);
    assert!(
        price(
            &book,
            &cart(&book, &[("seat", 1); MAX_LINES]),
            &PriceFacts::default()
        )
        .is_ok()
    );
    let mut yen = cart(&book, &[("seat", 1)]);
    yen.currency = "JPY".parse().unwrap();
    assert_eq!(refused(&book, &yen).code(), "mixed_currency");
}

/// covers: PAY-5, ORG-3
#[test]
fn rules_that_make_no_sense_price_nothing() {
    let faulty = |change: &dyn Fn(&mut PriceBook)| {
        let mut seats = book("EUR", "DE", vec![ticket("seat", 1_000)]);
        change(&mut seats);
        let refusal = refused(&seats, &cart(&seats, &[("seat", 1)]));
        let fault = seats.check().unwrap_err();
        assert_eq!(refusal, Refusal::from(fault.clone()));
        fault.what
    };
    let negative = faulty(&|book| book.items[0].price = PriceModel::Fixed { minor: -1 });
    assert_eq!(negative, BookFaultKind::Amount);
    let nothing = faulty(&|book| book.items[0].price = PriceModel::Phased { phases: vec![] });
    assert_eq!(nothing, BookFaultKind::Empty);
    let taxing = faulty(&|book| book.taxes = vec![tax("t", "DE", 1_000_001, TaxMode::Inclusive)]);
    assert_eq!(taxing, BookFaultKind::Rate);
    let coins = faulty(&|book| book.rounding.cash_step_minor = Some(0));
    assert_eq!(coins, BookFaultKind::Range);
    let twice = book("EUR", "DE", vec![ticket("seat", 1), ticket("seat", 2)]);
    assert_eq!(twice.check().unwrap_err().what, BookFaultKind::SameId);
}

/// covers: PAY-5, ORG-3
#[test]
fn fractions_and_unknown_words_are_no_rules() {
    for text in [
        r#"{"kind":"fixed","minor":12.5}"#,
        r#"{"kind":"fixed","minor":"12"}"#,
        r#"{"kind":"fixed"}"#,
        r#"{"kind":"auction","minor":12}"#,
    ] {
        assert!(serde_json::from_str::<PriceModel>(text).is_err(), "{text}");
    }
    let line = r#"{"item":"seat","quantity":1,"quantities":2}"#;
    assert!(serde_json::from_str::<PriceLine>(line).is_err());
    assert!(serde_json::from_str::<PriceLine>(r#"{"item":"seat","quantity":-1}"#).is_err());
    let refusal = serde_json::to_value(Refusal::ZeroQuantity {
        item: "seat".to_owned(),
    });
    assert_eq!(
        refusal.unwrap(),
        serde_json::json!({ "code": "zero_quantity", "item": "seat" })
    );
}
