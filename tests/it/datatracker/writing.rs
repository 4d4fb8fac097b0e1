//! The one link that is written.

use std::time::Duration;

use meetsync::datatracker::WriteError;
use meetsync::model::SessionId;
use tokio::time::timeout;

use super::{TO_DATATRACKER, own, writer};

const URL: &str = "https://meetings.conf.meetecho.com/interim/?session=130";

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_written_only_over_what_was_seen() {
    let database = own().await;
    database.run(TO_DATATRACKER).await;
    let row = async |id: i64| {
        let sql = format!(
            "SELECT remote_instructions || ' ' || (modified > now() - interval '1 minute') FROM datatracker.meeting_session WHERE id = {id}"
        );
        database.texts(&sql).await.pop()
    };
    let writer = writer(database.url());
    assert!(!writer.write_link(SessionId(130), "something else", URL).await.unwrap());
    assert_eq!(row(130).await.unwrap(), " false");
    assert!(writer.write_link(SessionId(130), "", URL).await.unwrap());
    assert_eq!(row(130).await.unwrap(), format!("{URL} true"));
    assert!(!writer.write_link(SessionId(130), "", "https://late.example").await.unwrap());
    assert!(writer.write_link(SessionId(130), "", URL).await.unwrap(), "somebody wrote the same");
    assert_eq!(row(130).await.unwrap(), format!("{URL} true"));
    // Words of a person with quotes, tabs and newlines compare exactly.
    let words = "In person only.\n\tAsk at the <b>desk</b>, \"Room 5\" & sign in";
    assert!(!writer.write_link(SessionId(136), words.trim_end_matches('n'), URL).await.unwrap());
    assert!(writer.write_link(SessionId(136), words, "").await.unwrap());
    assert_eq!(row(136).await.unwrap(), " true");
    assert!(!writer.write_link(SessionId(999_999), "", URL).await.unwrap());
    // Nobody else's row or column changed.
    let touched = database
        .texts(
            "SELECT id FROM datatracker.meeting_session WHERE modified <> '2020-06-01T12:00:00Z' ORDER BY id",
        )
        .await;
    assert_eq!(touched, ["130", "136"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_does_not_fit_is_refused_before_the_database_sees_it() {
    let database = own().await;
    let writer = writer(database.url());
    assert!(writer.write_link(SessionId(130), "", &"ü".repeat(1024)).await.unwrap());
    let error = writer.write_link(SessionId(131), "", &"x".repeat(1025)).await.unwrap_err();
    assert!(
        matches!(error, WriteError::TooLong { length: 1025, .. })
            && error.to_string().contains("session 131")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_are_one_winner() {
    let database = own().await;
    let (one, other) = (writer(database.url()), writer(database.url()));
    let (one, other) = tokio::join!(
        one.write_link(SessionId(130), "", "https://one.example"),
        other.write_link(SessionId(130), "", "https://other.example")
    );
    assert_ne!(one.unwrap(), other.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_waited_for_only_so_long() {
    let database = own().await;
    let writer = writer(database.url());
    writer.write_link(SessionId(131), "nothing", URL).await.unwrap();
    let url = database.url();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let work = async {
        client.batch_execute("BEGIN; LOCK TABLE public.meeting_session").await.unwrap();
        let error = timeout(Duration::from_secs(10), writer.write_link(SessionId(130), "", URL)).await;
        let error = error.expect("the lock timeout ends it").unwrap_err().to_string();
        assert!(error.contains("lock timeout"), "{error}");
        drop(client);
    };
    let ((), ended) = tokio::join!(work, connection);
    ended.unwrap();
    assert!(writer.write_link(SessionId(130), "", URL).await.unwrap());
}
