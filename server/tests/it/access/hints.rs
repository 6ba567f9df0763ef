//! Hints.

use std::time::Duration;

use bilten_kernel::on_both_engines;

use super::{Device, buy};
use crate::app::TestApp;

on_both_engines! {
    /// covers: SCAN-4
    async fn news_wakes_a_device_until_it_is_revoked(db: TestDb) {
        let t = TestApp::start(db).await;
        let event = t.event(&[("Standing", 2500, 10)]).await;
        let device = Device::pair(&t, &event, 1).await;
        let mut hints = device.sync.hints(&device.session.token).await.unwrap();
        let soon = Duration::from_secs(2);
        let first = tokio::time::timeout(soon, hints.next()).await.unwrap().unwrap().unwrap();
        let page = device.page(&t, None).await;
        assert_eq!(page.header().to, first);
        buy(&t, &event, 3, "k").await;
        let second = tokio::time::timeout(soon, hints.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(second, first + 3);
        t.organiser.delete(&format!("/api/v1/devices/{}", device.paired.device)).await.expect(204);
        let end = tokio::time::timeout(Duration::from_secs(8), hints.next()).await.unwrap().unwrap();
        assert_eq!(end, None);
        // Whoever still listens does not hold up a server that stops.
        let other = Device::pair(&t, &event, 2).await;
        let mut hints = other.sync.hints(&other.session.token).await.unwrap();
        hints.next().await.unwrap().unwrap();
        tokio::time::timeout(Duration::from_secs(10), t.stop()).await.unwrap();
    }
}
