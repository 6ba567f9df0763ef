//! The network comes back: gates and server agree, and the door report says what happened.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::{Api, list, number, text};
use super::door::Gates;
use super::gates::State;
use super::organiser::{GATES, Scenery};
use super::shop::Sold;
use super::stage::{Outcome, Stage};
use crate::cli::Failure;

/// Syncs both gates and compares what they know.
///
/// # Errors
/// What a gate says, or the output's failure.
pub(super) async fn sync(
    stage: &mut Stage,
    gates: &Gates,
    sold: &Sold,
    tickets: i64,
) -> Result<(), Failure> {
    for gate in gates.both() {
        let waiting = gate.state().await?.outbox;
        let said = gate.must(&["sync"]).await?;
        let sent = number(said.value(), "/pushed/sent")?;
        stage.step(format_args!("{} sends its scans", gate.name), waiting, sent)?;
        let conflicts = list(said.value(), "/pushed/conflicts")?;
        let expected = usize::from(gate.name == GATES[1]);
        stage.step(
            format_args!("{} is told of conflicts", gate.name),
            expected,
            conflicts.len(),
        )?;
        for conflict in conflicts {
            let is_hers = text(conflict, "/ticket")? == sold.ana[0].id;
            stage.done("the conflict is the copy of Ana's first ticket", is_hers)?;
        }
    }
    // North gate was first and has not heard of South gate's scans yet.
    gates.north.must(&["sync"]).await?;

    let inside = i64::from(stage.admitted()) - 1;
    for gate in gates.both() {
        let state = gate.state().await?;
        let conflicts = i64::from(gate.name == GATES[1]);
        let expected = State {
            tickets,
            inside,
            outbox: 0,
            conflicts,
        };
        let what = format!(
            "{} knows {} tickets, {} people inside and own conflicts: {}; it has nothing left to send",
            gate.name, state.tickets, state.inside, state.conflicts
        );
        stage.done(what, state == expected)?;
    }
    let used = Outcome::refused("already_redeemed");
    let (north, south) = (&gates.north, &gates.south);
    south
        .show(
            stage,
            "Ana's second ticket, now known here too",
            &sold.ana[1].picture,
            used.clone(),
        )
        .await?;
    north
        .show(
            stage,
            "Ben's ticket, now known here too",
            &sold.ben[0].picture,
            used,
        )
        .await?;
    for gate in gates.both() {
        gate.must(&["sync"]).await?;
    }
    Ok(())
}

/// Prints the door report and compares it with what happened.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn report(stage: &mut Stage, api: &Api, scenery: &Scenery) -> Result<(), Failure> {
    let path = format!("/api/v1/events/{}/door-report", scenery.concert.id);
    let report = api.get(&path).await?;
    let of_list = list(&report, "/lists")?.iter();
    let of_list = of_list
        .clone()
        .find(|of_list| of_list["list_id"] == scenery.list.as_str())
        .unwrap_or(&Value::Null);
    let inside = i64::from(stage.admitted()) - 1;
    stage.step("entries that count", inside, number(of_list, "/entries")?)?;
    stage.step("people inside", inside, number(of_list, "/inside")?)?;

    let mut refused = BTreeMap::new();
    for reason in list(of_list, "/refused")? {
        let count = u32::try_from(number(reason, "/count")?).unwrap_or(u32::MAX);
        refused.insert(text(reason, "/reason")?.to_owned(), count);
    }
    let total: u32 = refused.values().sum();
    let is_same = refused == *stage.refused();
    stage.done(
        format_args!("refused: {total}, by reason as counted at the gates"),
        is_same,
    )?;
    for place in list(of_list, "/places")? {
        stage.say(format_args!(
            "{:<12}{} in, {} refused, conflicts: {}",
            place["gate_name"].as_str().unwrap_or("no gate"),
            number(place, "/entries")?,
            number(place, "/refused")?,
            number(place, "/conflicts")?,
        ))?;
    }

    let conflicts = list(&report, "/conflicts")?;
    stage.conflicts = conflicts.len();
    stage.step("conflicts", 1, conflicts.len())?;
    for conflict in conflicts {
        let name = |pointer| text(conflict, pointer);
        let line = format!(
            "{} (order {}) came in at {}, and again at {}",
            name("/holder")?,
            name("/order_reference")?,
            name("/counted/gate_name")?,
            name("/lost/gate_name")?,
        );
        let is_expected = name("/holder")? == "Ana Novak"
            && name("/counted/gate_name")? == GATES[0]
            && name("/lost/gate_name")? == GATES[1];
        stage.done(line, is_expected)?;
    }
    Ok(())
}
