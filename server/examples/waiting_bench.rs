//! What a waiting room costs: the draw, a place in line, passes, and how long it takes to let
//! everybody in.
//!
//! ```sh
//! cargo run --release -p bilten-server --example waiting_bench
//! cargo run --release -p bilten-server --example waiting_bench -- --places 1000000 --holds-per-second 500
//! ```
//!
//! One core, no network, no database: what is measured here is all that a node does for those who wait.
//! The time to admit is simulated second by second by the same rules that the server follows.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement prints its result, and ends if it cannot go on"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bilten_kernel::clock::Timestamp;
use bilten_kernel::random::{Random, SeededRandom};
use bilten_server::catalog::EventId;
use bilten_server::waiting_room::{
    DrawKey, Line, Measured, PASS_MS, Pace, PacePolicy, Pass, PlaceId, PlaceToken, RoomKey, Seed,
    Visitor, WaitingRoomId, estimate, may_enter, poll_after_ms, roster_hash, step,
};
use clap::Parser;

const START_MS: i64 = 1_800_000_000_000;

#[derive(Parser)]
struct Arguments {
    /// How many wait
    #[arg(long, default_value_t = 100_000)]
    places: u64,
    /// How many may be inside at once
    #[arg(long, default_value_t = 20_000)]
    most_inside: u32,
    /// How many holds the house makes a second
    #[arg(long, default_value_t = 200)]
    holds_per_second: u32,
    /// How long one stays inside, in seconds
    #[arg(long, default_value_t = 120)]
    stay_seconds: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let random = SeededRandom::new(1);
    let room = WaitingRoomId::from_bytes([1; 16]);
    let ids: Vec<PlaceId> = (0..arguments.places)
        .map(|_| {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            PlaceId::from_bytes(bytes)
        })
        .collect();

    let seed = Seed::draw(&random);
    let (hashed, _) = timed(|| roster_hash(room, ids.iter().copied()));
    let (drawn, line) = timed(|| Line::draw(DrawKey::new(&seed, b""), ids.iter().copied()));
    println!("{} places", line.len());
    println!("roster hash: {} ms", hashed.as_millis());
    println!("draw: {} ms", drawn.as_millis());
    println!(
        "memory of the line: {} KiB ({} bytes a place)",
        line.bytes() / 1_024,
        line.bytes() / line.len().max(1)
    );

    each("number of a place", &ids, |id| line.number_of(*id).unwrap());
    tokens(room, &ids);
    polls(&line, &ids, arguments.holds_per_second);
    admit(&arguments);
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

/// Does something for each of them, and says how often a second that goes.
fn each<A, B>(name: &str, all: &[A], work: impl Fn(&A) -> B) -> Vec<B> {
    let (took, results) = timed(|| all.iter().map(&work).collect::<Vec<B>>());
    let rate = all.len() as f64 / took.as_secs_f64().max(1e-9);
    println!("{name}: {rate:.0}/s");
    results
}

fn tokens(room: WaitingRoomId, ids: &[PlaceId]) {
    let key = RoomKey::from_bytes([7; 32]);
    let event = EventId::from_bytes([2; 16]);
    let now = Timestamp::from_ms(START_MS);
    let cookies = each("cookies signed", ids, |id| {
        let token = PlaceToken {
            room,
            place: *id,
            number: 0,
        };
        token.sign(&key)
    });
    each("cookies read", &cookies, |text| {
        PlaceToken::read(&key, room, text).unwrap()
    });
    let visitor = Visitor::of_cookie("a cookie");
    let passes = each("passes signed", ids, |id| {
        let pass = Pass {
            event,
            room,
            place: *id,
            visitor,
            serial: 1,
            from: now,
            until: Timestamp::from_ms(START_MS + PASS_MS),
        };
        pass.sign(&key)
    });
    each("passes checked", &passes, |text| {
        Pass::check(&key, text, event, room, visitor, now).unwrap()
    });
}

/// How many questions a second come when everybody asks as the page does, right after the draw.
fn polls(line: &Line, ids: &[PlaceId], per_second: u32) {
    let per_minute = u64::from(per_second) * 60;
    let rate: f64 = ids
        .iter()
        .map(|id| {
            let ahead = line.number_of(*id).unwrap() - 1;
            let from = estimate(ahead, per_minute, 60).map_or(0, |e| e.from_minutes);
            1_000.0 / poll_after_ms(*id, from * 60_000) as f64
        })
        .sum();
    println!("questions for the notice, of everybody who waits: {rate:.0}/s");
}

/// Lets them all in, second by second; one of ten does not come.
fn admit(arguments: &Arguments) {
    let policy = PacePolicy {
        most_inside: arguments.most_inside,
        floor_per_minute: 60,
        ceiling_per_minute: 600_000,
        overbook_permille: 100,
    };
    policy.check().unwrap();
    let mut pace = Pace::start(&policy, Timestamp::from_ms(START_MS));
    // Of each second: how many come into the house, and how many are given up.
    let (mut coming, mut absent) = (0u32, 0u32);
    let mut leaving = std::collections::VecDeque::<u32>::new();
    let (mut waiting, mut inside, mut backlog) = (arguments.places, 0u32, 0u32);
    let (mut seconds, mut most, mut served) = (0i64, 0u32, 0u64);
    while waiting > 0 || inside > 0 || coming > 0 {
        seconds += 1;
        if leaving.len() >= arguments.stay_seconds {
            let left = leaving.pop_front().unwrap_or(0);
            inside -= left;
            served += u64::from(left);
        }
        let mut came = 0;
        while came < coming && may_enter(&policy, inside) {
            came += 1;
            inside += 1;
        }
        coming -= came;
        leaving.push_back(came);
        backlog += came;
        let held = backlog.min(arguments.holds_per_second);
        backlog -= held;
        let next = step(
            &policy,
            &pace,
            &Measured {
                at: Timestamp::from_ms(START_MS + seconds * 1_000),
                waiting,
                called: coming,
                inside,
                held,
                came,
                missed: absent,
                is_strained: backlog > (arguments.holds_per_second / 2).max(1),
                stock_left: None,
            },
        );
        pace = next.pace;
        waiting -= u64::from(next.call);
        absent = next.call / 10;
        coming += next.call - absent;
        most = most.max(inside);
    }
    println!(
        "all called and served in {} min {} s ({served} of {}, at most {most} of {} inside)",
        seconds / 60,
        seconds % 60,
        arguments.places,
        arguments.most_inside,
    );
}
