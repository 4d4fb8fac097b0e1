//! What is typed wrong is one line on stderr and 64; what needs no settings needs none.

use std::process::Stdio;

use crate::support::TestDatabase;
use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_one_line_and_64() {
    for arguments in [
        &["nosuch"][..],
        &["plan", "--nosuch"],
        &["plan", "--slides-only", "--rooms-only"],
        &["resync", "--slides-only", "--rooms-only"],
        &["plan", "--session"],
        &["plan", "--session", "mars"],
        &["plan", "--session", "https://example.org/nothing"],
        &["plan", "extra"],
        &["export"],
        &["rooms", "create"],
        &["rooms", "create", "--json", "1"],
        &["grants"],
        &["completions"],
        &["completions", "nosuch"],
        &["--log-format", "xml", "plan"],
        &["resync", "--plan"],
    ] {
        let ended = Stage::without_settings(arguments).await.expect(64);
        assert_eq!((ended.notes().len(), ended.stdout.as_str()), (1, ""), "{arguments:?} {ended:?}");
    }
    Stage::without_settings(&[]).await.expect(64);
}

#[tokio::test(flavor = "multi_thread")]
async fn help_completions_manual_and_grants_need_nothing() {
    for (arguments, word) in [
        (&["--help"][..], "Usage"),
        (&["--version"], "meetsync"),
        (&["plan", "--help"], "--offline"),
        (&["completions", "bash"], "_meetsync"),
        (&["completions", "zsh"], "meetsync"),
        (&["completions", "fish"], "meetsync"),
        (&["man"], ".TH meetsync"),
        (&["grants", "somebody"], "GRANT"),
    ] {
        let ended = Stage::without_settings(arguments).await.expect(0);
        assert!(ended.stdout.contains(word) && ended.stderr.is_empty(), "{arguments:?} {ended:?}");
    }
}

/// Where logs are read by a machine, so is the reason why there are none.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_command_is_said_in_the_form_of_the_log() {
    let mut stage = Stage::with_week().await;
    let message = |stderr: &str| -> String {
        let lines: Vec<serde_json::Value> =
            stderr.lines().map(|line| serde_json::from_str(line).expect(stderr)).collect();
        assert_eq!((lines.len(), &lines[0]["level"]), (1, &serde_json::json!("ERROR")), "{stderr}");
        lines[0]["fields"]["message"].as_str().expect(stderr).to_owned()
    };
    let ended = stage.meetsync(&["--log-format", "json", "push", "99999"]).await.expect(1);
    assert!(message(&ended.stderr).contains("99999"), "{ended:?}");
    let silent = [("MEETSYNC__LOG__FORMAT", "json"), ("MEETSYNC__LOG__FILTER", "off")];
    let ended = stage.meetsync_with(&["push", "99999"], &silent).await.expect(1);
    assert!(message(&ended.stderr).contains("99999"), "{ended:?}");
    let ended = stage.meetsync_with(&["push", "99999"], &[]).await.expect(1);
    assert!(ended.stderr.starts_with("meetsync: "), "{ended:?}");

    // Before the settings are known, and where they are wrong.
    let ended = Stage::without_settings(&["--log-format", "json", "run"]).await.expect(1);
    assert!(message(&ended.stderr).contains("meetsync.toml"), "{ended:?}");
    stage.add_settings("[log]\nformat = \"json\"\n[http]\nlisten = 7\n");
    let ended = stage.meetsync(&["run"]).await.expect(1);
    assert!(message(&ended.stderr).contains("listen"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_is_no_error() {
    let stage = Stage::with_week().await;
    for arguments in [&["sessions", "--json"][..], &["plan"], &["completions", "bash"]] {
        let mut command = stage.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !said.contains("panicked") && matches!(output.status.code(), Some(0 | 2)),
            "{arguments:?} {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_file_is_found_where_it_should_be() {
    let stage = Stage::with_week().await;
    let config = stage.config().to_str().unwrap().to_owned();
    let run = async |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_meetsync"));
        command.env_clear().envs(variables.iter().copied()).current_dir("/").args(arguments);
        command.output().await.unwrap().status.code()
    };
    assert_eq!(run(&["sessions"], &[]).await, Some(1));
    assert_eq!(run(&["sessions"], &[("MEETSYNC_CONFIG", &config)]).await, Some(0));
    assert_eq!(run(&["sessions", "--config", &config], &[("MEETSYNC_CONFIG", "/nowhere")]).await, Some(0));
}

/// Else a command that is copied would read other settings, or none.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_named_has_the_settings_that_were_named() {
    let stage = Stage::not_migrated(TestDatabase::with_week().await).await;
    let named = stage.path().join("the settings.toml");
    std::fs::copy(stage.config(), &named).unwrap();
    let named = named.to_str().unwrap();
    let ended = stage.meetsync(&["--config", named, "status"]).await.expect(1);
    assert!(ended.stderr.contains(&format!("run `meetsync --config '{named}' migrate`")), "{ended:?}");
    // Where the environment names them, whoever copies it has that, too.
    let ended = stage.meetsync(&["status"]).await.expect(1);
    assert!(ended.stderr.contains("run `meetsync migrate`"), "{ended:?}");

    // It is a command that can be copied.
    stage.meetsync(&["migrate"]).await.expect(0);
    let planned = stage.meetsync(&["--config", named, "plan", "--session", "36001"]).await.expect(2);
    let command = planned.stdout.lines().find_map(|line| line.split_once("To do this: meetsync ")).unwrap().1;
    let line = format!("{} {command}", env!("CARGO_BIN_EXE_meetsync"));
    let shell = tokio::process::Command::new("sh").env_clear().args(["-c", &line]).output().await.unwrap();
    assert_eq!(shell.status.code(), Some(0), "{line}: {shell:?}");
    assert!(!stage.standin.decks_of(meetsync::demo::sample::scenes::LIVE).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_hash_is_a_bad_argument_and_not_another_plan() {
    for hash in ["zzzzzzzz", "0000", ""] {
        let refused = Stage::without_settings(&["resync", "--plan", hash]).await.expect(64);
        assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
    }
}
