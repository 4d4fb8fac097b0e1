//! `push`, and `rooms create | delete | relink`: what a person may do by hand, and what not even a person may.

use meetsync::demo::sample::scenes;
use meetsync::model::SessionId;

use crate::support::stage::{Ended, Stage};

async fn in_step() -> Stage {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage
}

/// One sentence on stderr that says this.
fn expect_sentence(ended: &Ended, words: &str) {
    assert!(ended.notes().len() == 1 && ended.stderr.contains(words), "{words}: {ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_sends_the_whole_list_each_time() {
    let stage = in_step().await;
    stage.standin.clear_log();
    for times in 1..=2 {
        let ended = stage.meetsync(&["push", "36001"]).await.expect(0);
        assert!(!ended.stderr.contains("ignore"), "{ended:?}");
        assert_eq!((stage.standin.counts().set_decks, stage.standin.counts().writes()), (times, times));
    }
    let ended = stage.meetsync(&["push", "--json", "--group", "quic", "--group", "tls"]).await.expect(64);
    assert!(ended.stderr.contains("outside of its notify window"), "the interim of tls: {ended:?}");
    let ended =
        stage.meetsync(&["push", "--json", "--group", "quic", "--session", "36002"]).await.expect(0).json();
    assert_eq!(ended["results"][0]["outcome"], "applied");
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_of_the_window_a_push_needs_a_reason_and_says_what_meetecho_makes_of_it() {
    let stage = in_step().await;
    let later = scenes::LATER;
    stage.standin.clear_log();
    for arguments in [&["push", "36014"][..], &["push", "36014", "--reason", "  "]] {
        let ended = stage.meetsync(arguments).await.expect(64);
        expect_sentence(&ended, "--reason");
    }
    assert_eq!(stage.standin.counts().writes(), 0);
    let ended = stage.meetsync(&["push", "36014", "--reason", "the speakers rehearse"]).await.expect(0);
    expect_sentence(&ended, "Meetecho ignores lists before its own window");
    assert_eq!(stage.standin.decks_of(later).len(), 5);
    let reasons = stage.database.texts("SELECT reason FROM meetsync.attempt WHERE session = 36014").await;
    assert!(reasons.iter().any(|reason| reason.contains("the speakers rehearse")), "{reasons:?}");
    let ended = stage.meetsync(&["push", "36043", "--reason", "x"]).await.expect(0);
    expect_sentence(&ended, "is not scheduled");
}

/// Nobody looks at a plan for half a minute without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_says_at_once_whom_it_waits_for() {
    let stage = Stage::with_week().await;
    let leased = "INSERT INTO meetsync.lease (session, provider, owner, token, until)
                  VALUES (36001, 'meetecho', 'run@two/9', gen_random_uuid(), clock_timestamp() + interval '2 s')";
    stage.database.run(leased).await;
    let ended = stage.meetsync(&["push", "36001"]).await.expect(0);
    expect_sentence(&ended, "meetsync: run@two/9 works on session 36001; waiting for it until ");
    assert!(ended.stderr.ends_with(" UTC at most\n"), "{ended:?}");
    let alone = stage.meetsync(&["push", "36001"]).await.expect(0);
    assert_eq!(alone.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_a_resync_and_not_a_push() {
    let stage = Stage::with_week().await;
    let statement = "INSERT INTO meetsync.hold (session, until, by_whom, reason, since)
                VALUES (NULL, now() + interval '1 h', 'someone', 'wait', now())";
    stage.database.run(statement).await;
    let held = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!((&held["changes"], held["summary"]["held"] != 0), (&serde_json::json!([]), true));
    assert_eq!(stage.standin.counts().writes(), 0);
    stage.meetsync(&["push", "36001"]).await.expect(0);
    assert_eq!(stage.standin.counts().writes(), 1);
    stage.meetsync(&["rooms", "create", "36101"]).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pushed_is_said() {
    let stage = Stage::with_week().await;
    for (arguments, status) in [
        (&["push"][..], 64),
        (&["push", "mars"], 64),
        (&["push", "36001", "--rooms-only"], 64),
        (&["push", "99999"], 1),
        (&["push", "36001", "99999"], 1),
    ] {
        let ended = stage.meetsync(arguments).await.expect(status);
        expect_sentence(&ended, "meetsync: ");
    }
    for cancelled_or_moved in ["36042", "36044"] {
        for reason in [&[][..], &["--reason", "x"]] {
            let push = [&["push", cancelled_or_moved], reason].concat();
            let ended = stage.meetsync(&push).await.expect(1);
            expect_sentence(&ended, "meetsync: nothing was sent; session ");
            assert!(ended.stderr.contains("not even by hand"), "{ended:?}");
        }
    }
    assert_eq!(stage.standin.counts().writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_outside_of_the_scope_says_so_and_is_no_success() {
    let mut stage = Stage::with_week().await;
    let group = |id: &str| {
        format!(
            "SELECT acronym FROM group_group g JOIN meeting_session s ON s.group_id = g.id WHERE s.id = {id}"
        )
    };
    let [inside, outside] = [
        stage.database.texts(&group("36001")).await.remove(0),
        stage.database.texts(&group("36003")).await.remove(0),
    ];
    assert_ne!(inside, outside);
    stage.change_settings("[scope]\n", &format!("[scope]\ngroups = [\"{inside}\"]\n"));
    for reason in [&[][..], &["--reason", "x"]] {
        let ended = stage.meetsync(&[&["push", "36003"], reason].concat()).await.expect(1);
        expect_sentence(&ended, "meetsync: nothing was sent; session 36003 gets no slides: ");
        for words in [&format!("{outside} of meeting 127"), "out_of_scope", "scope.groups"] {
            assert!(ended.stderr.contains(words), "{words}: {ended:?}");
        }
    }
    assert_eq!(stage.standin.counts().writes(), 0);
    // Whoever is named with it has its slides.
    let ended = stage.meetsync(&["push", "36001", "36003"]).await.expect(0);
    assert!(ended.stderr.contains("meetsync: session 36003 gets no slides: "), "{ended:?}");
    assert_eq!(stage.standin.sessions_with_decks(), [scenes::LIVE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_made_deleted_and_linked_by_hand() {
    let stage = Stage::with_week().await;
    let link = async || {
        stage
            .database
            .texts("SELECT remote_instructions FROM meeting_session WHERE id = 36101")
            .await
            .remove(0)
    };
    let ids = || stage.standin.rooms().iter().map(|made| made.room.room_id).collect::<Vec<_>>();
    stage.meetsync(&["rooms", "create", "36101"]).await.expect(0);
    assert_eq!(ids(), [36101]);
    let url = stage.standin.rooms()[0].room.url.clone();
    assert_eq!(link().await, url);
    let again = stage.meetsync(&["rooms", "create", "36101"]).await.expect(0);
    assert!(again.stderr.contains("the room is there"), "{again:?}");

    stage.database.run(&scenes::blank_link(scenes::INTERIM).sql).await;
    stage.meetsync(&["rooms", "relink", &url]).await.expect(0);
    assert_eq!(link().await, url);

    let ended = stage.meetsync(&["rooms", "delete", "36101"]).await.expect(64);
    expect_sentence(&ended, "--yes");
    assert_eq!(ids(), [36101]);
    stage.meetsync(&["rooms", "delete", &url, "--yes"]).await.expect(0);
    assert_eq!(ids(), Vec::<i64>::new());
    let gone = stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await.expect(1);
    expect_sentence(&gone, "no room of session 36101");
    stage.meetsync(&["resync"]).await.expect(0);
    stage.expect_in_step().await;

    // Beside a worker it would be back within seconds.
    let worker = "INSERT INTO meetsync.replica VALUES ('run@one/7', '0', now(), now(), 'answers', 600000)";
    stage.database.run(worker).await;
    let beside = stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await.expect(0);
    assert!(beside.stderr.contains("run@one/7 will make it again"), "{beside:?}");
    assert!(beside.stderr.contains("meetsync hold 36101 --until TIME --reason TEXT"), "{beside:?}");
    stage.meetsync(&["rooms", "create", "36101"]).await.expect(0);
    stage.meetsync(&["hold", "36101", "--until", "1h", "--reason", "not wanted"]).await.expect(0);
    let held = stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await;
    assert!(!held.stderr.contains("will make it again"), "{held:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_words_stay_whatever_is_asked() {
    let stage = in_step().await;
    let before = stage.digests().await;
    for arguments in
        [&["rooms", "relink", "36112"][..], &["rooms", "create", "36112"], &["rooms", "create", "36001"]]
    {
        let ended = stage.meetsync(arguments).await.expect(1);
        expect_sentence(&ended, "meetsync: ");
    }
    for (arguments, status) in [
        (&["rooms", "create", "99999"][..], 1),
        (&["rooms", "delete", "99999", "--yes"], 1),
        (&["rooms", "delete", "https://meetings.conf.meetecho.com/interim/?short=nowhere", "--yes"], 1),
        (&["rooms", "delete", "mars", "--yes"], 64),
        (&["rooms", "relink", "mars"], 64),
    ] {
        let ended = stage.meetsync(arguments).await.expect(status);
        expect_sentence(&ended, "meetsync: ");
    }
    assert_eq!(stage.digests().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_room_and_the_guard_stop_a_deletion_by_hand() {
    let mut stage = Stage::with_week().await;
    let now = "UPDATE meeting_timeslot t SET time = now() - interval '5 min'
               FROM meeting_schedtimesessassignment a WHERE a.timeslot_id = t.id AND a.session_id = 36101";
    stage.database.run(now).await;
    stage.meetsync(&["resync"]).await.expect(0);
    let ended = stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await.expect(3);
    expect_sentence(&ended, "guard_room_in_progress");
    stage.change_settings("max_creates = 50\n", "max_creates = 50\nmax_deletes = 0\n");
    let ended = stage.meetsync(&["rooms", "delete", "36102", "--yes"]).await.expect(3);
    expect_sentence(&ended, "MEETSYNC__GUARD__MAX_DELETES=1 meetsync rooms delete 36102 --yes\n");
    let rooms = stage.standin.rooms();
    let url = &rooms.iter().find(|made| made.room.room_id == 36102).unwrap().room.url;
    let ended = stage.meetsync(&["rooms", "delete", url, "--yes"]).await.expect(3);
    expect_sentence(&ended, &format!("MEETSYNC__GUARD__MAX_DELETES=1 meetsync rooms delete '{url}' --yes\n"));
    assert_eq!(stage.standin.rooms().len(), 12);
    let variables = [("MEETSYNC__GUARD__MAX_DELETES", "1")];
    stage.meetsync_with(&["rooms", "delete", "36102", "--yes"], &variables).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 11);
    assert!(stage.standin.rooms().iter().all(|made| SessionId(made.room.room_id) != SessionId(36102)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_there_is_not_written_again_and_one_that_is_gone_is() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let again = stage.meetsync(&["rooms", "relink", "36103"]).await.expect(0);
    assert_eq!(again.stdout, "", "nothing is planned");
    assert_eq!(again.stderr, "meetsync: session 36103: the link is there already\n");

    let blank = "UPDATE public.meeting_session SET remote_instructions = '' WHERE id = 36103";
    stage.database.run(blank).await;
    stage.meetsync(&["rooms", "relink", "36103"]).await.expect(0);
    let link = "SELECT remote_instructions FROM public.meeting_session WHERE id = 36103";
    let link = stage.database.texts(link).await;
    assert!(link[0].ends_with("?session=36103"), "{link:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_without_rooms_are_a_bad_argument() {
    let stage = Stage::with_week().await;
    let refused = stage.meetsync(&["rooms", "--slides-only"]).await.expect(64);
    assert_eq!(refused.stderr.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_url_of_a_sessions_page_names_its_room() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let page = "https://datatracker.ietf.org/meeting/interim-2026-cbor-01/session/36102/materials";
    stage.meetsync(&["rooms", "delete", page, "--yes"]).await.expect(0);
    assert!(stage.standin.rooms().iter().all(|made| made.room.room_id != 36102));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_sends_nothing_promises_nothing() {
    let stage = Stage::with_week().await;
    let cancelled = stage.meetsync(&["push", "36042", "--reason", "rehearsal"]).await;
    assert!(!cancelled.stderr.contains("own window"), "{cancelled:?}");
    assert_eq!(stage.standin.counts().writes(), 0);
}
