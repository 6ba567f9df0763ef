//! The event is made: venue, hall, texts, tiers, pool, codes, dates, waiting room.

use hyper::Method;
use serde_json::{Value, json};

use super::{Sale, Ware, WholeArguments};
use crate::client::LoadError;
use crate::shop::{Shop, list, tail_of, text};

/// The rows of a block, and the seats of a row.
const ROWS: u32 = 5;
const WIDTH: u32 = 8;
/// Tickets are let in now, so that the proof can show them to a device.
const VALID_FROM: &str = "2020-01-01T00:00:00Z";

/// Makes a sale and publishes it.
pub(super) async fn made(shop: &Shop, arguments: &WholeArguments) -> Result<Sale, LoadError> {
    let arena = shop.arena(arguments.blocks, ROWS, WIDTH).await?;
    let seats: Vec<Value> = arena
        .categories()
        .iter()
        .enumerate()
        .map(|(place, (category, size))| {
            json!({"name": format!("Sedež {category}"), "price_minor": 4_000 - 500 * place, "capacity": size,
                   "per_date": true, "max_per_order": 20, "seat_category": category, "valid_from_at": VALID_FROM})
        })
        .collect();
    let venue = shop
        .call(Method::POST, "/api/v1/venues", Some(venue()))
        .await?;
    let draft = json!({
        "name": "Jesenski cikel", "description": "Večeri pod streho.",
        "time_zone": "Europe/Ljubljana", "currency": "EUR", "venue": venue["id"],
        "details": {"language": "sl", "translations": {
            "name": {"de": "Herbstzyklus", "hr": "Jesenski ciklus"},
            "description": {"de": "Abende unter Dach.", "hr": "Večeri pod krovom."},
        }},
        "occurrences": [{"starts_at": "2090-10-01T17:30:00Z", "ends_at": "2090-10-01T20:30:00Z"}],
        "tiers": seats,
    });
    let made = shop
        .call(Method::POST, "/api/v1/events", Some(draft))
        .await?;
    let mut sale = Sale {
        shop: shop.clone(),
        event: text(&made["id"]),
        wares: list(&made["tiers"])
            .map(|tier| Ware {
                tier: text(&tier["id"]),
                capacity: tier["capacity"].as_i64().unwrap_or(0),
                blocks: (0..)
                    .zip(&arena.blocks)
                    .filter(|(_, (_, category))| tier["seat_category"] == category.as_str())
                    .map(|(block, _)| block)
                    .collect(),
            })
            .collect(),
        arena,
        dates: Vec::new(),
        pool: String::new(),
        pool_capacity: i64::from(arguments.floor),
        parking: String::new(),
        parking_capacity: i64::from(arguments.floor),
        donation: String::new(),
        programme: String::new(),
        tenth: (String::new(), String::new(), u64::from(arguments.floor)),
        batch: String::new(),
        vouchers: Vec::new(),
    };
    floor_added(&mut sale).await?;
    extras_added(&mut sale).await?;
    codes_made(&mut sale).await?;
    dates_made(&mut sale, arguments).await?;

    let room = json!({
        "opens_at": "2090-10-01T10:00:00Z", "most_inside": arguments.rivals.saturating_mul(2),
        "floor_per_minute": 60_000, "ceiling_per_minute": 1_000_000, "overbook_permille": 0,
        "per_network": 2_000_000, "per_device": 2_000_000,
    });
    let path = sale.path("/waiting-room");
    shop.call(Method::PUT, &path, Some(room)).await?;
    shop.publish(&sale.event).await?;
    for (language, name) in [
        ("sl", "Jesenski cikel"),
        ("de", "Herbstzyklus"),
        ("hr", "Jesenski ciklus"),
    ] {
        let path = sale.shop_path(&format!("?lang={language}"));
        let shown = shop.call(Method::GET, &path, None).await?;
        if shown["name"] != name {
            let shown = text(&shown["name"]);
            return Err(LoadError::Wrong(format!("{shown} is no {language}")));
        }
    }
    Ok(sale)
}

fn venue() -> Value {
    json!({
        "language": "sl",
        "name": "Dvorana",
        "address": {"country": "SI", "street": ["Trg 1"], "postal_code": "1000", "city": "Ljubljana"},
        "position": {"latitude_e6": 46_050_000, "longitude_e6": 14_500_000},
        "time_zone": "Europe/Ljubljana",
        "access": {"step_free": true, "notes": "Dvigalo je levo."},
        "translations": {"name": {"de": "Halle", "hr": "Dvorana"}, "access_notes": {"de": "Der Aufzug ist links."}},
    })
}

/// Adds a tier; its id.
async fn added(sale: &Sale, tier: Value) -> Result<String, LoadError> {
    let path = sale.path("/tiers");
    let changed = sale.shop.call(Method::POST, &path, Some(tier)).await?;
    Ok(list(&changed["tiers"])
        .last()
        .map(|tier| text(&tier["id"]))
        .unwrap_or_default())
}

/// Two tiers that share the floor: neither fills it alone, and both together want more than there is.
async fn floor_added(sale: &mut Sale) -> Result<(), LoadError> {
    let pool = json!({"name": "Parter", "capacity": sale.pool_capacity, "per_date": true});
    let path = sale.path("/pools");
    let pool = sale.shop.call(Method::POST, &path, Some(pool)).await?;
    sale.pool = text(&pool["id"]);
    let capacity = sale.pool_capacity * 6 / 10;
    for (name, price) in [("Stojišče", 2_000), ("Znižano", 1_500)] {
        let tier = json!({"name": name, "price_minor": price, "capacity": capacity, "per_date": true,
            "max_per_order": 20, "pool_id": sale.pool, "valid_from_at": VALID_FROM});
        let tier = added(sale, tier).await?;
        sale.wares.push(Ware {
            tier,
            capacity,
            blocks: Vec::new(),
        });
    }
    Ok(())
}

/// What is bought with a ticket.
async fn extras_added(sale: &mut Sale) -> Result<(), LoadError> {
    let tiers: Vec<&str> = sale.wares.iter().map(|ware| ware.tier.as_str()).collect();
    let parking = json!({"name": "Parkirišče", "price_minor": 500, "capacity": sale.parking_capacity, "kind": "add_on",
        "pricing": {"added_to": tiers, "most_per_ticket": 1}});
    sale.parking = added(sale, parking).await?;
    let donation = json!({"name": "Za mlade", "price_minor": 1_000, "capacity": 1_000_000, "kind": "donation"});
    sale.donation = added(sale, donation).await?;
    Ok(())
}

/// A code that takes a tenth off, some hundred times, and others that can be used once.
async fn codes_made(sale: &mut Sale) -> Result<(), LoadError> {
    let (_, _, limit) = sale.tenth;
    let typed = format!("JESEN-{}", tail_of(&sale.event).to_uppercase());
    let code = json!({"code": typed, "event": sale.event,
        "rule": {"effect": {"kind": "percentage", "rate": 100_000}, "max_uses": limit}});
    let made = sale
        .shop
        .call(Method::POST, "/api/v1/promo-codes", Some(code))
        .await?;
    sale.tenth = (text(&made["id"]), typed, limit);
    let path = "/api/v1/promo-codes/batches";
    let batch = json!({"name": "Letaki", "event": sale.event, "size": 50,
        "rule": {"effect": {"kind": "percentage", "rate": 200_000}}});
    let made = sale.shop.call(Method::POST, path, Some(batch)).await?;
    sale.batch = text(&made["id"]);
    // Few are there at once.
    let file = sale
        .shop
        .file(&format!("{path}/{}/export", sale.batch))
        .await?;
    sale.vouchers = file
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .map(str::to_owned)
        .collect();
    if sale.vouchers.len() != 50 {
        let count = sale.vouchers.len();
        return Err(LoadError::Wrong(format!("a batch of 50 has {count} codes")));
    }
    Ok(())
}

/// The dates, over the night when the clock changes, each in the hall.
async fn dates_made(sale: &mut Sale, arguments: &WholeArguments) -> Result<(), LoadError> {
    let rule = format!("FREQ=DAILY;COUNT={}", arguments.dates);
    let series = json!({"version": sale.version().await?, "starts": "2090-10-24T19:30:00", "rules": [rule],
        "duration_minutes": 180, "doors_minutes": 60});
    let path = sale.path("/series");
    sale.shop.call(Method::PUT, &path, Some(series)).await?;
    let path = sale.path("/occurrences");
    let seated = json!({"version": sale.version().await?, "scope": "all", "change": {"seat_map": sale.arena.map}});
    sale.shop.call(Method::PATCH, &path, Some(seated)).await?;
    let dates = sale.shop.pages(&path).await?;
    sale.dates = dates.iter().map(|date| text(&date["id"])).collect();
    if sale.dates.len() != usize::try_from(arguments.dates).unwrap_or(0) {
        let count = sale.dates.len();
        return Err(LoadError::Wrong(format!("the event has {count} dates")));
    }
    Ok(())
}
