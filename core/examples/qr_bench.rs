//! Measures QR reading: success and time by distortion, and what each rung adds.
//!
//! `cargo run --release --example qr_bench -- [PICTURES PER CLASS] [--only CLASS] [--write FOLDER]`

#![expect(
    clippy::print_stdout,
    reason = "a benchmark's table goes to standard output"
)]
#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot go on has nothing else to do"
)]

#[path = "../tests/support/qr_pictures/mod.rs"]
mod qr_pictures;

use std::time::{Duration, Instant};

use bilten_core::qr::{Budget, Frame, Reader, Rung};
use qr_pictures::{Distortion, Picture, picture, ticket_text};

/// What the rungs did with one picture.
struct Sample {
    /// Whether and how fast each rung alone read it, in the order of `Rung::ALL`.
    rungs: Vec<(bool, f64)>,
    /// The whole ladder: the rung that read it, and the time.
    ladder: (Option<Rung>, f64),
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        arguments
            .iter()
            .position(|a| a == name)
            .and_then(|at| arguments.get(at + 1))
            .cloned()
    };
    let count: u64 = arguments.first().and_then(|a| a.parse().ok()).unwrap_or(25);
    let only = option("--only");
    let folder = option("--write");
    let mut all = Vec::new();
    println!(
        "{:<14} {:>6} {:>8} {:>8}   each rung alone, %",
        "class", "read %", "p50 ms", "p95 ms"
    );
    for &class in Distortion::ALL {
        let name = format!("{class:?}");
        if only
            .as_ref()
            .is_some_and(|only| !only.split(',').any(|o| o == name))
        {
            continue;
        }
        let samples: Vec<Sample> = (0..count)
            .map(|seed| {
                let text = ticket_text(seed);
                let picture = picture(&text, class, seed);
                if let Some(folder) = &folder {
                    write(folder, &format!("{name}-{seed}"), &picture);
                }
                measure(&picture, &text)
            })
            .collect();
        row(&name, &samples);
        all.extend(samples);
    }
    row("all", &all);
    println!();
    for (index, rung) in Rung::ALL.iter().enumerate() {
        let reads = all.iter().filter(|s| s.ladder.0 == Some(*rung)).count();
        let alone: Vec<f64> = all.iter().map(|s| s.rungs[index].1).collect();
        let sole = all
            .iter()
            .filter(|s| s.rungs.iter().enumerate().all(|(i, r)| r.0 == (i == index)))
            .count();
        println!(
            "{:<8} adds {:>5.1} %  alone {:>5.1} %  only it {:>4.1} %  {:>6.1} ms p50 {:>6.1} ms p95",
            rung.name(),
            percent(reads, all.len()),
            percent(all.iter().filter(|s| s.rungs[index].0).count(), all.len()),
            percent(sole, all.len()),
            quantile(&alone, 0.5),
            quantile(&alone, 0.95),
        );
    }
}

/// Reads one picture by each rung alone, and by the ladder.
fn measure(picture: &Picture, text: &str) -> Sample {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let frame = Frame::new(&picture.luma, width, height, width).expect("a frame of ours");
    let reader = Reader::new(Budget {
        time: Duration::from_secs(10),
    });
    let timed = |read: &dyn Fn() -> Option<Rung>| {
        // The best of three: other work on the machine only ever adds time.
        let runs = (0..3).map(|_| {
            let start = Instant::now();
            let rung = read();
            (rung, start.elapsed().as_secs_f64() * 1_000.0)
        });
        runs.min_by(|a, b| a.1.total_cmp(&b.1)).expect("three runs")
    };
    let right = |reading: Option<bilten_core::qr::Reading>| {
        reading.map(|r| {
            assert_eq!(r.text(), Some(text), "a code was misread");
            r.rung
        })
    };
    let rungs = Rung::ALL.iter().map(|&rung| {
        let (read, ms) = timed(&|| right(reader.read_by(&frame, rung)));
        (read.is_some(), ms)
    });
    Sample {
        rungs: rungs.collect(),
        ladder: timed(&|| right(reader.read(&frame))),
    }
}

/// Prints one line of the table.
fn row(name: &str, samples: &[Sample]) {
    let times: Vec<f64> = samples.iter().map(|s| s.ladder.1).collect();
    let reads = samples.iter().filter(|s| s.ladder.0.is_some()).count();
    print!(
        "{name:<14} {:>6.1} {:>8.1} {:>8.1}  ",
        percent(reads, samples.len()),
        quantile(&times, 0.5),
        quantile(&times, 0.95)
    );
    for (index, rung) in Rung::ALL.iter().enumerate() {
        let alone = samples.iter().filter(|s| s.rungs[index].0).count();
        print!(" {} {:.0}", rung.name(), percent(alone, samples.len()));
    }
    println!();
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}

/// Writes a picture as PGM, for tests in other languages.
fn write(folder: &str, name: &str, picture: &Picture) {
    let mut file = format!("P5\n{} {}\n255\n", picture.width, picture.height).into_bytes();
    file.extend_from_slice(&picture.luma);
    std::fs::write(format!("{folder}/{name}.pgm"), file).expect("a folder to write to");
}
