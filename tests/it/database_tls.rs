//! What each `tls` setting accepts, against a real server with a certificate of our own authority.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use diesel_async::RunQueryDsl as _;
use meetsync::database::{ConnectOptions, Database, DatabaseError, Tls};
use meetsync::demo::cluster::{Cluster, Place};
use secrecy::SecretString;

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A file in the server's own directory, which its user alone may read.
async fn write(cluster: &Cluster, from: &str, to: &str) {
    let text = std::fs::read_to_string(fixture(from)).unwrap();
    let sql =
        format!("COPY (SELECT unnest(string_to_array('{text}', E'\\n'))) TO PROGRAM 'umask 077; cat > {to}'");
    cluster.run_sql("postgres", &sql).await.unwrap();
}

/// None where the server's programs were built without TLS, as those of the Python package are.
pub(crate) async fn cluster_with_tls() -> Option<Cluster> {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).unwrap();
    write(&cluster, "server.pem", "server.crt").await;
    write(&cluster, "server.key.pem", "server.key").await;
    if let Err(error) = cluster.run_sql("postgres", "ALTER SYSTEM SET ssl = on").await {
        assert!(format!("{error:?}").contains("SSL is not supported by this build"), "{error:?}");
        return None;
    }
    for sql in ["CREATE ROLE reader LOGIN PASSWORD 'right'", "SELECT pg_reload_conf()"] {
        cluster.run_sql("postgres", sql).await.unwrap();
    }
    Some(cluster)
}

/// Whether the connection is encrypted, or why there is none.
async fn encrypted(url: &str, tls: Tls) -> Result<bool, DatabaseError> {
    let database = Database::new(ConnectOptions {
        what: "the test's database".to_owned(),
        setting: "datatracker.database_url".to_owned(),
        url: SecretString::from(url.to_owned()),
        tls,
        read_only: true,
        statement_timeout: None,
        max_connections: 1,
    })?;
    let mut connection = database.connection().await?;
    let ssl = diesel::dsl::sql::<diesel::sql_types::Bool>(
        "(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())",
    );
    Ok(diesel::select(ssl).get_result(&mut connection).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_setting_accepts_what_it_promises() {
    let Some(cluster) = cluster_with_tls().await else {
        return eprintln!("left out: this PostgreSQL was built without TLS");
    };
    let url = cluster.tcp_url("postgres", "reader", "right").unwrap();
    let verify = |file: &str| Tls::VerifyFull { ca_file: Some(fixture(file)) };

    // The server takes up its certificate a moment after it was told to.
    let asked = std::time::Instant::now();
    while !encrypted(&url, Tls::Prefer).await.unwrap() {
        assert!(asked.elapsed() < std::time::Duration::from_secs(10), "the server never spoke TLS");
    }
    assert!(!encrypted(&url, Tls::Disable).await.unwrap());
    assert!(encrypted(&url, Tls::Require).await.unwrap());
    assert!(encrypted(&url, verify("authority.pem")).await.unwrap());

    for tls in [verify("other-authority.pem"), Tls::VerifyFull { ca_file: None }] {
        let unknown = encrypted(&url, tls).await.unwrap_err();
        assert!(
            matches!(&unknown, DatabaseError::Tls { setting, .. } if setting == "datatracker.tls"),
            "{unknown:?}"
        );
        assert!(unknown.source().unwrap().to_string().contains("certificate"), "{unknown:?}");
    }
    let other_name = url.replace("127.0.0.1", "localhost");
    let wrong_host = encrypted(&other_name, verify("authority.pem")).await.unwrap_err();
    assert!(matches!(wrong_host, DatabaseError::Tls { .. }), "{wrong_host:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_named() {
    for file in ["server.key.pem", "not-there.pem"] {
        let tls = Tls::VerifyFull { ca_file: Some(fixture(file)) };
        let error = encrypted("postgres://me@127.0.0.1/db", tls).await.unwrap_err().to_string();
        assert!(error.contains(file) && error.contains("`datatracker.tls_ca_file`"), "{error}");
    }
}
