//! Every table and column of the datatracker that meetsync touches: the one list from which `check` verifies and
//! `grants` writes its statements.
//!
//! It is held against the statements in `sql/` from both sides: each column must be mentioned there, and a role with
//! exactly these privileges must be able to do everything.

use crate::model::Kind;

/// A table and those of its columns that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// What is read, in the order of the tables' names.
pub const READ: &[Table] = &[
    Table {
        name: "doc_document",
        columns: &["id", "name", "title", "rev", "type_id", "external_url", "uploaded_filename"],
    },
    Table { name: "doc_document_states", columns: &["document_id", "state_id"] },
    Table { name: "doc_state", columns: &["id", "type_id", "slug", "order"] },
    Table { name: "group_group", columns: &["id", "acronym"] },
    Table { name: "meeting_meeting", columns: &["id", "number", "type_id", "time_zone", "schedule_id"] },
    Table {
        name: "meeting_schedtimesessassignment",
        columns: &["id", "session_id", "schedule_id", "timeslot_id"],
    },
    Table { name: "meeting_schedule", columns: &["id", "base_id"] },
    Table { name: "meeting_schedulingevent", columns: &["id", "session_id", "time", "status_id"] },
    Table {
        name: "meeting_session",
        columns: &[
            "id",
            "meeting_id",
            "group_id",
            "name",
            "remote_instructions",
            "tombstone_for_id",
            "modified",
        ],
    },
    Table { name: "meeting_session_materials", columns: &["id", "session_id", "document_id", "order"] },
    Table { name: "meeting_timeslot", columns: &["id", "time", "duration", "type_id"] },
];

/// For which kind alone a table (or one of its columns, `table.column`) is read. None: nothing can be said without it.
pub(super) fn needed_by(name: &str) -> Option<Kind> {
    match name.split_once('.').map_or(name, |(table, _)| table) {
        "doc_document" | "doc_document_states" | "doc_state" | "meeting_session_materials" => {
            Some(Kind::Decks)
        }
        _ if matches!(name, "meeting_session.remote_instructions" | "meeting_session.modified") => {
            Some(Kind::Room)
        }
        _ => None,
    }
}

/// What is written, and only by the write-back of a room's link.
pub const WRITTEN: Table = Table { name: "meeting_session", columns: &["remote_instructions", "modified"] };

/// What the write-back compares with, and so must be able to read.
pub(super) const COMPARED: Table = Table { name: "meeting_session", columns: &["id", "remote_instructions"] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_and_named_once() {
        assert!(READ.is_sorted_by(|left, right| left.name < right.name));
    }

    #[test]
    fn every_column_is_mentioned_in_a_statement() {
        let statements = [
            include_str!("sql/frame.sql"),
            include_str!("sql/sessions.sql"),
            include_str!("sql/siblings.sql"),
            include_str!("sql/decks.sql"),
            include_str!("sql/states.sql"),
            include_str!("sql/homes.sql"),
        ];
        for table in READ {
            let qualified = format!("{{schema}}.{} ", table.name);
            for column in table.columns {
                let mentioned = statements.iter().any(|statement| {
                    statement.contains(&qualified)
                        && statement
                            .split(|part: char| !part.is_ascii_alphanumeric() && part != '_')
                            .any(|word| word == *column)
                });
                assert!(mentioned, "{}.{column} is granted and not read", table.name);
            }
        }
    }

    /// A statement that is made without them must not mention them.
    #[test]
    fn each_kind_is_read_without_what_only_the_other_needs() {
        let sessions = super::super::schema::without_links(include_str!("sql/sessions.sql"));
        let frame = super::super::schema::without_documents(include_str!("sql/frame.sql"));
        let siblings = include_str!("sql/siblings.sql");
        for table in READ {
            for column in table.columns {
                let name = format!("{}.{column}", table.name);
                match needed_by(&name) {
                    Some(Kind::Decks) => {
                        let mentioned = format!("{{schema}}.{} ", table.name);
                        assert!(
                            [&sessions, &frame, siblings].iter().all(|text| !text.contains(&mentioned)),
                            "{name}"
                        );
                    }
                    Some(Kind::Room) => {
                        let mentioned = format!("s.{column}");
                        assert!(!sessions.contains(&mentioned) && !siblings.contains(&mentioned), "{name}");
                    }
                    None => assert_ne!(table.name, "doc_document", "{name}"),
                }
            }
        }
        assert_eq!(needed_by("doc_document"), Some(Kind::Decks));
        assert_eq!((needed_by("meeting_session"), needed_by("meeting_timeslot.time")), (None, None));
    }

    #[test]
    fn what_is_compared_is_also_read() {
        let session = READ.iter().find(|table| table.name == COMPARED.name).expect("it is listed");
        assert!(COMPARED.columns.iter().all(|column| session.columns.contains(column)));
    }
}
