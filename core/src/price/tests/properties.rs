//! What holds for every cart.

use super::*;
use proptest::prelude::*;

/// A cart with all that it is priced by.
#[derive(Clone, Debug)]
struct Case {
    book: PriceBook,
    cart: PriceCart,
    facts: PriceFacts,
}

impl Case {
    /// The price, with its sums checked; nothing if a code cannot be used.
    fn priced(&self) -> Option<Quote> {
        assert_eq!(self.book.check(), Ok(()));
        match price(&self.book, &self.cart, &self.facts) {
            Ok(quote) => {
                check_sums(&quote);
                Some(quote)
            }
            Err(Refusal::CodeNotApplicable { .. }) => None,
            Err(other) => panic!("{other}"),
        }
    }
}

/// When taxes change.
const CHANGE: Timestamp = Timestamp(1_900_000_000_000);

/// When the dates of events are, and when what is for none of them is supplied.
fn give_dates(book: &mut PriceBook) {
    book.supplied_at = Some(CHANGE.plus_ms(-1_000));
    book.dates = [("early", -1), ("late", 0), ("later", 1_000)]
        .map(|(date, ms)| (date.to_owned(), CHANGE.plus_ms(ms)))
        .into();
}

/// A line for one of the dates, or for none; seats of one date are not counted by it.
fn dated(which: u8, mut line: PriceLine) -> PriceLine {
    match which {
        0 => line.occurrence = Some("early".to_owned()),
        1 => line.occurrence = Some("late".to_owned()),
        2 => line.supplied_on = Some("later".to_owned()),
        _ => {}
    }
    line
}

/// Free, or enough that rounding of a few taxes cannot outweigh it.
fn minor() -> impl Strategy<Value = i64> {
    prop_oneof![1 => Just(0i64), 9 => 100i64..100_000]
}

fn model() -> impl Strategy<Value = PriceModel> {
    prop_oneof![
        4 => minor().prop_map(|minor| PriceModel::Fixed { minor }),
        1 => Just(PriceModel::Free),
        1 => (minor(), minor()).prop_map(|(a, b)| PriceModel::PayWhatYouWant {
            floor_minor: a.min(b),
            suggestion_minor: a.max(b),
            ceiling_minor: None,
        }),
        2 => (minor(), minor(), 0u64..20).prop_map(|(early, late, until)| {
            let phase = |id: &str, name: PhaseName, minor: i64| PricePhase {
                id: id.to_owned(),
                name,
                minor,
                from_at: None,
                until_at: None,
                until_sold: (name == PhaseName::EarlyBird).then_some(until),
            };
            PriceModel::Phased {
                phases: vec![
                    phase("early", PhaseName::EarlyBird, early),
                    phase("regular", PhaseName::Regular, late),
                ],
            }
        }),
    ]
}

fn priced_item() -> impl Strategy<Value = PriceItem> {
    let kinds = prop_oneof![
        4 => Just(ItemKind::Ticket),
        1 => Just(ItemKind::Merchandise),
        1 => Just(ItemKind::Donation),
        1 => Just(ItemKind::Bundle),
    ];
    let change = -500_000i32..500_000;
    (kinds, model(), any::<bool>(), any::<bool>(), change).prop_map(
        |(kind, price, is_taxed, is_dynamic, change_ppm)| {
            let can_move = matches!(price, PriceModel::Fixed { .. } | PriceModel::Phased { .. });
            let mut item = item("", kind, price);
            item.tax_class = is_taxed.then(|| "admission".to_owned());
            item.dynamic = (can_move && is_dynamic).then(|| DynamicRule {
                id: "yield".to_owned(),
                fill: vec![DynamicStep {
                    from: Rate(300_000),
                    change_ppm,
                }],
                pace: Vec::new(),
                floor_minor: 100,
                ceiling_minor: 200_000,
                step_minor: 50,
            });
            if kind == ItemKind::Bundle {
                let part = |alone_minor: i64, class: Option<&str>| BundlePart {
                    item: "part".to_owned(),
                    quantity: 1,
                    alone_minor,
                    tax_class: class.map(str::to_owned),
                };
                item.parts = vec![part(700, None), part(333, Some("food"))];
            }
            item
        },
    )
}

fn taxes() -> impl Strategy<Value = Vec<TaxRule>> {
    let one = (0u32..300_000, any::<[bool; 6]>());
    prop::collection::vec(one, 0..4).prop_map(|taxes| {
        let rules = taxes.into_iter().enumerate();
        rules
            .map(
                |(at, (ppm, [inclusive, compound, reverse, food, begins, ends]))| {
                    let mode = if inclusive {
                        TaxMode::Inclusive
                    } else {
                        TaxMode::Exclusive
                    };
                    let mut rule = tax(&format!("tax{at}"), "DE", ppm, mode);
                    rule.compound = compound;
                    rule.reverse_charge = reverse;
                    if food {
                        rule.classes.push("food".to_owned());
                    }
                    rule.from_at = begins.then_some(CHANGE);
                    rule.until_at = (ends && !begins).then_some(CHANGE);
                    rule
                },
            )
            .collect()
    })
}

fn fees() -> impl Strategy<Value = Vec<FeeRule>> {
    let one = (0u32..100_000, 0i64..500, any::<[bool; 4]>(), 0i64..1_000);
    prop::collection::vec(one, 0..3).prop_map(|fees| {
        let rules = fees.into_iter().enumerate();
        rules
            .map(
                |(at, (ppm, fixed_minor, [unit, passed_on, capped, taxed], cap))| FeeRule {
                    id: format!("fee{at}"),
                    name: "Fee".to_owned(),
                    rate: Rate(ppm),
                    fixed_minor,
                    cap_minor: capped.then_some(cap),
                    per: if unit { Per::Unit } else { Per::Order },
                    passed_on,
                    kinds: Vec::new(),
                    tax_class: taxed.then(|| "food".to_owned()),
                },
            )
            .collect()
    })
}

fn effect() -> impl Strategy<Value = CodeEffect> {
    prop_oneof![
        (0u32..=1_000_000).prop_map(|ppm| CodeEffect::Percentage { rate: Rate(ppm) }),
        (minor(), any::<bool>()).prop_map(|(minor, unit)| CodeEffect::Fixed {
            minor,
            per: if unit { Per::Unit } else { Per::Order },
        }),
        minor().prop_map(|minor| CodeEffect::Price { minor }),
        (1u32..4, 1u32..4, 0u32..=1_000_000).prop_map(|(buy, get, ppm)| CodeEffect::BuyGet {
            buy,
            get,
            rate: Rate(ppm),
        }),
    ]
}

fn codes() -> impl Strategy<Value = Vec<PromoCode>> {
    let one = (
        effect(),
        any::<bool>(),
        prop::option::of(1u32..10),
        prop::option::of(1i64..10_000),
    );
    prop::collection::vec(one, 0..3).prop_map(|codes| {
        let rules = codes.into_iter().enumerate();
        rules
            .map(|(at, (effect, on_group_rates, max_units, budget_minor))| {
                let mut rule = code(&format!("code{at}"), effect);
                rule.combines = true;
                rule.on_group_rates = on_group_rates;
                rule.max_units = max_units;
                rule.budget_minor = budget_minor;
                rule
            })
            .collect()
    })
}

fn cases() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(priced_item(), 1..6),
        prop::collection::vec((any::<prop::sample::Index>(), 1u32..20, 0u8..6), 1..10),
        taxes(),
        fees(),
        codes(),
        any::<[bool; 5]>(),
        0u64..20,
        prop::sample::select(vec!["EUR", "JPY", "KWD"]),
    )
        .prop_map(
            |(items, wanted, taxes, fees, codes, flags, sold, currency)| {
                let [even, per_order, cash, abroad, has_group] = flags;
                let mut book = book(currency, "DE", items);
                for (at, item) in book.items.iter_mut().enumerate() {
                    item.id = format!("item{at}");
                }
                book.taxes = taxes;
                give_dates(&mut book);
                book.fees = fees;
                book.rounding.cash_step_minor = Some(5);
                if even {
                    book.rounding.halves = Rounding::HalfEven;
                }
                if per_order {
                    book.rounding.taxes = TaxRounding::PerOrder;
                }
                if has_group {
                    book.groups = vec![GroupRate {
                        id: "group".to_owned(),
                        items: Vec::new(),
                        at_least: 10,
                        key: None,
                        effect: GroupEffect::Percentage {
                            rate: Rate(150_000),
                        },
                    }];
                }
                let mut cart = cart(&book, &[]);
                for (index, quantity, which) in wanted {
                    let item = index.get(&book.items);
                    cart.lines.push(dated(which, line(&item.id, quantity)));
                }
                cart.codes = codes;
                cart.cash = cash;
                cart.buyer.vat_id = abroad.then(|| VatId {
                    country: "FR".to_owned(),
                    number: "12345678901".to_owned(),
                });
                let stock = book.items.iter().map(|item| StockFact {
                    item: item.id.clone(),
                    occurrence: None,
                    sold,
                    capacity: 40,
                    pace: Rate::ONE,
                });
                let facts = PriceFacts {
                    stock: stock.collect(),
                    codes: Vec::new(),
                };
                Case { book, cart, facts }
            },
        )
}

proptest! {
    #[test]
    fn all_in_is_the_sum_of_parts_and_never_negative(case in cases()) {
        let quote = case.priced();
        prop_assert!(quote.is_some() || !case.cart.codes.is_empty());
    }

    #[test]
    fn order_makes_no_difference(case in cases()) {
        let mut other = case.clone();
        other.cart.lines.reverse();
        other.cart.codes.reverse();
        other.facts.stock.reverse();
        prop_assert_eq!(case.priced(), other.priced());
    }

    #[test]
    fn splitting_lines_makes_no_difference(case in cases(), first in 1u32..20) {
        let mut other = case.clone();
        for split in &mut other.cart.lines {
            split.quantity = split.quantity.min(first);
        }
        for whole in &case.cart.lines {
            let rest = whole.quantity.saturating_sub(first);
            if rest > 0 {
                other.cart.lines.push(PriceLine {
                    quantity: rest,
                    ..whole.clone()
                });
            }
        }
        prop_assert_eq!(case.priced(), other.priced());
    }

    #[test]
    fn more_is_never_cheaper(mut case in cases(), which: prop::sample::Index, more in 1u32..5) {
        // Group rates and codes may say so, and a fee that moves to a date with lower taxes.
        case.book.groups.clear();
        case.cart.codes.clear();
        case.book.dates.clear();
        // Nor is this about units that are counted together and stand in lines of their own.
        for line in &mut case.cart.lines {
            line.supplied_on = None;
        }
        let mut larger = case.clone();
        let lines = larger.cart.lines.len();
        larger.cart.lines[which.index(lines)].quantity += more;
        let (fewer, many) = (case.priced().unwrap(), larger.priced().unwrap());
        prop_assert!(fewer.total_minor <= many.total_minor);
    }

    #[test]
    fn each_line_has_the_taxes_of_its_date(case in cases()) {
        if let Some(quote) = case.priced() {
            for line in quote.lines.iter().filter(|line| line.occurrence.is_some()) {
                let at = case.book.dates[line.occurrence.as_ref().unwrap()];
                for part in &line.taxes {
                    let rule = case.book.taxes.iter().find(|rule| rule.id == part.rule).unwrap();
                    prop_assert!(rule.is_in_force(at), "{part:?} is not of {:?}", line.occurrence);
                }
            }
        }
    }

    /// Where nothing is rounded or shared out for the order, dates have nothing to do with each other, and
    /// a book with the taxes of one day alone prices that day the same.
    #[test]
    fn dates_are_taxed_each_by_itself(mut case in cases()) {
        case.book.groups.clear();
        case.book.fees.clear();
        case.book.rounding.taxes = TaxRounding::PerLine;
        case.cart.codes.clear();
        case.cart.cash = false;
        let whole = case.priced().unwrap();
        let mut sum = 0;
        for date in [Some("early"), Some("late"), None] {
            let mut one = case.clone();
            one.cart.lines.retain(|line| line.occurrence.as_deref() == date);
            if one.cart.lines.is_empty() {
                continue;
            }
            let alone = one.priced().unwrap();
            if let Some(date) = date {
                let at = case.book.dates[date];
                one.book.taxes.retain(|rule| rule.is_in_force(at));
                one.book.supplied_at = None;
                one.book.dates.clear();
                let of_day = one.priced().unwrap();
                prop_assert_eq!(&of_day, &alone);
            }
            sum += alone.total_minor;
        }
        prop_assert_eq!(whole.total_minor, sum);
    }

    #[test]
    fn a_stored_price_can_be_explained(case in cases()) {
        if let Ok(taken) = PriceSnapshot::take(&case.book, &case.cart, &case.facts) {
            prop_assert!(taken.holds());
            let priced = case.priced().unwrap();
            prop_assert_eq!(&taken.quote, &priced);
            let text = serde_json::to_string(&taken).unwrap();
            let mut read: PriceSnapshot = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &taken);
            prop_assert!(read.holds());
            // Nobody can change what is stored unnoticed.
            read.quote.total_minor += 1;
            prop_assert!(!read.holds());
        }
    }

    #[test]
    fn no_numbers_break_it(
        mut case in cases(),
        amounts in prop::array::uniform8(any::<i64>()),
        rates in prop::array::uniform4(any::<u32>()),
        quantity: u32,
        sold: u64,
        keep in any::<[bool; 8]>(),
    ) {
        let [price_of, part, floor, ceiling, fixed, cap, cash, spent] = amounts;
        let [tax_of, fee_of, code_of, pace] = rates;
        let [k0, k1, k2, k3, k4, k5, k6, k7] = keep;
        let item = &mut case.book.items[0];
        if !k0 { item.price = PriceModel::Fixed { minor: price_of }; }
        if let (false, Some(first)) = (k1, item.parts.first_mut()) { first.alone_minor = part; }
        if let (false, Some(rule)) = (k2, item.dynamic.as_mut()) {
            rule.floor_minor = floor;
            rule.ceiling_minor = ceiling;
            rule.step_minor = cap;
        }
        if let (false, Some(rule)) = (k3, case.book.taxes.first_mut()) { rule.rate = Rate(tax_of); }
        if let (false, Some(rule)) = (k4, case.book.fees.first_mut()) {
            rule.rate = Rate(fee_of);
            rule.fixed_minor = fixed;
            rule.cap_minor = Some(cap);
        }
        if !k5 { case.book.rounding.cash_step_minor = Some(cash); }
        if !k6 { case.cart.lines[0].quantity = quantity; }
        if let (false, Some(rule)) = (k7, case.cart.codes.first_mut()) {
            rule.effect = CodeEffect::Percentage { rate: Rate(code_of) };
            rule.max_discount_minor = Some(cap);
            case.facts.codes = vec![CodeFact {
                id: rule.id.clone(),
                used: sold,
                used_by_buyer: sold,
                spent_minor: spent,
            }];
        }
        case.facts.stock[0].sold = sold;
        case.facts.stock[0].pace = Rate(pace);
        if let Ok(quote) = price(&case.book, &case.cart, &case.facts) {
            check_sums(&quote);
        }
    }
}

#[test]
fn the_largest_cart_has_a_price() {
    let mut book = book("EUR", "DE", vec![ticket("seat", MAX_MINOR)]);
    book.taxes = (0..3)
        .map(|at| {
            let mut rule = tax(&format!("tax{at}"), "DE", 1_000_000, TaxMode::Exclusive);
            rule.compound = true;
            rule
        })
        .collect();
    let mut fee = FeeRule::platform("fee", book.currency);
    fee.rate = Rate::ONE;
    fee.passed_on = true;
    book.fees = vec![fee];
    let all = cart(&book, &[("seat", MAX_UNITS)]);
    // 10^15, doubled by each tax, then by the fee.
    assert_eq!(quote(&book, &all).total_minor, 16_000_000_000_000_030);
    // With taxes without end it is refused, and nothing wraps.
    book.taxes = (0..60)
        .map(|at| {
            let mut rule = tax(&format!("tax{at}"), "DE", 1_000_000, TaxMode::Exclusive);
            rule.compound = true;
            rule
        })
        .collect();
    assert_eq!(refused(&book, &all), Refusal::TooLarge);
    for rule in &mut book.taxes {
        rule.mode = TaxMode::Inclusive;
    }
    assert_eq!(refused(&book, &all), Refusal::TooLarge);
}
