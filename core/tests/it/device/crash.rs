//! Pulling the plug: what was answered must be there afterwards.

use super::world::{EVENING, code, list_id, open_store, paired_store};
use bilten_core::checkin::{Direction, Policy, Verdict};
use bilten_core::id::ScanId;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells a test process that it is the child that will be killed.
const CHILD: &str = "BILTEN_TEST_CRASH_STORE";

/// The child: scans as fast as it can, and says so after each answer. Nothing when run as a test.
#[test]
fn storm_of_scans() {
    let Ok(path) = std::env::var(CHILD) else {
        return;
    };
    let mut store = open_store(Path::new(&path));
    let already = u32::try_from(store.outbox_len().unwrap()).unwrap();
    let mut out = std::io::stdout().lock();
    for number in already.. {
        let judged = store
            .scan_code(&code(number), Direction::Entry, EVENING)
            .unwrap();
        assert_eq!(judged.verdict, Verdict::Admit);
        writeln!(out, "\nanswered {}", judged.scan).unwrap();
        out.flush().unwrap();
    }
}

/// covers: SCAN-4
#[test]
fn a_killed_gate_has_every_scan_that_it_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gate.db");
    drop(paired_store(&path, 1, Policy::Single));
    let mut answered = BTreeSet::new();
    for round in 0..6 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "device::crash::storm_of_scans",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            // The last line may be cut off by the kill.
            let scan = line
                .strip_prefix("answered ")
                .and_then(|id| id.parse::<ScanId>().ok());
            scan.is_some_and(|scan| answered.insert(scan))
        };
        let mut seen = 0;
        while seen < 40 + round * 97 {
            seen += usize::from(take(lines.next().expect("the child lives").unwrap()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            take(line);
        }

        let store = open_store(&path);
        let kept: BTreeSet<_> = store
            .outbox(1_000_000)
            .unwrap()
            .iter()
            .map(|s| s.id)
            .collect();
        assert_eq!(
            answered.difference(&kept).count(),
            0,
            "lost after round {round}"
        );
        // At most the one that was under way is there without having been answered.
        assert!(kept.len() <= answered.len() + round + 1);
        assert_eq!(store.inside(&list_id()).unwrap() as usize, kept.len());
    }
    assert!(answered.len() > 1_000);
}
