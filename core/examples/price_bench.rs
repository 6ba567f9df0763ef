//! The figures of prices: a cart of ten lines with taxes, fees, a group rate and two codes.
//!
//! `cargo run --release -p bilten-core --features price --example price_bench`. One core.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints; what fails may stop it"
)]

use bilten_core::price::{PriceBook, PriceCart, PriceFacts, PriceSnapshot, canonical, price};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 20_000;

fn main() {
    let book: PriceBook = serde_json::from_value(book()).unwrap();
    let cart: PriceCart = serde_json::from_value(cart()).unwrap();
    let facts: PriceFacts = serde_json::from_value(facts()).unwrap();
    book.check().unwrap();
    let snapshot = PriceSnapshot::take(&book, &cart, &facts).unwrap();
    assert_eq!(snapshot.quote.lines.len(), 10);
    assert_eq!(snapshot.quote.codes.len(), 2);
    let text = serde_json::to_string(&snapshot).unwrap();

    println!("| figure | median | p99 |\n|---|---|---|");
    row("price of a cart of 10 lines", || {
        black_box(price(black_box(&book), black_box(&cart), black_box(&facts)).unwrap());
    });
    row("the same with its snapshot", || {
        black_box(PriceSnapshot::take(&book, &cart, &facts).unwrap());
    });
    row("a stored snapshot, read and priced again", || {
        let read: PriceSnapshot = serde_json::from_str(black_box(&text)).unwrap();
        assert!(read.holds());
    });
    row("form of a code", || {
        black_box(canonical(black_box("Sümmer-2O26")).unwrap());
    });
    println!("| size of the snapshot | {} bytes | |", text.len());
}

/// An event with ten tiers, of which each is a line of the cart.
fn book() -> Value {
    let item = |number: usize| {
        json!({
            "id": format!("tir_{number}"),
            "kind": "ticket",
            "tax_class": "admission",
            "price": { "kind": "phased", "phases": [
                { "id": "early", "name": "early_bird", "minor": 2_000, "until_sold": 100 },
                { "id": "regular", "name": "regular", "minor": 3_000 + number },
            ] },
            "dynamic": {
                "id": "yield",
                "fill": [{ "from": 500_000, "change_ppm": 100_000 }],
                "floor_minor": 1_000, "ceiling_minor": 9_000, "step_minor": 10,
            },
        })
    };
    json!({
        "currency": "EUR",
        "place": { "country": "DE" },
        "items": (0..10).map(item).collect::<Vec<_>>(),
        "groups": [{
            "id": "ten", "at_least": 10,
            "effect": { "kind": "percentage", "rate": 50_000 },
        }],
        "taxes": [
            tax("low", 70_000, "inclusive"),
            tax("culture", 10_000, "exclusive"),
        ],
        "fees": [
            {
                "id": "platform", "name": "Platform", "rate": 29_000, "fixed_minor": 30,
                "per": "order", "passed_on": false,
            },
            {
                "id": "service", "name": "Service", "rate": 20_000, "fixed_minor": 50,
                "cap_minor": 300, "per": "unit", "passed_on": true, "tax_class": "admission",
            },
        ],
    })
}

fn tax(id: &str, rate: u32, mode: &str) -> Value {
    json!({
        "id": id, "name": id, "place": { "country": "DE" }, "classes": ["admission"],
        "rate": rate, "mode": mode,
    })
}

fn cart() -> Value {
    let line = |number: usize| json!({ "item": format!("tir_{number}"), "quantity": 2 });
    json!({
        "currency": "EUR",
        "at": 1_800_000_000_000i64,
        "lines": (0..10).map(line).collect::<Vec<_>>(),
        "codes": [
            {
                "id": "tenth", "effect": { "kind": "percentage", "rate": 100_000 },
                "combines": true, "on_group_rates": true,
            },
            {
                "id": "five", "effect": { "kind": "fixed", "minor": 500, "per": "order" },
                "combines": true, "on_group_rates": true,
            },
        ],
    })
}

fn facts() -> Value {
    let fact = |number: usize| {
        let item = format!("tir_{number}");
        json!({ "item": item, "sold": 40 * number, "capacity": 400 })
    };
    json!({ "stock": (0..10).map(fact).collect::<Vec<_>>() })
}

fn row(name: &str, mut work: impl FnMut()) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "| {name} | {:.2?} | {:.2?} |",
        times[ROUNDS / 2],
        times[ROUNDS * 99 / 100]
    );
}
