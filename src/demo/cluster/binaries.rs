//! Where the PostgreSQL server's programs are.
//!
//! Only looks; nothing is downloaded or installed here (the scripts do that, into `.pg/`).

use std::path::{Path, PathBuf};

use super::{ClusterError, Place};

/// What must be there for a directory to count.
const NEEDED: [&str; 2] = ["initdb", "postgres"];

/// How deep below `.pg/` a `bin` directory is looked for: a Python wheel keeps it some levels down.
const DEPTH: usize = 8;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Holds `initdb` and `postgres`.
    pub(super) bin: PathBuf,
    /// What has to be copied for the programs to run elsewhere: their libraries may lie well above `bin`.
    pub(super) installation: PathBuf,
}

impl Found {
    /// The usual layout: `bin`, `lib` and `share` side by side, seen from where links lead.
    fn beside_its_libraries(bin: PathBuf) -> Self {
        let real = std::fs::canonicalize(bin.join("postgres")).ok();
        let real =
            real.and_then(|program| program.parent().map(Path::to_owned)).filter(|real| is_complete(real));
        let bin = real.unwrap_or(bin);
        let installation = bin.parent().unwrap_or(&bin).to_owned();
        Self { bin, installation }
    }
}

/// The directory that holds `initdb` and `postgres`.
pub(super) fn find(place: &Place) -> Result<Found, ClusterError> {
    match place.bin.as_deref() {
        Some("none") => {
            return installed_here().ok_or_else(|| ClusterError::NoBinaries {
                looked: ".pg (MEETSYNC_PG_BIN=none leaves out PATH and /usr/lib/postgresql)".to_owned(),
            });
        }
        Some(bin) if !bin.is_empty() => {
            // The server's programs run in a directory of their own, where a relative path would lead nowhere.
            let bin = std::path::absolute(bin).unwrap_or_else(|_| PathBuf::from(bin));
            return if is_complete(&bin) {
                Ok(Found::beside_its_libraries(bin))
            } else {
                Err(ClusterError::NoBinaries {
                    looked: format!("{} (MEETSYNC_PG_BIN is set, so nowhere else)", bin.display()),
                })
            };
        }
        _ => {}
    }
    let on_path = place.path.as_deref().into_iter().flat_map(std::env::split_paths);
    let on_path = on_path.filter_map(|bin| std::path::absolute(bin).ok()).find(|bin| is_complete(bin));
    let of_the_system = on_path.or_else(newest_of_the_system).map(Found::beside_its_libraries);
    of_the_system.or_else(installed_here).ok_or_else(|| ClusterError::NoBinaries {
        looked: "PATH, /usr/lib/postgresql/*/bin and .pg".to_owned(),
    })
}

/// Debian's and Ubuntu's place, which is not on PATH.
fn newest_of_the_system() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| is_complete(bin))
        .max()
        .map(|(_, bin)| bin)
}

/// What the scripts installed, below the directory in which we run.
fn installed_here() -> Option<Found> {
    let installation = std::env::current_dir().ok()?.join(".pg");
    let bin = search(&installation, DEPTH)?;
    Some(Found { bin, installation })
}

fn search(dir: &Path, depth: usize) -> Option<PathBuf> {
    if dir.ends_with("bin") && is_complete(dir) {
        return Some(dir.to_owned());
    }
    let depth = depth.checked_sub(1)?;
    let mut below: Vec<_> = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    below.sort();
    below.iter().filter(|path| path.is_dir() && !path.is_symlink()).find_map(|path| search(path, depth))
}

fn is_complete(bin: &Path) -> bool {
    NEEDED.iter().all(|program| bin.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_directory_is_the_only_one_that_counts() {
        let place = Place { bin: Some("/nowhere".to_owned()), ..Place::from_env() };
        let error = find(&place).unwrap_err().to_string();
        assert!(error.contains("/nowhere") && error.contains("apt-get install postgresql"), "{error}");
    }

    #[test]
    fn path_counts_only_where_both_programs_are() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("postgres"), "").unwrap();
        assert!(!is_complete(dir.path()));
        std::fs::write(dir.path().join("initdb"), "").unwrap();
        let place = Place { bin: None, path: Some(dir.path().as_os_str().to_owned()), ..Place::from_env() };
        assert_eq!(find(&place).unwrap().bin, std::fs::canonicalize(dir.path()).unwrap());
    }

    #[test]
    fn a_wheel_is_searched_down_to_its_bin() {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("lib/python/site-packages/some_package/native/bin");
        std::fs::create_dir_all(&bin).unwrap();
        assert_eq!(search(dir.path(), DEPTH), None);
        for program in NEEDED {
            std::fs::write(bin.join(program), "").unwrap();
        }
        assert_eq!(search(dir.path(), DEPTH), Some(bin));
    }
}
