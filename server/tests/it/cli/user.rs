//! `bilten user create`: how an installation gets its first owner.

use bilten_kernel::{on_both_engines, sql, vals};

use super::{Ended, bilten, finish_with};

on_both_engines! {
    /// covers: AUTH-1
    async fn an_installation_gets_its_first_owner(db: TestDb) {
        let folder = tempfile::tempdir().unwrap();
        let (url, path) = (db.config().url.clone(), folder.path().to_owned());
        let is_sqlite = db.engine() == "sqlite";
        if is_sqlite {
            // A command has the file to itself.
            db.db().close().await;
        }
        let run = move |arguments: &[&str], input: &str| -> Ended {
            let mut command = bilten(&path);
            command.args(["--database-url", &url]).args(arguments);
            tokio::task::block_in_place(|| finish_with(&mut command, input.as_bytes()))
        };
        let user = |email: &str, more: &[&str], input: &str| {
            let known = ["user", "create", "--email", email, "--name", "Ana Novak"];
            run(&[&known, more].concat(), input)
        };
        assert_eq!(run(&["organisation", "create", "Kino"], "").code, Some(0));
        let owner = ["--organisation", "kino", "--role", "owner", "--verified"];
        let made = user("ana@example.com", &owner, "");
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let (id, link) = made.stdout.trim().split_once('\n').unwrap();
        assert!(id.starts_with("usr_") && link.contains("/reset?token=biltenot_"), "{}", made.stdout);
        let typed = user("bor@example.com", &["--verified", "--password-stdin"], "lantern orbit 42 teapot\n");
        assert_eq!(typed.code, Some(0), "{}", typed.stderr);
        assert_eq!(typed.stdout.lines().count(), 1);
        let mailed = user("cene@example.com", &[], "");
        assert_eq!(mailed.code, Some(0), "{}", mailed.stderr);
        assert_eq!(mailed.stdout.lines().count(), 1, "the link goes to the address only");

        for (email, more, input, code) in [
            ("ANA@example.com", &owner as &[_], "", "identity.email_taken"),
            ("ana", &owner, "", "invalid"),
            ("dana@example.com", &["--verified", "--password-stdin"], "short", "invalid"),
            ("dana@example.com", &["--verified", "--password-stdin"], "", "invalid"),
            ("dana@example.com", &["--organisation", "kino", "--role", "king"], "", "identity.role_unknown"),
            ("dana@example.com", &["--organisation", "nobody", "--role", "owner"], "", "identity.not_found"),
        ] {
            let refused = user(email, more, input);
            assert_eq!(refused.code, Some(1), "{email} {more:?}");
            assert!(refused.stderr.starts_with(&format!("bilten: {code}: ")), "{}", refused.stderr);
        }
        for more in [&["--password-stdin"] as &[_], &["--organisation", "kino"], &["--role", "owner"]] {
            assert_eq!(user("dana@example.com", more, "").code, Some(2), "{more:?}");
        }
        if !is_sqlite {
            let count: i64 = db.scalar(sql!("SELECT COUNT(*) FROM users"), vals![]).await.unwrap();
            assert_eq!(count, 3);
            let members: i64 = db.scalar(sql!("SELECT COUNT(*) FROM members WHERE role = 'owner'"), vals![]).await.unwrap();
            assert_eq!(members, 1);
        }
    }
}
