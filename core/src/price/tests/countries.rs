//! Taxes, roundings and fees of countries, against figures worked out by hand.

use super::*;

/// `(tax, minor)` of each tax of an order.
fn taxes(quote: &Quote) -> Vec<(&str, i64)> {
    quote
        .taxes
        .iter()
        .map(|tax| (tax.rule.as_str(), tax.minor))
        .collect()
}

/// covers: PAY-5, WEB-4
#[test]
fn germany_includes_two_rates() {
    let mut shirt = item(
        "shirt",
        ItemKind::Merchandise,
        PriceModel::Fixed { minor: 11_900 },
    );
    shirt.tax_class = Some("goods".to_owned());
    let mut book = book(
        "EUR",
        "DE",
        vec![ticket("seat", 10_700), ticket("row", 999), shirt],
    );
    let mut full = tax("full", "DE", 190_000, TaxMode::Inclusive);
    full.classes = vec!["goods".to_owned()];
    book.taxes = vec![tax("low", "DE", 70_000, TaxMode::Inclusive), full];

    let both = quote(&book, &cart(&book, &[("seat", 1), ("shirt", 1)]));
    assert_eq!(taxes(&both), [("low", 700), ("full", 1_900)]);
    assert_eq!((both.total_minor, both.tax_minor), (22_600, 2_600));
    // 29.97 / 1.07 = 28.0093…
    let three = quote(&book, &cart(&book, &[("row", 3)]));
    assert_eq!(taxes(&three), [("low", 196)]);
    assert_eq!(three.total_minor, 2_997);
    assert_eq!(three.taxes[0].base_minor, 2_801);
    assert_eq!(three.lines[0].taxes[0].reason, PriceReason::TaxIncluded);
}

/// covers: PAY-5, WEB-4
#[test]
fn a_bundle_is_taxed_by_its_parts() {
    let mut evening = item(
        "evening",
        ItemKind::Bundle,
        PriceModel::Fixed { minor: 10_000 },
    );
    let part = |item: &str, alone_minor: i64, class: &str| BundlePart {
        item: item.to_owned(),
        quantity: 1,
        alone_minor,
        tax_class: Some(class.to_owned()),
    };
    evening.parts = vec![
        part("seat", 8_000, "admission"),
        part("dinner", 4_000, "food"),
    ];
    let mut book = book("EUR", "DE", vec![evening]);
    let mut full = tax("full", "DE", 190_000, TaxMode::Inclusive);
    full.classes = vec!["food".to_owned()];
    book.taxes = vec![tax("low", "DE", 70_000, TaxMode::Inclusive), full];
    // 66.67 and 33.33, with net 62.31 and 28.01.
    let bundle = quote(&book, &cart(&book, &[("evening", 1)]));
    assert_eq!(taxes(&bundle), [("low", 436), ("full", 532)]);
    assert_eq!(bundle.total_minor, 10_000);
    assert_eq!(bundle.lines[0].taxes[1].part.as_deref(), Some("dinner"));
}

/// covers: PAY-5, WEB-4
#[test]
fn the_united_states_add_state_and_city() {
    let mut book = book("USD", "US", vec![ticket("seat", 10_000)]);
    book.place.region = Some("NY".to_owned());
    book.place.city = Some("New York".to_owned());
    let within = |id: &str, ppm: u32, region: &str, city: Option<&str>| {
        let mut rule = tax(id, "US", ppm, TaxMode::Exclusive);
        rule.place.region = Some(region.to_owned());
        rule.place.city = city.map(str::to_owned);
        rule
    };
    book.taxes = vec![
        within("state", 40_000, "NY", None),
        within("city", 45_000, "NY", Some("New York")),
        within("transport", 3_750, "NY", None),
        within("california", 72_500, "CA", None),
        within("yonkers", 45_000, "NY", Some("Yonkers")),
    ];
    let seat = quote(&book, &cart(&book, &[("seat", 1)]));
    assert_eq!(
        taxes(&seat),
        [("state", 400), ("city", 450), ("transport", 38)]
    );
    assert_eq!((seat.total_minor, seat.list_minor), (10_888, 10_000));
    assert_eq!(seat.lines[0].taxes[0].reason, PriceReason::TaxAdded);
}

/// covers: PAY-5, WEB-4
#[test]
fn canada_adds_two_and_once_compounded_them() {
    let mut book = book("CAD", "CA", vec![ticket("seat", 10_000)]);
    book.taxes = vec![
        tax("gst", "CA", 50_000, TaxMode::Exclusive),
        tax("qst", "CA", 99_750, TaxMode::Exclusive),
    ];
    let one = cart(&book, &[("seat", 1)]);
    assert_eq!(taxes(&quote(&book, &one)), [("gst", 500), ("qst", 998)]);
    assert_eq!(quote(&book, &one).total_minor, 11_498);
    // Until 2012 it was also taken of the other: 105.00 × 9.975 %.
    book.taxes[1].compound = true;
    assert_eq!(taxes(&quote(&book, &one)), [("gst", 500), ("qst", 1_047)]);
}

/// covers: PAY-5, WEB-4
#[test]
fn included_taxes_compound_as_well() {
    let mut book = book("EUR", "XX", vec![ticket("seat", 11_550)]);
    book.taxes = vec![
        tax("first", "XX", 50_000, TaxMode::Inclusive),
        tax("second", "XX", 100_000, TaxMode::Inclusive),
    ];
    book.taxes[1].compound = true;
    let seat = quote(&book, &cart(&book, &[("seat", 1)]));
    assert_eq!(taxes(&seat), [("first", 500), ("second", 1_050)]);
    assert_eq!(seat.total_minor, 11_550);
}

/// covers: PAY-5, WEB-4
#[test]
fn switzerland_rounds_cash_only() {
    let mut book = book(
        "CHF",
        "CH",
        vec![ticket("seat", 4_993), ticket("stand", 4_992)],
    );
    book.taxes = vec![tax("mwst", "CH", 81_000, TaxMode::Inclusive)];
    book.rounding.cash_step_minor = Some(5);
    for (item, cash, rounding, total) in [
        ("seat", false, 0, 4_993),
        ("seat", true, 2, 4_995),
        ("stand", true, -2, 4_990),
    ] {
        let mut cart = cart(&book, &[(item, 1)]);
        cart.cash = cash;
        let quote = quote(&book, &cart);
        assert_eq!(quote.cash_rounding_minor, rounding, "{item}");
        assert_eq!(quote.total_minor, total, "{item}");
        // Tax is on the price, not on the coins: 49.93 / 1.081 = 46.19.
        assert_eq!(quote.tax_minor, 374, "{item}");
    }
}

/// covers: PAY-5, WEB-4
#[test]
fn japan_has_no_decimals() {
    let mut book = book(
        "JPY",
        "JP",
        vec![ticket("seat", 5_500), ticket("stand", 999)],
    );
    book.taxes = vec![tax("tax", "JP", 100_000, TaxMode::Inclusive)];
    let seat = quote(&book, &cart(&book, &[("seat", 1)]));
    assert_eq!((seat.total_minor, seat.tax_minor), (5_500, 500));
    book.taxes[0].mode = TaxMode::Exclusive;
    let stand = quote(&book, &cart(&book, &[("stand", 1)]));
    assert_eq!((stand.total_minor, stand.tax_minor), (1_099, 100));
}

/// covers: PAY-5, WEB-4
#[test]
fn kuwait_has_three() {
    let mut book = book("KWD", "KW", vec![ticket("seat", 12_345)]);
    let mut fee = FeeRule::platform("fee", book.currency);
    fee.passed_on = true;
    book.fees = vec![fee];
    // 24.690 × 2.9 % = 0.716, and 0.300.
    let seats = quote(&book, &cart(&book, &[("seat", 2)]));
    assert_eq!((seats.fee_minor, seats.total_minor), (1_016, 25_706));
}

/// covers: PAY-5, WEB-4
#[test]
fn a_business_abroad_owes_the_tax_itself() {
    for (mode, vat_id, total, tax_minor, relieved) in [
        (TaxMode::Inclusive, None, 11_900, 1_900, 0),
        (TaxMode::Inclusive, Some("DE"), 11_900, 1_900, 0),
        (TaxMode::Inclusive, Some("FR"), 10_000, 0, 1_900),
        (TaxMode::Exclusive, None, 14_161, 2_261, 0),
        (TaxMode::Exclusive, Some("FR"), 11_900, 0, 0),
    ] {
        let mut book = book("EUR", "DE", vec![ticket("seat", 11_900)]);
        book.taxes = vec![tax("full", "DE", 190_000, mode)];
        book.taxes[0].reverse_charge = true;
        let mut cart = cart(&book, &[("seat", 1)]);
        cart.buyer.vat_id = vat_id.map(|country| VatId {
            country: country.to_owned(),
            number: "123456789".to_owned(),
        });
        let quote = quote(&book, &cart);
        assert_eq!(quote.total_minor, total);
        assert_eq!(quote.tax_minor, tax_minor);
        let part = &quote.lines[0].taxes[0];
        assert_eq!(part.relieved_minor, relieved);
        assert_eq!(
            part.reason == PriceReason::ReverseCharge,
            vat_id == Some("FR")
        );
    }
}

/// covers: PAY-5, WEB-4
#[test]
fn taxes_are_rounded_where_the_rule_says() {
    for (halves, taxes, total) in [
        (Rounding::HalfUp, TaxRounding::PerLine, 18),
        (Rounding::HalfUp, TaxRounding::PerOrder, 17),
        (Rounding::HalfEven, TaxRounding::PerLine, 15),
        (Rounding::HalfEven, TaxRounding::PerOrder, 17),
    ] {
        let mut book = book(
            "EUR",
            "DE",
            vec![ticket("a", 5), ticket("b", 5), ticket("c", 5)],
        );
        book.taxes = vec![tax("tenth", "DE", 100_000, TaxMode::Exclusive)];
        book.rounding.halves = halves;
        book.rounding.taxes = taxes;
        let three = cart(&book, &[("a", 1), ("b", 1), ("c", 1)]);
        assert_eq!(quote(&book, &three).total_minor, total);
    }
}

/// covers: PAY-5, WEB-4
#[test]
fn fees_are_passed_on_or_absorbed_capped_and_taxed() {
    let mut book = book("EUR", "DE", vec![ticket("seat", 10_000), ticket("free", 0)]);
    book.fees = vec![FeeRule::platform("fee", book.currency)];
    let (one, two) = (cart(&book, &[("seat", 1)]), cart(&book, &[("seat", 2)]));

    let absorbed = quote(&book, &one);
    assert_eq!(
        (absorbed.total_minor, absorbed.absorbed_fee_minor),
        (10_000, 320)
    );
    assert_eq!(absorbed.lines[0].fees[0].reason, PriceReason::FeeAbsorbed);

    book.fees[0].passed_on = true;
    assert_eq!(quote(&book, &one).total_minor, 10_320);
    assert_eq!(quote(&book, &two).total_minor, 20_610);
    book.fees[0].per = Per::Unit;
    assert_eq!(quote(&book, &two).total_minor, 20_640);
    book.fees[0].cap_minor = Some(200);
    assert_eq!(quote(&book, &two).total_minor, 20_400);
    // What is free has no fee.
    assert_eq!(quote(&book, &cart(&book, &[("free", 3)])).total_minor, 0);

    book.fees[0].tax_class = Some("admission".to_owned());
    book.taxes = vec![tax("full", "DE", 190_000, TaxMode::Exclusive)];
    // 119.00, a fee of 2.00, and 19 % of that.
    let taxed = quote(&book, &one);
    assert_eq!(taxed.total_minor, 12_138);
    assert_eq!(taxed.lines[0].taxes[1].fee.as_deref(), Some("fee"));
}

/// covers: PAY-5, WEB-4
#[test]
fn an_absorbed_fee_takes_no_more_than_there_is() {
    let mut book = book("EUR", "DE", vec![ticket("seat", 10)]);
    book.fees = vec![FeeRule::platform("fee", book.currency)];
    assert_eq!(
        quote(&book, &cart(&book, &[("seat", 1)])).absorbed_fee_minor,
        10
    );
    assert_eq!(
        FeeRule::platform("fee", "JPY".parse().unwrap()).fixed_minor,
        0
    );
}
