//! What a role can and can't do with the datatracker's columns, in words. Found out by [`super::verify`].

use std::collections::BTreeSet;
use std::fmt;

use super::columns::needed_by;
use crate::model::Kind;

/// What the role can and can't do with the columns that we need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnReport {
    /// The schema that holds the datatracker's tables.
    pub schema: String,
    /// The role that we are connected as.
    pub role: String,
    /// `table.column`, or a table of which no needed column is there: not in this database.
    pub absent: Vec<String>,
    /// `table.column`: there, and the role may not read (or write) it.
    pub not_granted: Vec<String>,
    /// The role may not use the schema at all, whatever it may do with its tables.
    pub schema_not_granted: bool,
    /// `schema.table`: tables of persons and passwords (`person_*`, `auth_user*`, in any schema) that the role can
    /// read in whole or in part, and should not.
    pub wide: Vec<String>,
    pub superuser: bool,
    /// The server is a standby, to which nothing can be written.
    pub standby: bool,
}

impl ColumnReport {
    /// Whether everything that is needed is there and granted. Says nothing about `wide`.
    pub fn is_enough(&self) -> bool {
        self.absent.is_empty() && self.not_granted.is_empty() && !self.schema_not_granted
    }

    /// The kinds that can't be read, where everything else can. None: nothing can.
    pub(super) fn kinds_lacking(&self) -> Option<BTreeSet<Kind>> {
        if self.schema_not_granted {
            return None;
        }
        self.absent.iter().chain(&self.not_granted).map(|name| needed_by(name)).collect()
    }

    /// Whether the role can read what it has no business with.
    pub fn is_wide(&self) -> bool {
        self.superuser || !self.wide.is_empty()
    }
}

impl fmt::Display for ColumnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, role) = (&self.schema, &self.role);
        if self.is_enough() {
            return write!(
                f,
                "every column that is needed is in schema `{schema}` and granted to role `{role}`"
            );
        }
        let mut parts = Vec::new();
        if !self.absent.is_empty() {
            parts.push(format!("absent in schema `{schema}`: {}", self.absent.join(", ")));
        }
        if self.schema_not_granted {
            parts.push(format!("not granted to role `{role}`: USAGE on schema `{schema}`"));
        }
        if !self.not_granted.is_empty() {
            parts.push(format!("not granted to role `{role}`: {}", self.not_granted.join(", ")));
        }
        f.write_str(&parts.join("; "))?;
        if self.schema_not_granted || !self.not_granted.is_empty() {
            write!(f, " (`meetsync grants {role}` prints the statements)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_may_be_lacking_alone() {
        let lacking = |absent: &[&str], not_granted: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
            let report = ColumnReport {
                absent: owned(absent),
                not_granted: owned(not_granted),
                ..ColumnReport::default()
            };
            report.kinds_lacking()
        };
        let link = "meeting_session.remote_instructions";
        assert_eq!(lacking(&[link], &[]), Some([Kind::Room].into()));
        assert_eq!(
            lacking(&["meeting_session_materials"], &["doc_document.title"]),
            Some([Kind::Decks].into())
        );
        assert_eq!(lacking(&[link], &["doc_state.slug"]), Some([Kind::Room, Kind::Decks].into()));
        assert_eq!(lacking(&[link, "meeting_session.name"], &[]), None);
        assert_eq!(lacking(&["meeting_session"], &[]), None);
        let report = ColumnReport { schema_not_granted: true, ..ColumnReport::default() };
        assert_eq!(report.kinds_lacking(), None);
    }

    #[test]
    fn the_report_tells_absent_from_not_granted() {
        let report = ColumnReport {
            schema: "public".to_owned(),
            role: "worker".to_owned(),
            absent: vec!["a.x".to_owned()],
            not_granted: vec!["b.y".to_owned()],
            ..ColumnReport::default()
        };
        assert!(!report.is_enough());
        assert_eq!(
            report.to_string(),
            "absent in schema `public`: a.x; not granted to role `worker`: b.y (`meetsync grants worker` prints the \
             statements)"
        );
    }
}
