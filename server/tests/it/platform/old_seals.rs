//! A database from before there were data keys: its secrets open, and are sealed again.

use std::time::Duration;

use bilten_kernel::clock::{Clock, SystemClock};
use bilten_kernel::db::Migration;
use bilten_kernel::random::OsRandom;
use bilten_kernel::{on_both_engines, sql, vals};
use bilten_server::app::{App, Post};
use bilten_server::config::{Config, DEFAULTS};
use bilten_server::{MIGRATIONS, platform, server};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::app::vault;

/// HMAC-SHA256 over parts with their lengths, as it was and is.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap().to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Sealed by the master key itself, as before the envelope.
fn old_seal(purpose: &str, secret: &[u8], nonce: [u8; 24]) -> Vec<u8> {
    let key = mac(&[0x5a; 32], &[b"bilten derive v1", b"seal"]);
    let payload = Payload {
        msg: secret,
        aad: purpose.as_bytes(),
    };
    let sealed = XChaCha20Poly1305::new(&key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .unwrap();
    [&nonce[..], &sealed].concat()
}

on_both_engines! {
    /// covers: BE-8, DB-5
    async fn secrets_from_before_the_envelope_open_and_are_sealed_again(db: TestDb) {
        let before: Vec<Migration> = MIGRATIONS.iter().filter(|m| m.version <= 100).copied().collect();
        let now = SystemClock.now();
        db.db().migrate(&[bilten_kernel::MIGRATIONS, &before], now).await.unwrap();
        // One whose nonce begins like the text of a data key.
        let nonces = [[9; 24], [1, 0, 0, 0, 2, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24], [1; 24]];
        let sealed = nonces.map(|nonce| old_seal("event key evt_old", b"the secret", nonce));
        let rows = sealed.clone();
        db.write(move |c| Box::pin(async move {
            c.exec(sql!("INSERT INTO organisations (id, slug, name, created_at) VALUES ('org_old', 'old', 'Old', 1)"), vals![]).await?;
            c.exec(sql!(
                "INSERT INTO events (id, organisation_id, slug, name, description, state, time_zone, currency, venue_name, \
                 venue_address, version, created_at, updated_at) \
                 VALUES ('evt_old', 'org_old', 'old', 'Old', '', 'draft', 'UTC', 'EUR', '', '', 1, 1, 1)"
            ), vals![]).await?;
            for (n, sealed) in (0u8..).zip(rows) {
                c.exec(sql!(
                    "INSERT INTO event_keys (event_id, key_id, public_key, sealed_secret, valid_from, valid_until, created_at) \
                     VALUES ('evt_old', $1, $2, $3, 0, 1, 1)"
                ), vals![format!("key{n}"), [n; 32], sealed]).await?;
            }
            Ok::<_, bilten_kernel::db::DbError>(())
        })).await.unwrap();
        db.migrate(&[bilten_kernel::MIGRATIONS, MIGRATIONS], now).await.unwrap();

        let config: Config = bilten_kernel::config::load(None, DEFAULTS, std::iter::empty()).unwrap();
        let vault = vault(&db, now).await;
        // Tokens that people have keep their worth.
        let old_mac = mac(&[0x5a; 32], &[b"bilten derive v1", b"mac"]);
        assert_eq!(vault.mac("order token", &[b"ord_1"]), mac(&old_mac, &[b"order token", b"ord_1"]));
        for sealed in &sealed {
            assert_eq!(vault.open("event key evt_old", sealed).unwrap(), b"the secret");
            assert!(vault.open("event key evt_new", sealed).is_err());
        }
        let post = Post::new(&config, server::outside(&config)).unwrap();
        let app = App::new(db.db(), std::sync::Arc::new(SystemClock), std::sync::Arc::new(OsRandom), config, vault, post);
        // The second looks like what the active key has sealed; the next rotation takes it along.
        assert_eq!(platform::reseal(&app, Duration::MAX).await.unwrap().moved, 2);
        platform::rotate_keys(&app, "usr_1", Duration::ZERO).await.unwrap();
        let done = platform::reseal(&app, Duration::MAX).await.unwrap();
        assert_eq!((done.moved, done.is_done), (3, true));
        assert_eq!(platform::check_sealed(&app).await.unwrap(), (3, 0));
        let stored: Vec<Vec<u8>> = app.db.scalars(sql!("SELECT sealed_secret FROM event_keys"), vals![]).await.unwrap();
        assert!(stored.iter().all(|text| !sealed.contains(text)));
    }
}
