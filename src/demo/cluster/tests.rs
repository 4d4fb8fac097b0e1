use std::path::PathBuf;

use super::*;
use crate::demo::sample;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_serves_databases_from_a_template_and_takes_its_directory_along() {
    let cluster = Cluster::start(&Place::from_env()).unwrap();
    cluster.create_database("template_of_ours").await.unwrap();
    cluster.run_sql("template_of_ours", sample::SCHEMA).await.unwrap();
    cluster.create_database_from("one", "template_of_ours").await.unwrap();
    let found = cluster.query_texts("one", "SELECT count(*) FROM public.meeting_session").await.unwrap();
    assert_eq!(found, ["0"]);

    let directory = cluster.socket_dir().to_owned();
    assert!(directory.exists());
    drop(cluster);
    assert!(!directory.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_live_side_by_side_and_tcp_wants_the_password() {
    let (one, two) = (Place::from_env(), Place { tcp: true, ..Place::from_env() });
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| Cluster::start(&one).unwrap());
        let two = scope.spawn(|| Cluster::start(&two).unwrap());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!(one.tcp_url("postgres", "reader", "right"), None);
    two.run_sql("postgres", "CREATE ROLE reader LOGIN PASSWORD 'right'").await.unwrap();
    let connect = async |password| {
        let url = two.tcp_url("postgres", "reader", password).unwrap();
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.map(drop)
    };
    connect("right").await.unwrap();
    let refused = connect("wrong").await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::INVALID_PASSWORD));
    one.run_sql("postgres", "SELECT 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_directory_puts_the_socket_elsewhere() {
    let outer = tempfile::Builder::new().permissions(open_to_all()).tempdir().unwrap();
    let long = outer.path().join("x".repeat(90));
    std::fs::create_dir(&long).unwrap();
    let cluster = Cluster::start(&Place { dir: Some(long.clone()), ..Place::from_env() }).unwrap();
    cluster.run_sql("postgres", "SELECT 1").await.unwrap();
    assert!(!cluster.socket_dir().starts_with(&long));
    drop(cluster);
    assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let place = Place { dir: Some(PathBuf::from("/nowhere/at/all")), ..Place::from_env() };
    let error = Cluster::start(&place).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all/meetsync-") && error.contains("MEETSYNC_PG_DIR"), "{error}");
}

fn open_to_all() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o755)
}
