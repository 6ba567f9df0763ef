//! Taxes that change between the dates of an event: each unit by its own date.

use super::*;

/// Midnight in Germany: from 1 July 2020 on 16 %, from 1 January 2021 on 19 % again.
const JULY: Timestamp = Timestamp(1_593_554_400_000);
const NEW_YEAR: Timestamp = Timestamp(1_609_455_600_000);
const HOUR: i64 = 3_600_000;

/// A series around New Year's night: dates on 30 June, on 31 December, at midnight, and on 1 January.
fn series(mode: TaxMode) -> PriceBook {
    let mut book = book(
        "EUR",
        "DE",
        vec![
            ticket("seat", 11_900),
            item("gift", ItemKind::Donation, PriceModel::Fixed { minor: 500 }),
        ],
    );
    book.items[1].tax_class = None;
    let full = |id: &str, from_at: Option<Timestamp>, until_at: Option<Timestamp>| TaxRule {
        from_at,
        until_at,
        ..tax(
            id,
            "DE",
            if id == "lower" { 160_000 } else { 190_000 },
            mode,
        )
    };
    book.taxes = vec![
        full("before", None, Some(JULY)),
        full("lower", Some(JULY), Some(NEW_YEAR)),
        full("again", Some(NEW_YEAR), None),
    ];
    book.supplied_at = Some(JULY.plus_ms(-3 * HOUR));
    for (date, at) in [
        ("june", JULY.plus_ms(-3 * HOUR)),
        ("silvester", NEW_YEAR.plus_ms(-1)),
        ("midnight", NEW_YEAR),
        ("january", NEW_YEAR.plus_ms(20 * HOUR)),
    ] {
        book.dates.insert(date.to_owned(), at);
    }
    book
}

fn on(item: &str, date: &str, quantity: u32) -> PriceLine {
    PriceLine {
        occurrence: Some(date.to_owned()),
        ..line(item, quantity)
    }
}

fn of(book: &PriceBook, lines: Vec<PriceLine>) -> Quote {
    let mut cart = cart(book, &[]);
    cart.lines = lines;
    quote(book, &cart)
}

/// The taxes of each line, by its date.
fn by_line(quote: &Quote) -> Vec<(&str, &str, i64)> {
    let lines = quote.lines.iter();
    lines
        .flat_map(|line| {
            let date = line.occurrence.as_deref().unwrap_or("none");
            let taxes = line.taxes.iter();
            taxes.map(move |tax| (date, tax.rule.as_str(), tax.minor))
        })
        .collect()
}

/// covers: PAY-5, WEB-4
#[test]
fn each_date_has_the_taxes_of_its_day() {
    let book = series(TaxMode::Inclusive);
    let dates = ["june", "silvester", "midnight", "january"];
    let all = of(&book, dates.map(|date| on("seat", date, 1)).to_vec());
    // 119.00 / 1.16 = 102.5862…
    assert_eq!(
        by_line(&all),
        [
            ("january", "again", 1_900),
            ("june", "before", 1_900),
            ("midnight", "again", 1_900),
            ("silvester", "lower", 1_641),
        ]
    );
    assert_eq!((all.total_minor, all.tax_minor), (47_600, 7_341));
    let totals = all.taxes.iter();
    let totals: Vec<_> = totals.map(|tax| (tax.rule.as_str(), tax.minor)).collect();
    assert_eq!(
        totals,
        [("before", 1_900), ("lower", 1_641), ("again", 3_800)]
    );

    let added = series(TaxMode::Exclusive);
    let two = of(
        &added,
        vec![on("seat", "silvester", 2), on("seat", "january", 1)],
    );
    // 238.00 × 16 %, 119.00 × 19 %.
    assert_eq!(
        by_line(&two),
        [("january", "again", 2_261), ("silvester", "lower", 3_808)]
    );
    assert_eq!(two.total_minor, 35_700 + 2_261 + 3_808);
}

/// What is for no date is taxed as the book says, or by the date that its seats are for.
///
/// covers: PAY-5
#[test]
fn what_is_for_the_whole_event_has_one_day() {
    let mut book = series(TaxMode::Inclusive);
    assert_eq!(
        by_line(&of(&book, vec![line("seat", 1), line("gift", 1)])),
        [("none", "before", 1_900)]
    );
    // A date that the book does not know is as none.
    assert_eq!(
        by_line(&of(&book, vec![on("seat", "elsewhere", 1)])),
        [("elsewhere", "before", 1_900)]
    );
    let seats = PriceLine {
        supplied_on: Some("silvester".to_owned()),
        ..line("seat", 1)
    };
    assert_eq!(
        by_line(&of(&book, vec![seats.clone()])),
        [("none", "lower", 1_641)]
    );
    // It is counted with the others all the same: three of four are early.
    book.items[0].price = PriceModel::Phased {
        phases: vec![
            PricePhase {
                id: "early".to_owned(),
                name: PhaseName::EarlyBird,
                minor: 5_950,
                from_at: None,
                until_at: None,
                until_sold: Some(3),
            },
            PricePhase {
                id: "regular".to_owned(),
                name: PhaseName::Regular,
                minor: 11_900,
                from_at: None,
                until_at: None,
                until_sold: None,
            },
        ],
    };
    let other = PriceLine {
        quantity: 2,
        ..seats
    };
    assert_eq!(
        of(&book, vec![line("seat", 2), other]).total_minor,
        3 * 5_950 + 11_900
    );
    // Without a day, whatever is in the book holds: so were carts priced before taxes had their time.
    book.supplied_at = None;
    book.dates.clear();
    assert_eq!(by_line(&of(&book, vec![on("seat", "june", 1)])).len(), 3);
}

/// covers: PAY-5
#[test]
fn fees_are_taxed_with_what_they_are_for() {
    let mut book = series(TaxMode::Exclusive);
    book.fees = vec![FeeRule {
        passed_on: true,
        rate: Rate(0),
        fixed_minor: 100,
        per: Per::Unit,
        tax_class: Some("admission".to_owned()),
        ..FeeRule::platform("fee", book.currency)
    }];
    let two = of(
        &book,
        vec![on("seat", "silvester", 1), on("seat", "january", 1)],
    );
    let fees: Vec<_> = two
        .lines
        .iter()
        .flat_map(|line| &line.taxes)
        .filter(|tax| tax.fee.is_some())
        .map(|tax| (tax.rule.as_str(), tax.minor))
        .collect();
    assert_eq!(fees, [("again", 19), ("lower", 16)]);
}

/// Taxes that are rounded once for the order are so for what has the same ones.
///
/// covers: PAY-5
#[test]
fn rounding_for_the_order_keeps_days_apart() {
    let mut book = series(TaxMode::Exclusive);
    book.items[0].price = PriceModel::Fixed { minor: 3 };
    book.rounding.taxes = TaxRounding::PerOrder;
    let three = of(
        &book,
        vec![
            on("seat", "midnight", 1),
            on("seat", "january", 1),
            on("seat", "silvester", 1),
        ],
    );
    // 0.06 × 19 % = 0.01, 0.03 × 16 % = 0.00.
    assert_eq!((three.tax_minor, three.total_minor), (1, 10));
}

/// covers: PAY-5
#[test]
fn a_snapshot_keeps_the_days_that_it_needs() {
    let book = series(TaxMode::Inclusive);
    let mut asked = cart(&book, &[]);
    asked.lines = vec![
        on("seat", "silvester", 1),
        PriceLine {
            supplied_on: Some("january".to_owned()),
            ..line("seat", 1)
        },
    ];
    let taken = PriceSnapshot::take(&book, &asked, &PriceFacts::default()).unwrap();
    let kept: Vec<_> = taken.book.dates.keys().map(String::as_str).collect();
    assert_eq!(kept, ["january", "silvester"]);
    assert!(taken.holds());
    let text = serde_json::to_string(&taken).unwrap();
    let mut read: PriceSnapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(read, taken);
    // Another day is another price.
    read.book.dates.insert("silvester".to_owned(), NEW_YEAR);
    assert!(!read.holds());
}

/// What was stored before taxes had their time is read and confirmed as ever.
///
/// covers: PAY-5
#[test]
fn old_snapshots_still_hold() {
    let mut book = book("EUR", "DE", vec![ticket("seat", 11_900)]);
    book.taxes = vec![tax("full", "DE", 190_000, TaxMode::Inclusive)];
    let mut asked = cart(&book, &[("seat", 2)]);
    asked.lines[0].occurrence = Some("silvester".to_owned());
    let taken = PriceSnapshot::take(&book, &asked, &PriceFacts::default()).unwrap();
    let text = serde_json::to_string(&taken).unwrap();
    for word in ["supplied_at", "supplied_on", "\"dates\":{", "until_at"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    // As it was written by the version before.
    let old = include_str!("before_days.json");
    let read: PriceSnapshot = serde_json::from_str(old).unwrap();
    assert!(read.holds());
    assert_eq!(read, taken);
    assert_eq!(read.quote.tax_minor, 3_800);
}
