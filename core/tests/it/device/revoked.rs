//! A device that the organiser revoked, or that somebody pretends was.

use super::http::Fault;
use super::venue::venue;
use super::world::{code, ticket_id};
use bilten_core::checkin::Direction;
use bilten_core::gate::GateError;

/// covers: SCAN-5
#[tokio::test]
async fn a_revoked_device_hands_over_its_scans_and_forgets_everything() {
    let venue = venue(5).await;
    venue.gate.sync().await.unwrap();
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    let device = venue.gate.status().unwrap().pairing.unwrap().device;
    venue.handle.lock().revoked = Some((device, true));
    let report = venue.gate.sync().await.unwrap();
    assert!(report.wiped, "{report:?}");
    assert_eq!(venue.handle.lock().server.scans.len(), 1);
    let status = venue.gate.status().unwrap();
    assert!(status.wiped_at.is_some() && status.pairing.is_none() && status.tickets == 0);
    let scan = venue
        .gate
        .scan_text(&code(2), Direction::Entry)
        .unwrap_err();
    assert_eq!(scan, GateError::SetUp { code: "not_paired" });
    let text = std::fs::read(venue.folder.path().join("gate.db")).unwrap();
    assert!(
        !text
            .windows(16)
            .any(|bytes| bytes == ticket_id(2).as_bytes())
    );
    // It may be used again.
    venue.handle.lock().revoked = None;
    venue
        .gate
        .pair(&venue.handle.link(), "Phone")
        .await
        .unwrap();
}

/// covers: SCAN-5
#[tokio::test]
async fn a_revoked_device_whose_last_push_is_not_taken_forgets_everything_nevertheless() {
    let venue = venue(5).await;
    venue.gate.sync().await.unwrap();
    venue.gate.scan_text(&code(1), Direction::Entry).unwrap();
    let device = venue.gate.status().unwrap().pairing.unwrap().device;
    venue.handle.lock().revoked = Some((device, true));
    venue
        .handle
        .fault("redemptions", Fault::Status(503, "busy", Some(60)));
    // The push of the old session fails with 503, the order comes with the pull's new session.
    venue
        .handle
        .fault("redemptions", Fault::Status(503, "busy", Some(60)));
    let report = venue.gate.sync().await.unwrap();
    assert!(!report.wiped);
    let status = venue.gate.status().unwrap();
    assert!(status.revoked_at.is_some() && status.outbox == 1);
    assert_eq!(
        venue
            .gate
            .scan_text(&code(2), Direction::Entry)
            .unwrap_err(),
        GateError::Revoked
    );
    venue.handle.fault(
        "redemptions",
        Fault::Status(403, "access.device_revoked", None),
    );
    assert!(venue.gate.sync().await.unwrap().wiped);
}

/// covers: SCAN-5
#[tokio::test]
async fn an_order_to_wipe_that_the_organiser_did_not_sign_is_not_obeyed() {
    let venue = venue(5).await;
    let device = venue.gate.status().unwrap().pairing.unwrap().device;
    venue.handle.lock().revoked = Some((device, false));
    let report = venue.gate.sync().await.unwrap();
    assert_eq!(report.pull_problem.unwrap().code, "forged_wipe");
    assert!(!report.wiped && venue.gate.status().unwrap().pairing.is_some());
}
