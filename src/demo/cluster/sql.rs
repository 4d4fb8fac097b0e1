//! Databases and statements on a throwaway cluster, for set-up. The tool's own connections are `crate::database`'s.

use tokio_postgres::{Client, NoTls};

use super::{Cluster, ClusterError};

impl Cluster {
    /// An empty database.
    pub async fn create_database(&self, name: &str) -> Result<(), ClusterError> {
        self.run_sql("postgres", &format!("CREATE DATABASE {}", quoted(name))).await
    }

    /// A copy of a database to which nobody is connected.
    pub async fn create_database_from(&self, name: &str, template: &str) -> Result<(), ClusterError> {
        let sql = format!("CREATE DATABASE {} TEMPLATE {}", quoted(name), quoted(template));
        self.run_sql("postgres", &sql).await
    }

    /// Runs statements, separated by semicolons, as the superuser. Several are one transaction unless they say
    /// otherwise.
    pub async fn run_sql(&self, database: &str, sql: &str) -> Result<(), ClusterError> {
        self.with_client(database, async |client| client.batch_execute(sql).await).await
    }

    /// The first column of every row, as text; null is an empty text. For looking at what became of a database.
    pub async fn query_texts(&self, database: &str, sql: &str) -> Result<Vec<String>, ClusterError> {
        let messages = self.with_client(database, async |client| client.simple_query(sql).await).await?;
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn with_client<T>(
        &self,
        database: &str,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, ClusterError> {
        let failed = |source| ClusterError::Sql { database: database.to_owned(), source };
        let (client, connection) =
            tokio_postgres::connect(&self.url(database), NoTls).await.map_err(failed)?;
        // The connection is driven beside the work and ends when the client is dropped: no task is left behind.
        let work = async move {
            let result = work(&client).await;
            drop(client);
            result
        };
        let (result, ended) = tokio::join!(work, connection);
        let value = result.map_err(failed)?;
        ended.map_err(failed)?;
        Ok(value)
    }
}

/// A name as an SQL identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
