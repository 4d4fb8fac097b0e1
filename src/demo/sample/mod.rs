//! A datatracker of our own: its tables, an IETF week in progress, and edits that people make to it.
//!
//! The tables are the part of the real schema that meetsync touches. The content is made up; no person in it is.

pub mod scenes;

use crate::demo::cluster::{Cluster, ClusterError};

/// The datatracker's tables, empty. Made for an empty database; runs as one simple query.
pub const SCHEMA: &str = include_str!("schema.sql");

/// The rows of an IETF week whose slots lie around the moment at which this runs, with a dozen interims to come. Needs
/// [`SCHEMA`]; runs as one simple query.
pub const WEEK: &str = include_str!("week.sql");

/// Makes a database with the sample datatracker in it.
pub async fn create(cluster: &Cluster, database: &str) -> Result<(), ClusterError> {
    cluster.create_database(database).await?;
    cluster.run_sql(database, SCHEMA).await?;
    cluster.run_sql(database, WEEK).await
}
