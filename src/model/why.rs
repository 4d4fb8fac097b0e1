//! The fixed codes for every "why not": the same word on the command line, in JSON, on the page, in metrics and logs.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why something is not sent, or was not accepted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Why {
            $($(#[$doc])* $name,)*
        }

        impl Why {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

codes! {
    /// The session's notify window is not open.
    OutsideWindow = "outside_window",
    /// There is no official slot.
    NotScheduled = "not_scheduled",
    Cancelled = "cancelled",
    /// No decks, and none were ever sent.
    NoDecks = "no_decks",
    /// `slides_notify_time = "never"`.
    NotificationsOff = "notifications_off",
    /// The link is a person's own words, or another session's room.
    NotOurs = "not_ours",
    /// A person stopped the automatic steps.
    Held = "held",
    NothingChanged = "nothing_changed",
    /// Changes still come in; the burst is waited out.
    WaitingBurst = "waiting_burst",
    /// The datatracker's own call is given time to go first.
    Settling = "settling",
    /// The session was moved, and only marks its old place.
    Tombstone = "tombstone",
    /// An interim that meets somewhere else.
    NotOnMeetecho = "not_on_meetecho",
    /// The link has our prefix, but no room of this session answers to it.
    LinkUnmatched = "link_unmatched",
    /// A room with this session's id is there, and neither its start nor its description fits.
    RoomConflict = "room_conflict",
    /// `datatracker.write_back = false`.
    WriteBackOff = "write_back_off",
    SourceLagging = "source_lagging",
    RetryWait = "retry_wait",
    RateLimited = "rate_limited",
    ProviderDown = "provider_down",
    CredentialsRejected = "credentials_rejected",
    /// The provider has no token for this group.
    GroupUnknown = "group_unknown",
    /// A request's effect is unknown, or one more send is owed after such a request.
    InDoubtConfirming = "in_doubt_confirming",
    SourceIncomplete = "source_incomplete",
    GuardTooManyDeletes = "guard_too_many_deletes",
    GuardTooManyCreates = "guard_too_many_creates",
    GuardEmptySource = "guard_empty_source",
    GuardRoomInProgress = "guard_room_in_progress",
    GuardQuietBefore = "guard_quiet_before",
    NoDelete = "no_delete",
    ObserveOnly = "observe_only",
    OutOfScope = "out_of_scope",
    /// The provider can't do this, or refused it for good.
    Unsupported = "unsupported",
    FileMissing = "file_missing",
    WindowClosedUnsent = "window_closed_unsent",
}

impl Why {
    /// The limits that a person may lift or must respect: exit status 3.
    pub fn is_guard(self) -> bool {
        self.code().starts_with("guard_")
    }

    /// Words with this code before them, as the ledger keeps why something was refused: `unsupported: Meetecho answered 422`.
    pub fn before(self, words: &str) -> String {
        format!("{self}: {words}")
    }

    /// The code that stands before the words, and these; None where none does.
    pub fn and_words(text: &str) -> Option<(Self, &str)> {
        let (code, words) = text.split_once(": ")?;
        Self::ALL.iter().find(|why| why.code() == code).map(|why| (*why, words))
    }

    /// Nothing is sent for a session, or for now: there is nothing to send, or none is meant to be.
    pub fn is_nothing_to_do(self) -> bool {
        matches!(
            self,
            Self::Cancelled
                | Self::NoDecks
                | Self::NotOnMeetecho
                | Self::NotScheduled
                | Self::NotificationsOff
                | Self::OutsideWindow
                | Self::Tombstone
        )
    }

    /// The settings, or a person's own link, want it so: nobody need do anything.
    pub fn is_as_set(self) -> bool {
        matches!(
            self,
            Self::NotOurs | Self::OutOfScope | Self::ObserveOnly | Self::NoDelete | Self::WriteBackOff
        )
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_is_the_code() {
        for why in Why::ALL {
            assert_eq!(serde_json::to_string(why).expect("plain"), format!("\"{}\"", why.code()));
        }
    }

    #[test]
    fn a_code_before_words_is_found_again() {
        for why in Why::ALL {
            assert_eq!(Why::and_words(&why.before("422: no")), Some((*why, "422: no")));
        }
        assert_eq!(Why::and_words("422: no"), None);
        assert_eq!(Why::and_words("unsupported"), None);
    }
}
