//! `meetsync check`, and the role that `grants` makes: enough for everything, and for nothing else.

use crate::support::running::Running;
use crate::support::stage::Stage;

/// A stage whose settings connect as a role made from `grants`; `options` go to `grants`.
async fn as_role(role: &str, options: &[&str]) -> Stage {
    let mut stage = Stage::not_migrated(crate::support::TestDatabase::with_week().await).await;
    let grants = Stage::without_settings(&[&["grants", role], options].concat()).await.expect(0);
    assert_eq!(grants.stderr, "");
    stage.database.run(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")).await;
    stage.database.run(&grants.stdout).await;
    let (superuser, url) = (stage.database.url(), stage.database.url_as(role));
    stage.change_settings(&superuser, &url);
    stage.change_settings("allow_wide_role = true", "allow_wide_role = false");
    stage
}

async fn let_go(stage: Stage, role: &str) {
    stage.database.run(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_from_grants_passes_and_is_enough_for_everything() {
    let stage = as_role("check_enough", &[]).await;
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(checked.stdout.contains("meetsync migrate"), "the ledger is all that is missing: {checked:?}");
    stage.meetsync(&["migrate"]).await.expect(0);
    let checked = stage.meetsync(&["check"]).await.expect(0);
    assert!(!checked.stdout.contains("fails") && checked.stdout.contains("can read no table of persons"));
    stage.meetsync(&["plan"]).await.expect(2);
    let ended = stage.meetsync(&["resync"]).await.expect(0);
    assert!(!ended.stderr.contains("more than meetsync needs"), "no warning of a wide role: {ended:?}");
    stage.expect_in_step().await;
    stage.meetsync(&["push", "36001"]).await.expect(0);
    stage.meetsync(&["rooms"]).await.expect(0);
    stage.meetsync(&["export", "world.json"]).await.expect(0);
    let_go(stage, "check_enough").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_can_read_persons_is_refused_unless_that_is_allowed() {
    let mut stage = as_role("check_wide", &[]).await;
    stage.meetsync(&["migrate"]).await.expect(0);
    for (grant, table) in
        [("SELECT (name) ON person_person", "person_person"), ("SELECT ON auth_user", "auth_user")]
    {
        stage.database.run(&format!("GRANT {grant} TO check_wide")).await;
        let checked = stage.meetsync(&["check"]).await.expect(1);
        assert!(checked.stdout.contains(table) && checked.stdout.contains("allow_wide_role"), "{checked:?}");
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(0);
        let warned = ended.stderr.lines().filter(|line| line.contains("more than meetsync needs")).count();
        assert_eq!(warned, 1, "resync warns once: {ended:?}");
    }
    stage.change_settings("allow_wide_role = false", "allow_wide_role = true");
    let checked = stage.meetsync(&["check"]).await.expect(0);
    assert!(checked.stdout.contains("auth_user"), "{checked:?}");
    let_go(stage, "check_wide").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_write_back_no_update_is_needed() {
    let mut stage = as_role("check_reader", &["--no-write-back"]).await;
    stage.meetsync(&["migrate"]).await.expect(0);
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(checked.stdout.contains("write_back = false"), "{checked:?}");
    stage.change_settings("[scope]", "write_back = false\n[scope]");
    stage.meetsync(&["check"]).await.expect(0);
    stage.meetsync(&["resync"]).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 12);
    let links = stage
        .database
        .texts("SELECT id FROM meeting_session WHERE remote_instructions LIKE '%meetecho%'")
        .await;
    assert_eq!(links, Vec::<String>::new());
    let again = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!(again["changes"], serde_json::json!([]), "{again:#}");
    let_go(stage, "check_reader").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_looked_at_even_after_one_failed() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("canary-secret-5f1c", "wrong");
    stage.database.run("ALTER TABLE meeting_session DROP COLUMN name CASCADE").await;
    let checked = stage.meetsync(&["check"]).await.expect(1);
    for words in ["meeting_session.name", "superuser", "credentials_rejected", "links", "ledger"] {
        assert!(checked.stdout.contains(words), "{words}: {checked:?}");
    }
    assert_eq!(stage.standin.counts().writes(), 0);
    assert!(stage.standin.counts().tokens <= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_the_scope_that_nobody_bears_is_told_and_one_that_somebody_bears_is_not() {
    let mut stage = Stage::with_week().await;
    let settings = |groups: &str, meetings: &str| {
        format!("mode = \"act\"\ngroups = [{groups}]\nmeetings = [{meetings}]\n")
    };
    stage.change_settings("mode = \"act\"\n", &settings("\"quic\"", "\"127\""));
    let checked = stage.meetsync(&["check"]).await.expect(0);
    assert!(!checked.stdout.contains("warns"), "{checked:?}");
    stage.change_settings(
        &settings("\"quic\"", "\"127\""),
        &settings("\"quik\", \"quic\"", "\"12\", \"127\""),
    );
    let checked = stage.meetsync(&["check"]).await.expect(0);
    let warned: Vec<&str> = checked.stdout.lines().filter(|line| line.starts_with("! warns")).collect();
    assert_eq!(warned.len(), 1, "{checked:?}");
    assert!(
        warned[0].contains("quik") && warned[0].contains("12") && !warned[0].contains("quic"),
        "{warned:?}"
    );
    let worker = Running::start(&stage);
    worker.says("quik", 1).await;
    let said = worker.stop().await.expect(0).stderr;
    assert_eq!(said.matches("scope.groups").count(), 1, "{said}");
}
