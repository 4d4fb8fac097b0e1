//! The verdict, on a real stage: good where both sides are the same, and not where somebody planted a difference.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::demo::sample::scenes::{LATER, LIVE, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_difference_is_not_a_good_end() {
    let stage = Stage::prepare(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let mut told = String::new();
    let mut write = |text: &str| {
        told.push_str(text);
        Ok(())
    };
    let mut teller = Teller::new(Style::default(), &mut write);
    let mut story = Story::new(&stage, &mut teller);
    let worker = story.first_sight().await.unwrap();
    assert_eq!(story.final_check().await.unwrap(), Verdict::InStep);

    // Nothing tells meetsync that Meetecho changed by itself: materials can't be read back.
    let decks = story.stage.standin.decks_of(LIVE);
    story.stage.standin.plant_decks(LATER, &decks);
    assert_eq!(story.final_check().await.unwrap(), Verdict::Differs);
    story.stage.standin.plant_decks(LATER, &[]);
    story.stage.standin.plant_decks(SOON, &decks[1..]);
    assert_eq!(story.final_check().await.unwrap(), Verdict::Differs);

    worker.stop().await;
    let differ = told.matches("The two sides differ:").count();
    assert_eq!(differ, 2, "{told}");
    assert!(told.contains(&format!("session {LATER}: Meetecho shows")), "{told}");
    assert!(told.contains(&format!("session {SOON}: Meetecho shows")), "{told}");
}
