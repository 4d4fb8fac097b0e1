//! Where the PostgreSQL server's programs are.
//!
//! Only looks; nothing is downloaded or installed here (the scripts do that, into `.pg/`).

use std::path::{Path, PathBuf};

use super::{ClusterError, Place};

/// What must be there for a directory to count.
const NEEDED: [&str; 2] = ["initdb", "postgres"];

/// How deep below `.pg/` a `bin` directory is looked for: a Python wheel keeps it some levels down.
const DEPTH: usize = 8;

/// The directory that holds `initdb` and `postgres`.
pub(super) fn find(place: &Place) -> Result<PathBuf, ClusterError> {
    match place.bin.as_deref() {
        Some("none") => {
            return find_installed_here().ok_or_else(|| ClusterError::NoBinaries {
                looked: "`.pg` (MEETSYNC_PG_BIN=none leaves out PATH and /usr/lib/postgresql)".to_owned(),
            });
        }
        Some(bin) if !bin.is_empty() => {
            let bin = PathBuf::from(bin);
            return if is_complete(&bin) {
                Ok(bin)
            } else {
                Err(ClusterError::NoBinaries {
                    looked: format!("{} (MEETSYNC_PG_BIN is set, so nowhere else)", bin.display()),
                })
            };
        }
        _ => {}
    }
    let on_path =
        place.path.as_deref().into_iter().flat_map(std::env::split_paths).find(|bin| is_complete(bin));
    on_path.or_else(newest_of_the_system).or_else(find_installed_here).ok_or_else(|| {
        ClusterError::NoBinaries { looked: "PATH, /usr/lib/postgresql/*/bin and .pg".to_owned() }
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

fn find_installed_here() -> Option<PathBuf> {
    search(&std::env::current_dir().ok()?.join(".pg"), DEPTH)
}

fn search(dir: &Path, depth: usize) -> Option<PathBuf> {
    if dir.ends_with("bin") && is_complete(dir) {
        return Some(dir.to_owned());
    }
    if depth == 0 {
        return None;
    }
    let mut below: Vec<_> = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).collect();
    below.sort();
    below.iter().filter(|path| path.is_dir() && !path.is_symlink()).find_map(|path| search(path, depth - 1))
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
        assert_eq!(find(&place).unwrap(), dir.path());
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
