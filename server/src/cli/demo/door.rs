//! The door: pairing, and an evening without network.

use std::time::{Duration, Instant};

use serde_json::json;

use super::api::{Api, list, text};
use super::folder::Folder;
use super::forging;
use super::gates::Gate;
use super::network::Network;
use super::organiser::{self, GATES, Scenery};
use super::shop::{Sold, Ticket};
use super::stage::{Outcome, Stage};
use crate::cli::Failure;

/// How far apart two gates see the same ticket at least.
const APART: Duration = Duration::from_secs(2);

/// The two gates.
pub(super) struct Gates {
    /// Where most people come.
    pub(super) north: Gate,
    /// The other one.
    pub(super) south: Gate,
}

impl Gates {
    /// Both.
    pub(super) const fn both(&self) -> [&Gate; 2] {
        [&self.north, &self.south]
    }
}

/// Pairs both gates and lets them fetch what they must know.
///
/// # Errors
/// What the server or a gate says, or the output's failure.
pub(super) async fn pair(
    stage: &mut Stage,
    api: &Api,
    folder: &Folder,
    scenery: &Scenery,
    network: &Network,
    tickets: i64,
) -> Result<Gates, Failure> {
    let gates = Gates {
        north: Gate::new(folder, GATES[0], "north")?,
        south: Gate::new(folder, GATES[1], "south")?,
    };
    for (gate, id) in gates.both().into_iter().zip(&scenery.gates) {
        let link = organiser::invite(api, scenery, id, &network.url()).await?;
        let said = gate.must(&["pair", &link, "--name", gate.name]).await?;
        let place = text(said.value(), "/gate/name")?;
        stage.step("paired by its code, and stands at", gate.name, place)?;
        if gate.name == GATES[0] {
            let thief = Gate::new(folder, "a thief", "thief")?
                .run(&["pair", &link], "")
                .await?;
            let code = text(thief.value(), "/code")?;
            stage.step(
                "the same code, tried by a thief",
                "access.pairing_used",
                code,
            )?;
        }
        gate.must(&["sync"]).await?;
        let known = gate.state().await?.tickets;
        stage.step(
            format_args!("tickets that {} knows", gate.name),
            tickets,
            known,
        )?;
    }
    Ok(gates)
}

/// What the organiser changes before the doors: one ticket dies, one gets a new holder. Gives the
/// new ticket of the latter.
///
/// # Errors
/// What the server says, or the output's failure.
pub(super) async fn change(
    stage: &mut Stage,
    api: &Api,
    folder: &Folder,
    sold: &Sold,
) -> Result<Ticket, Failure> {
    let revoked = &sold.ben[1];
    let path = format!("/api/v1/tickets/{}/revoke", revoked.id);
    let answer = api.post(&path, &json!({})).await?;
    stage.step(
        "Ben lost his second ticket, it is",
        "revoked",
        text(&answer, "/state")?,
    )?;

    let passed_on = &sold.cilka[0];
    let path = format!("/api/v1/tickets/{}/reissue", passed_on.id);
    let body = json!({ "version": 1, "holder_name": "Dario Conti" });
    let answer = api.post(&path, &body).await?;
    stage.step(
        "Cilka's ticket goes to",
        "Dario Conti",
        text(&answer, "/holder_name")?,
    )?;
    let code = text(&answer, "/code")?.to_owned();
    Ok(Ticket {
        id: passed_on.id.clone(),
        picture: folder.picture("dario-1.png", &forging::picture(&code)?)?,
        code,
        answer,
    })
}

/// Both gates notice that they are alone, and keep what they have.
///
/// # Errors
/// What a gate says, or the output's failure.
pub(super) async fn notice(stage: &mut Stage, gates: &Gates) -> Result<(), Failure> {
    for gate in gates.both() {
        let said = gate.run(&["sync"], "").await?;
        let code = said.value()["pull_problem"]["code"]
            .as_str()
            .unwrap_or("nothing");
        stage.step(format_args!("{} tries to sync", gate.name), "offline", code)?;
    }
    Ok(())
}

/// People come to the doors; the gates have nothing but their stores.
///
/// # Errors
/// What a gate says, or the output's failure.
pub(super) async fn evening(
    stage: &mut Stage,
    folder: &Folder,
    gates: &Gates,
    sold: &Sold,
    dario: &Ticket,
    hana: &[Ticket],
) -> Result<(), Failure> {
    use Outcome::Admitted;
    let (north, south) = (&gates.north, &gates.south);
    let no = Outcome::refused;

    let ana = &sold.ana[0].picture;
    north
        .show(stage, "Ana's first ticket", ana, Admitted)
        .await?;
    north
        .show(stage, "the same picture again", ana, no("already_redeemed"))
        .await?;
    let shown = Instant::now();

    let torn = std::fs::read(&sold.ana[1].picture).unwrap_or_default();
    let torn = folder.picture("ana-2-torn.png", &torn[..torn.len() / 2])?;
    let unread = Outcome::Unread("damaged_picture".to_owned());
    north
        .show(stage, "Ana's second ticket, a torn file", &torn, unread)
        .await?;
    north
        .show(
            stage,
            "Ana's second ticket, whole",
            &sold.ana[1].picture,
            Admitted,
        )
        .await?;

    south
        .show(stage, "Ben's first ticket", &sold.ben[0].picture, Admitted)
        .await?;
    south
        .show(
            stage,
            "Ben's lost ticket, found by somebody",
            &sold.ben[1].picture,
            no("revoked"),
        )
        .await?;
    north
        .show(
            stage,
            "Cilka's ticket, which she passed on",
            &sold.cilka[0].picture,
            no("superseded"),
        )
        .await?;
    north
        .show(
            stage,
            "Dario, to whom she passed it",
            &dario.picture,
            Admitted,
        )
        .await?;
    south
        .show(
            stage,
            "Emma's soundcheck ticket, an hour late",
            &sold.emma[0].picture,
            no("expired"),
        )
        .await?;
    north
        .show(
            stage,
            "Greta's ticket for tomorrow",
            &sold.greta[0].picture,
            no("wrong_event"),
        )
        .await?;

    let altered = forging::altered(&sold.ivo[0].code);
    let altered = folder.picture("forged-altered.png", &forging::picture(&altered)?)?;
    south
        .show(
            stage,
            "a forgery: one bit of Ivo's was changed",
            &altered,
            no("bad_signature"),
        )
        .await?;
    let foreign = forging::signed_by_a_stranger(&sold.ivo[0])?;
    let foreign = folder.picture("forged-foreign-key.png", &forging::picture(&foreign)?)?;
    south
        .show(
            stage,
            "a forgery: signed by a stranger's key",
            &foreign,
            no("unknown_key"),
        )
        .await?;
    let poster = folder.picture(
        "poster.png",
        &forging::picture("https://example.com/polka")?,
    )?;
    south
        .show(stage, "the code on the poster", &poster, no("not_a_ticket"))
        .await?;
    south
        .type_in(
            stage,
            "Ivo, by a hand-held scanner that types",
            &sold.ivo[0].code,
            Admitted,
        )
        .await?;

    let found = north.must(&["search", "filip hor"]).await?;
    let ids: Vec<_> = list(&json!(found.lines), "")?
        .iter()
        .filter_map(|ticket| ticket["id"].as_str())
        .map(str::to_owned)
        .collect();
    stage.step(
        "Filip's phone is dead; North gate finds his name",
        1,
        ids.len(),
    )?;
    let ticket = ids.first().map_or("", String::as_str);
    stage.done("and it is his ticket", ticket == sold.filip[0].id)?;
    north
        .redeem(stage, "Filip, by name and photo ID", ticket, Admitted)
        .await?;

    for hana in hana {
        let said = south
            .show(
                stage,
                "Hana, who bought after the last sync",
                &hana.picture,
                Admitted,
            )
            .await?;
        let ticket = &said.value()["ticket"];
        let is_signature_alone = ticket["id"] == hana.id.as_str() && ticket["state"].is_null();
        stage.done(
            "she is on no list there: the signature alone let her in",
            is_signature_alone,
        )?;
    }

    // Nobody is so fast in life: the first scan wins by the gates' own clocks, which agree only as
    // closely as the way to the server let them.
    tokio::time::sleep(APART.saturating_sub(shown.elapsed())).await;
    south
        .show(
            stage,
            "a copy of Ana's first; this gate cannot know",
            ana,
            Admitted,
        )
        .await?;
    Ok(())
}
