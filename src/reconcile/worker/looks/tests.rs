use super::sweep::ASK_AGAIN;
use super::*;
use crate::model::RoomTimes;

#[test]
fn a_sweep_is_asked_for_until_it_is_done_and_whenever_the_clock_was_set_back() {
    let at = |minute: i64| DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minute);
    let now = Duration::from_mins(5);
    let asks = |asked, due, as_of| Looks { asked, ..Looks::default() }.asks_for(at(due), at(as_of), now);
    assert!(asks(None, 0, 5));
    assert!(asks(Some((at(0), None)), 15, 16));
    assert!(!asks(Some((at(0), None)), 0, 5), "it is done");
    assert!(!asks(Some((at(0), Some(now + ASK_AGAIN))), 0, 5), "somebody is at it");
    assert!(asks(Some((at(0), Some(now))), 0, 5), "for long");
    assert!(asks(Some((at(45), None)), 0, 5), "the clock was set back by forty minutes");
}

#[test]
fn a_look_that_fails_is_tried_again_soon_and_then_less_and_less_often() {
    let group = GroupAcronym::new("mars");
    let mut looks = Looks::default();
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..7 {
        looks.failed(group.clone(), None, now);
        let begun = now;
        while looks.take(now, usize::MAX).is_empty() {
            now += Duration::from_millis(250);
        }
        waits.push(now.saturating_sub(begun).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 15, 30, 30]);
    looks.saw(group.clone(), Vec::new(), now);
    looks.failed(group.clone(), None, now);
    assert_eq!(
        looks.take(now + Duration::from_secs(1), usize::MAX),
        [group].into(),
        "it had been read meanwhile"
    );
}

#[test]
fn a_finding_is_news_once_for_as_long_as_it_stands() {
    let group = GroupAcronym::new("mars");
    let finding = |room_id| RoomFinding {
        session: None,
        room_id,
        state: "not_ours".into(),
        url: None,
        words: String::new(),
    };
    let mut looks = Looks::default();
    let mut looked = |at: u64, rooms: &[i64]| {
        looks.saw(group.clone(), Vec::new(), Duration::from_secs(at));
        let found: Vec<_> = rooms.iter().copied().map(finding).collect();
        let news = looks.news([(group.clone(), found.clone())].into());
        let new = news.iter().flat_map(|news| news.new.iter().map(|finding| finding.room_id)).collect();
        assert!(news.iter().all(|news| news.findings == found));
        let is_written = !news.is_empty();
        for news in news {
            looks.told(news);
        }
        (is_written, new)
    };
    let nothing = Vec::<i64>::new();
    assert_eq!(looked(1, &[7, 8]), (true, vec![7, 8]));
    assert_eq!(looked(1, &[7, 8]), (false, nothing.clone()), "another pass by the same look");
    assert_eq!(
        looked(1, &[8]),
        (true, nothing.clone()),
        "the plan of that pass does something about the other"
    );
    assert_eq!(looked(2, &[8]), (true, nothing.clone()), "another look finds the same");
    assert_eq!(looked(3, &[]), (true, nothing));
    assert_eq!(looked(4, &[8]), (true, vec![8]), "it was well, and is not any more");
    assert!(looks.news([(GroupAcronym::new("forgotten"), Vec::new())].into()).is_empty());
}

/// Somebody else, a person at a terminal say, made or took away a room: what was seen before is the past.
#[test]
fn what_was_seen_is_the_past_once_the_record_changes() {
    let group = GroupAcronym::new("mars");
    let mut looks = Looks::default();
    let mut ledger = LedgerView::default();
    looks.saw(group.clone(), Vec::new(), Duration::ZERO);
    for _ in 0..2 {
        assert!(looks.rooms(&ledger, Duration::ZERO).of(&group).is_some());
    }
    let start = DateTime::UNIX_EPOCH;
    let mut room = RoomRecord {
        public_id: "a".into(),
        url: "https://example.org/a".into(),
        group: GroupAcronym::new("quic"),
        sent: RoomTimes { start, duration_min: 60 },
        adopted: false,
        former_url: None,
        gone: false,
    };
    let key = SubjectKey::room(SessionId(1));
    ledger.subjects.entry(key).or_default().room = Some(room.clone());
    assert!(looks.rooms(&ledger, Duration::ZERO).of(&group).is_some(), "another group's");
    room.group = group.clone();
    ledger.subjects.entry(key).or_default().room = Some(room);
    assert!(looks.rooms(&ledger, Duration::ZERO).of(&group).is_none());
    assert_eq!(looks.take(Duration::ZERO, usize::MAX), [group.clone()].into(), "it is looked at again");
    looks.saw(group.clone(), Vec::new(), Duration::ZERO);
    assert!(looks.rooms(&ledger, Duration::ZERO).of(&group).is_some(), "nothing was done since");

    // Made while its group's rooms were read: whether it was there then is not known.
    looks.want(group.clone(), Duration::ZERO);
    looks.take(Duration::ZERO, usize::MAX);
    let another = ledger.subjects[&key].room.clone();
    ledger.subjects.entry(SubjectKey::room(SessionId(2))).or_default().room = another;
    looks.saw(group.clone(), Vec::new(), Duration::ZERO);
    assert!(looks.rooms(&ledger, Duration::ZERO).of(&group).is_none());
}

/// The provider is there and says no: that does not pass by itself.
#[test]
fn a_no_is_told_until_the_group_can_be_read() {
    let group = GroupAcronym::new("mars");
    let mut looks = Looks::default();
    let unread = |looks: &mut Looks| looks.rooms(&LedgerView::default(), Duration::ZERO).unread;
    looks.failed(group.clone(), Some(Fault::new(Why::ProviderDown, "503")), Duration::ZERO);
    assert!(unread(&mut looks).is_empty());
    let no = Fault::new(Why::CredentialsRejected, "401");
    looks.failed(group.clone(), Some(no.clone()), Duration::ZERO);
    assert_eq!(unread(&mut looks), [(group.clone(), no)].into());
    looks.saw(group, Vec::new(), Duration::ZERO);
    assert!(unread(&mut looks).is_empty());
}

#[test]
fn what_was_not_done_and_what_broke_off_is_looked_at_again() {
    let group = GroupAcronym::new("mars");
    let mut looks = Looks::default();
    looks.forget(&group, true, Duration::ZERO);
    assert!(looks.take(Duration::from_mins(1), usize::MAX).is_empty(), "it is done, and there is no sweep");
    looks.forget(&group, false, Duration::ZERO);
    assert!(looks.take(Duration::ZERO, usize::MAX).is_empty(), "not at once");
    assert_eq!(looks.take(AFTER_A_FAILURE, usize::MAX), [group.clone()].into());
    looks.broke(Duration::ZERO);
    assert_eq!(looks.take(Duration::from_mins(1), usize::MAX), [group].into());
}

/// The provider is down, and whoever waits is not to wait for all of them.
#[test]
fn those_that_are_left_out_are_still_wanted() {
    let groups: Vec<_> = ["ames", "httpbis", "mars"].into_iter().map(GroupAcronym::new).collect();
    let mut looks = Looks::default();
    for group in &groups {
        looks.want(group.clone(), Duration::ZERO);
    }
    let mut taken = Vec::new();
    for _ in &groups {
        let one = looks.take(Duration::ZERO, 1);
        assert_eq!(one.len(), 1);
        taken.extend(one);
    }
    assert_eq!(taken, groups);
    assert!(looks.take(Duration::ZERO, 1).is_empty());
}
