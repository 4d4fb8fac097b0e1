//! `meetsync plan` as scripts and people rely on it: it writes nothing, its hash is the world's, its keys are fixed.

use std::collections::BTreeSet;

use meetsync::demo::sample::scenes;
use meetsync::plan::Plan;
use serde_json::Value;

use crate::support::stage::Stage;

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("a map").keys().map(String::as_str).collect()
}

/// The sessions of a plan: of its changes, refusals and waits.
fn sessions_in(plan: &Value) -> BTreeSet<i64> {
    ["changes", "refusals", "waits"]
        .iter()
        .flat_map(|list| plan[*list].as_array().unwrap())
        .filter_map(|line| line["session"].as_i64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_writes_nothing_anywhere_and_the_same_world_has_the_same_hash() {
    let stage = Stage::with_week().await;
    let before = stage.digests().await;
    let first = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    let second = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    let text = stage.meetsync(&["plan"]).await.expect(2);
    let resend = stage.meetsync(&["plan", "--json", "--slides-only"]).await.expect(2).json();
    assert_eq!(first["hash"], second["hash"]);
    assert_ne!(first["hash"], resend["hash"]);
    assert!(
        text.stdout.contains(&format!("--plan {}", &first["hash"].as_str().unwrap()[..12])),
        "a plan can be approved from its text"
    );
    assert_eq!(stage.digests().await, before);
    assert_eq!(stage.standin.counts().writes(), 0);

    let meeting = scenes::add_deck(scenes::LIVE, "Late news");
    stage.database.run(&meeting.sql).await;
    let edited = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    assert_ne!(edited["hash"], first["hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_round_trips_and_no_key_is_ever_missing() {
    let stage = Stage::with_week().await;
    let text = stage.meetsync(&["plan", "--json"]).await.expect(2).stdout;
    let plan: Plan = serde_json::from_str(&text).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&plan).unwrap(), value);
    assert_eq!(
        keys(&value),
        BTreeSet::from(["version", "as_of", "hash", "summary", "changes", "refusals", "waits", "in_step"])
    );
    assert_eq!(
        keys(&value["summary"]),
        BTreeSet::from([
            "sessions",
            "in_window",
            "in_step",
            "to_change",
            "in_doubt",
            "held",
            "refused",
            "requests"
        ])
    );
    let mut shapes = BTreeSet::new();
    for change in value["changes"].as_array().unwrap() {
        shapes.insert(keys(change));
        for operation in change["operations"].as_array().unwrap() {
            assert!(keys(operation).is_superset(&BTreeSet::from(["op", "requests"])), "{operation}");
            if operation["op"] == "create_room" {
                let room = BTreeSet::from(["room_id", "description", "start", "duration_min"]);
                assert_eq!(keys(&operation["room"]), room);
            }
        }
    }
    let asked = BTreeSet::from(["subject", "session", "group", "reason", "operations"]);
    assert!(shapes.iter().all(|shape| shape.is_superset(&asked)), "{shapes:?}");
    for wait in value["waits"].as_array().unwrap() {
        assert!(keys(wait).is_superset(&BTreeSet::from(["subject", "reason", "until"])), "{wait}");
    }
    for refusal in value["refusals"].as_array().unwrap() {
        assert!(keys(refusal).is_superset(&BTreeSet::from(["subject", "rule", "detail", "way_on"])));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_or_within_a_kind_and_and_between_kinds() {
    let stage = Stage::with_week().await;
    let plan = async |arguments: &[&str]| {
        let ended = stage.meetsync(&[&["plan", "--json", "--offline"], arguments].concat()).await;
        assert!(matches!(ended.status, 0 | 2), "{ended:?}");
        sessions_in(&ended.json())
    };
    assert_eq!(plan(&["--session", "36001", "--session", "36101"]).await, [36001, 36101].into());
    let pasted = "https://meetings.conf.meetecho.com/interim/?session=36101";
    assert_eq!(plan(&["--session", pasted]).await, [36101].into());
    let page = "https://datatracker.ietf.org/meeting/127/session/36001/materials";
    assert_eq!(plan(&["--session", page]).await, [36001].into());
    let quic_or_moq = plan(&["--group", "quic", "--group", "moq"]).await;
    assert_eq!(quic_or_moq, [36002, 36014, 36101].into());
    assert_eq!(plan(&["--group", "moq", "--meeting", "127"]).await, [36014].into());
    assert_eq!(plan(&["--session", "36001", "--group", "moq"]).await, [].into());
    let rooms = stage.meetsync(&["plan", "--json", "--rooms-only"]).await.expect(2).json();
    let is_room = |line: &Value| line["subject"].as_str().is_none_or(|subject| subject.ends_with("/room"));
    assert!(rooms["changes"].as_array().unwrap().iter().all(is_room));
    assert!(rooms["waits"].as_array().unwrap().iter().all(is_room), "{:#}", rooms["waits"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_an_error_that_names_it() {
    let stage = Stage::with_week().await;
    for command in ["plan", "sessions", "resync", "rooms", "push"] {
        for (kind, name) in [("--session", "99999"), ("--group", "nosuch"), ("--meeting", "999")] {
            let ended = stage.meetsync(&[command, kind, name]).await.expect(1);
            assert_eq!(ended.notes().len(), 1, "{ended:?}");
            assert!(ended.stderr.contains(name) && ended.stdout.is_empty(), "{ended:?}");
        }
    }
    assert_eq!(stage.standin.counts().writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_makes_no_request_at_all() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["plan", "--offline"]).await.expect(2);
    assert_eq!(stage.requests(), 0);
    stage.meetsync(&["check", "--offline"]).await;
    assert_eq!(stage.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_plan_is_carried_out_only_as_it_was() {
    let stage = Stage::with_week().await;
    let hash =
        stage.meetsync(&["plan", "--json"]).await.expect(2).json()["hash"].as_str().unwrap().to_owned();
    stage.database.run(&scenes::revise_deck(scenes::LIVE, 2).sql).await;
    let before = stage.digests().await;
    let refused = stage.meetsync(&["resync", "--plan", &hash]).await.expect(3);
    let now = stage.meetsync(&["plan", "--json"]).await.expect(2).json()["hash"].as_str().unwrap().to_owned();
    assert!(refused.stderr.contains(&hash) && refused.stderr.contains(&now), "{refused:?}");
    assert_eq!(stage.standin.counts().writes(), 0);
    assert_eq!(stage.digests().await, before);
    let refused = stage.meetsync(&["resync", "--json", "--plan", &hash]).await.expect(3).json();
    assert_eq!((&refused["hash"], &refused["results"]), (&now.clone().into(), &serde_json::json!([])));
    stage.meetsync(&["resync", "--plan", &now]).await.expect(0);
    stage.expect_in_step().await;
}
