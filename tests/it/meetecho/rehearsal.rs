//! The same client as a rehearsal, and that no secret is written anywhere.

use chrono::DateTime;
use std::io::Write;
use std::sync::{Arc, Mutex};

use meetsync::model::{DeckId, Outcome, SessionId};
use meetsync::provider::meetecho::Meetecho;
use meetsync::transport::DebugLog;
use serde_json::Value;

use super::{SECRET, deck, group, options, room};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panics").clone()).expect("UTF-8")
    }
}

fn rehearsal(json_lines: bool) -> (Meetecho, Shared) {
    let written = Shared::default();
    let log = DebugLog::new(Arc::new(Mutex::new(written.clone())), json_lines);
    let client =
        Meetecho::debug(options("https://meetings.conf.meetecho.com/api/v1"), log).expect("an address");
    (client, written)
}

#[tokio::test]
async fn a_rehearsed_room_lives_and_no_secret_is_written() {
    for json_lines in [false, true] {
        let (client, written) = rehearsal(json_lines);
        let mars = group("mars");
        client.prefetch_tokens(&[mars.clone(), group("ames")].into()).await;
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]));
        let Outcome::Applied(made) = client.create_room(&mars, &room(18)).await else { panic!("made") };
        assert_eq!(made.times(), room(18).times());
        assert_eq!(made.url, "https://meetings.conf.meetecho.com/interim/?session=18");
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![made.clone()]));
        assert_eq!(client.fetch_rooms(&group("ames")).await, Outcome::Applied(vec![]));
        assert_eq!(client.create_room(&mars, &room(18)).await.word(), "refused");
        assert_eq!(client.set_decks(&mars, SessionId(18), &[deck(1)]).await, Outcome::Applied(()));
        assert_eq!(client.add_deck(&mars, SessionId(18), &deck(2)).await, Outcome::Applied(()));
        assert_eq!(client.delete_deck(&mars, SessionId(18), DeckId(2)).await, Outcome::Applied(()));
        assert_eq!(
            client.delete_room(&mars, 18, Some(&made.public_id), &|| DateTime::UNIX_EPOCH).await,
            Outcome::Applied(())
        );
        assert_eq!(client.fetch_rooms(&mars).await, Outcome::Applied(vec![]));

        let text = written.text();
        for secret in [SECRET, "rehearsal-token", "rehearsal-deletion-token"] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
        assert!(text.contains("[redacted]") && text.contains("A Slide Deck"), "{text}");
        if json_lines {
            let lines: Vec<Value> =
                text.lines().map(|line| serde_json::from_str(line).expect("one object per line")).collect();
            assert_eq!(lines.len() as u64, client.token_calls() + client.reads() + client.requests_sent());
            assert_eq!(lines[0]["body"]["secret"], "[redacted]");
            assert!(lines.iter().all(|line| line["method"].is_string() && line["url"].is_string()));
        } else {
            assert!(
                text.starts_with(
                    "POST https://meetings.conf.meetecho.com/api/v1/auth/ietfservice/tokens\n\
                 {\"client\": \"datatracker\", \"secret\": \"[redacted]\", \"wgs\": [\"ames\", \"mars\"]}\n\n"
                ),
                "{text}"
            );
        }
    }
}

#[test]
fn nothing_shows_a_secret_by_accident() {
    let options = options("https://meetings.conf.meetecho.com/api/v1");
    let shown =
        format!("{options:?} {:?}", Meetecho::live(options.clone()).map_err(|error| error.to_string()));
    assert!(!shown.contains(SECRET), "{shown}");
}
