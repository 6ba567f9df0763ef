//! What codes do, and why they may not.

use super::*;

fn percent(whole: u32) -> CodeEffect {
    CodeEffect::Percentage {
        rate: Rate(whole * 10_000),
    }
}

fn fixed(minor: i64, per: Per) -> CodeEffect {
    CodeEffect::Fixed { minor, per }
}

/// Tickets for 10.00 and 4.00, and a shirt for 20.00.
fn shop() -> PriceBook {
    let shirt = item(
        "shirt",
        ItemKind::Merchandise,
        PriceModel::Fixed { minor: 2_000 },
    );
    book(
        "EUR",
        "DE",
        vec![ticket("seat", 1_000), ticket("row", 400), shirt],
    )
}

fn with(lines: &[(&str, u32)], codes: Vec<PromoCode>) -> PriceCart {
    let mut cart = cart(&shop(), lines);
    cart.codes = codes;
    cart
}

fn total(lines: &[(&str, u32)], code: PromoCode) -> i64 {
    quote(&shop(), &with(lines, vec![code])).total_minor
}

fn why(cart: &PriceCart, facts: &PriceFacts) -> (String, CodeRefusal) {
    match price(&shop(), cart, facts) {
        Err(Refusal::CodeNotApplicable { id, why }) => (id, why),
        other => panic!("{other:?}"),
    }
}

/// covers: PAY-5, MKT-2
#[test]
fn each_kind_takes_off_what_it_says() {
    let lines = [("seat", 2), ("row", 3)]; // 32.00
    let price_of = |minor: i64| CodeEffect::Price { minor };
    let buy_get = |buy: u32, get: u32, rate: Rate| CodeEffect::BuyGet { buy, get, rate };
    for (effect, expected, reason) in [
        (percent(10), 2_880, PriceReason::CodePercentage),
        (percent(100), 0, PriceReason::CodePercentage),
        (fixed(500, Per::Order), 2_700, PriceReason::CodeFixed),
        (fixed(9_999, Per::Order), 0, PriceReason::CodeFixed),
        (fixed(500, Per::Unit), 1_000, PriceReason::CodeFixed),
        // The rows are cheaper already.
        (price_of(600), 2_400, PriceReason::CodePrice),
        // Of five, one of three and none of the two left over: the cheapest.
        (buy_get(2, 1, Rate::ONE), 2_800, PriceReason::CodeBuyGet),
        (buy_get(1, 1, Rate::ONE), 2_400, PriceReason::CodeBuyGet),
        (buy_get(1, 1, Rate(500_000)), 2_800, PriceReason::CodeBuyGet),
        // One of the two left over is beyond the one to pay.
        (buy_get(1, 2, Rate::ONE), 2_000, PriceReason::CodeBuyGet),
    ] {
        let quote = quote(&shop(), &with(&lines, vec![code("c", effect.clone())]));
        assert_eq!(quote.total_minor, expected, "{effect:?}");
        assert_eq!(quote.codes[0].discount_minor, 3_200 - expected);
        let part = quote.lines.iter().find_map(|line| line.discounts.first());
        assert_eq!(part.unwrap().reason, reason);
    }
}

/// covers: PAY-5, MKT-2
#[test]
fn codes_are_for_items_dates_and_units() {
    let lines = [("seat", 2), ("row", 3), ("shirt", 1)]; // 52.00
    let mut shirts = code("c", percent(50));
    shirts.items = vec!["shirt".to_owned()];
    assert_eq!(total(&lines, shirts), 4_200);

    // The dearest units.
    let mut two = code("c", percent(50));
    two.max_units = Some(2);
    assert_eq!(total(&lines, two.clone()), 3_700);
    // For buy-get the cheapest, and no more than may be.
    two.effect = CodeEffect::BuyGet {
        buy: 1,
        get: 1,
        rate: Rate::ONE,
    };
    assert_eq!(total(&lines, two), 4_400);

    let mut dated = code("c", percent(50));
    dated.occurrences = vec!["occ_1".to_owned()];
    let mut cart = with(&lines, vec![dated]);
    let nothing = CodeRefusal::NothingEligible;
    assert_eq!(why(&cart, &PriceFacts::default()).1, nothing);
    cart.lines[0].occurrence = Some("occ_1".to_owned());
    assert_eq!(quote(&shop(), &cart).total_minor, 4_200);
}

/// covers: PAY-5, MKT-2
#[test]
fn limits_and_budgets_cap_what_is_taken_off() {
    let lines = [("seat", 3)];
    let mut half = code("c", percent(50));
    half.max_discount_minor = Some(1_000);
    assert_eq!(total(&lines, half.clone()), 2_000);
    half.budget_minor = Some(10_000);
    let cart = with(&lines, vec![half]);
    let spent = |spent_minor: i64| PriceFacts {
        stock: Vec::new(),
        codes: vec![CodeFact {
            id: "c".to_owned(),
            used: 9,
            used_by_buyer: 0,
            spent_minor,
        }],
    };
    let discount = |spent_minor: i64| {
        price(&shop(), &cart, &spent(spent_minor)).map(|quote| quote.discount_minor)
    };
    assert_eq!(discount(9_000), Ok(1_000));
    // The last one gets what is left.
    assert_eq!(discount(9_999), Ok(1));
    assert_eq!(why(&cart, &spent(10_000)).1, CodeRefusal::BudgetSpent);
    assert_eq!(why(&cart, &spent(i64::MAX)).1, CodeRefusal::BudgetSpent);
}

/// covers: PAY-5, MKT-2
#[test]
fn a_code_says_why_not() {
    type Change = fn(&mut PromoCode);
    let cases: [(Change, CodeRefusal); 10] = [
        (
            |c| c.from_at = Some(NOW.plus_ms(1)),
            CodeRefusal::NotYetValid,
        ),
        (|c| c.until_at = Some(NOW), CodeRefusal::Expired),
        (
            |c| c.audiences = vec!["members".to_owned()],
            CodeRefusal::WrongAudience,
        ),
        (|c| c.max_uses = Some(5), CodeRefusal::UsedUp),
        (
            |c| c.max_uses_per_buyer = Some(1),
            CodeRefusal::UsedUpByBuyer,
        ),
        (|c| c.budget_minor = Some(0), CodeRefusal::BudgetSpent),
        (
            |c| c.items = vec!["shirt".to_owned()],
            CodeRefusal::NothingEligible,
        ),
        (|c| c.min_units = 3, CodeRefusal::TooFewUnits),
        (
            |c| c.min_subtotal_minor = 2_001,
            CodeRefusal::SubtotalTooLow,
        ),
        (
            |c| c.effect = CodeEffect::Price { minor: 1_000 },
            CodeRefusal::NoEffect,
        ),
    ];
    let facts = PriceFacts {
        stock: Vec::new(),
        codes: vec![CodeFact {
            id: "c".to_owned(),
            used: 5,
            used_by_buyer: 1,
            spent_minor: 0,
        }],
    };
    for (change, reason) in cases {
        let mut changed = code("c", percent(10));
        changed.max_uses = Some(6);
        changed.max_uses_per_buyer = Some(2);
        changed.from_at = Some(NOW);
        changed.until_at = Some(NOW.plus_ms(1));
        changed.min_units = 2;
        changed.min_subtotal_minor = 2_000;
        let cart = with(&[("seat", 2)], vec![changed.clone()]);
        assert!(price(&shop(), &cart, &facts).is_ok());
        change(&mut changed);
        let cart = with(&[("seat", 2)], vec![changed]);
        assert_eq!(why(&cart, &facts), ("c".to_owned(), reason));
    }
}

/// covers: PAY-5, MKT-2
#[test]
fn codes_stand_together_only_when_all_say_so() {
    let mut tenth = code("a", percent(10));
    let mut euro = code("b", fixed(100, Per::Order));
    let facts = PriceFacts::default();
    let both = |a: &PromoCode, b: &PromoCode| with(&[("seat", 1)], vec![a.clone(), b.clone()]);
    let not = CodeRefusal::NotCombinable;
    assert_eq!(why(&both(&tenth, &euro), &facts), ("a".to_owned(), not));
    tenth.combines = true;
    assert_eq!(why(&both(&tenth, &euro), &facts), ("b".to_owned(), not));
    euro.combines = true;
    // First the share, then the amount, whichever was typed first.
    assert_eq!(quote(&shop(), &both(&tenth, &euro)).total_minor, 800);
    assert_eq!(quote(&shop(), &both(&euro, &tenth)).total_minor, 800);
    let twice = CodeRefusal::Twice;
    assert_eq!(why(&both(&euro, &euro), &facts), ("b".to_owned(), twice));
}

/// covers: PAY-5, MKT-2
#[test]
fn group_rates_and_codes_meet_only_when_the_code_says_so() {
    let mut book = shop();
    book.groups = vec![GroupRate {
        id: "two".to_owned(),
        items: vec!["seat".to_owned()],
        at_least: 2,
        key: None,
        effect: GroupEffect::Price { minor: 900 },
    }];
    let mut tenth = code("c", percent(10));
    // 2 × 9.00, and 4.00 less a tenth.
    let lines = [("seat", 2), ("row", 1)];
    let apart = quote(&book, &with(&lines, vec![tenth.clone()]));
    assert_eq!(apart.total_minor, 1_800 + 360);
    tenth.on_group_rates = true;
    let together = quote(&book, &with(&lines, vec![tenth]));
    assert_eq!(together.total_minor, 1_620 + 360);
}

/// covers: PAY-5, MKT-2
#[test]
fn hidden_items_do_not_exist_without_their_code() {
    let mut book = shop();
    book.items[0].hidden = true;
    let mut cart = cart(&book, &[("seat", 1)]);
    assert_eq!(refused(&book, &cart).code(), "unknown_item");
    let unlock = |item: &str| CodeEffect::Access {
        items: vec![item.to_owned()],
        rates: Vec::new(),
    };
    cart.codes = vec![code("other", unlock("row"))];
    assert_eq!(refused(&book, &cart).code(), "unknown_item");
    // It stands beside codes that stand alone.
    cart.codes = vec![code("fans", unlock("seat")), code("tenth", percent(10))];
    let quote = quote(&book, &cart);
    assert_eq!(quote.total_minor, 900);
    assert_eq!(quote.codes.len(), 2);
}

/// covers: PAY-5, MKT-2
#[test]
fn donations_are_never_cheaper() {
    let mut book = shop();
    book.items.push(item(
        "gift",
        ItemKind::Donation,
        PriceModel::Fixed { minor: 500 },
    ));
    let mut cart = cart(&book, &[("gift", 1), ("seat", 1)]);
    cart.codes = vec![code("c", percent(100))];
    assert_eq!(quote(&book, &cart).total_minor, 500);
}

/// covers: PAY-5, MKT-2
#[test]
fn codes_that_make_no_sense_price_nothing() {
    for effect in [
        percent(101),
        fixed(-1, Per::Unit),
        CodeEffect::Price {
            minor: MAX_MINOR + 1,
        },
        CodeEffect::BuyGet {
            buy: 0,
            get: 1,
            rate: Rate::ONE,
        },
        CodeEffect::Access {
            items: Vec::new(),
            rates: Vec::new(),
        },
    ] {
        let cart = with(&[("seat", 1)], vec![code("c", effect)]);
        assert_eq!(refused(&shop(), &cart).code(), "bad_rules");
    }
    let mut yen = code("c", fixed(100, Per::Order));
    yen.currency = Some("JPY".parse().unwrap());
    let cart = with(&[("seat", 1)], vec![yen]);
    assert_eq!(refused(&shop(), &cart).code(), "mixed_currency");
    let many = (0..=MAX_CODES).map(|n| code(&n.to_string(), percent(1)));
    let cart = with(&[("seat", 1)], many.collect());
    assert_eq!(refused(&shop(), &cart).code(), "bad_rules");
}
