//! Where the datatracker's tables are, and the text of a statement on them.
//!
//! Production sets the search path per role, which a new role lacks; so every name is qualified.

/// The schemas that are looked in where none is named.
const CANDIDATES: [&str; 2] = ["datatracker", "public"];

/// Why the datatracker's tables were not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error(
        "no table meeting_session in {} of this database; is it the datatracker's? Where its tables are in another \
         schema, name that in `datatracker.schema`", listed(.0)
    )]
    NotFound(Vec<String>),
    #[error("{} both hold a table meeting_session; name the right one in `datatracker.schema`", listed(.0))]
    Ambiguous(Vec<String>),
}

fn listed(schemas: &[String]) -> String {
    let quoted: Vec<_> = schemas.iter().map(|schema| format!("`{schema}`")).collect();
    let plural = if quoted.len() == 1 { "schema" } else { "schemas" };
    format!("{plural} {}", quoted.join(" and "))
}

/// The schemas to look in.
pub(super) fn candidates(setting: Option<&str>) -> Vec<String> {
    match setting {
        None | Some("") => CANDIDATES.map(str::to_owned).to_vec(),
        Some(schema) => vec![schema.to_owned()],
    }
}

/// The one schema that holds the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) name: String,
}

impl Schema {
    pub(super) fn found(mut holding: Vec<String>, looked_in: Vec<String>) -> Result<Self, SchemaError> {
        match (holding.pop(), holding.is_empty()) {
            (Some(name), true) => Ok(Self { name }),
            (Some(name), false) => {
                holding.push(name);
                Err(SchemaError::Ambiguous(holding))
            }
            (None, _) => Err(SchemaError::NotFound(looked_in)),
        }
    }

    /// A statement of `sql/`, with its placeholder filled in.
    pub(super) fn statement(&self, template: &str) -> String {
        template.replace("{schema}", &quoted(&self.name))
    }
}

/// What stands in a statement where it looks up what was chosen.
const CHOSEN: [&str; 2] = ["= ANY (ARRAY(SELECT unnest($1)))", "= ANY (ARRAY(SELECT near.id FROM near))"];

/// The same statement for all there are. What it would choose by is still bound, and not looked at.
pub(super) fn of_all(statement: &str) -> String {
    CHOSEN.iter().fold(statement.to_owned(), |text, chosen| text.replace(chosen, "IS NOT NULL"))
}

/// The statement of sessions, with nothing in place of what only rooms need.
pub(super) fn without_links(statement: &str) -> String {
    statement
        .replace("s.remote_instructions,", "''::text AS remote_instructions,")
        .replace("s.modified\n", "now() AS modified\n")
}

/// The statement of what must be there, as if documents had no states.
pub(super) fn without_documents(statement: &str) -> String {
    let none =
        "(SELECT NULL::int8 AS id, ''::text AS type_id, ''::text AS slug, 0 AS \"order\" WHERE false) st";
    statement.replace("{schema}.doc_state st", none)
}

/// A name as an SQL identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn exactly_one_schema_may_hold_the_tables() {
        let both = owned(&["datatracker", "public"]);
        assert_eq!(Schema::found(owned(&["public"]), both.clone()).expect("one").name, "public");
        let error = Schema::found(both.clone(), both.clone()).expect_err("two").to_string();
        assert!(
            error.contains("`datatracker` and `public`") && error.contains("datatracker.schema"),
            "{error}"
        );
        let error = Schema::found(vec![], owned(&["elsewhere"])).expect_err("none").to_string();
        assert!(error.contains("schema `elsewhere`") && error.contains("datatracker.schema"), "{error}");
    }

    #[test]
    fn the_setting_replaces_the_search() {
        assert_eq!(candidates(None), ["datatracker", "public"]);
        assert_eq!(candidates(Some("")), ["datatracker", "public"]);
        assert_eq!(candidates(Some("x")), ["x"]);
    }

    #[test]
    fn a_statement_of_all_chooses_nothing() {
        for (chosen, by) in [
            (include_str!("sql/sessions.sql"), "FROM near"),
            (include_str!("sql/decks.sql"), "unnest($1)"),
            (include_str!("sql/states.sql"), "unnest($1)"),
        ] {
            let all = of_all(chosen);
            assert!(chosen.contains(by) && !all.contains(by), "{all}");
        }
    }

    #[test]
    fn a_name_is_quoted_before_it_enters_a_statement() {
        let schema = Schema { name: "a\"; DROP TABLE x; --".to_owned() };
        assert_eq!(
            schema.statement("SELECT 1 FROM {schema}.t"),
            "SELECT 1 FROM \"a\"\"; DROP TABLE x; --\".t"
        );
    }
}
