//! Keeping a checked-in lock true, by a test.

use std::fmt::Write;
use std::io::ErrorKind;
use std::path::Path;

use super::{TopologyLock, compare};
use crate::topology::Topology;

/// Set to anything but `0`, it has [`assert_lock`] write the file.
const UPDATE: &str = "UPDATE_EXPECT";

/// For a test: fails if the lock file is not that of the topology, and says what the change means for those who run it.
/// With the environment variable `UPDATE_EXPECT=1`, it writes the file instead.
///
/// A path that is relative begins at the folder of the package, where Cargo runs tests.
///
/// ```no_run
/// # use headwater_streams::{Guarantee, Topology, TopologyError, lock::assert_lock};
/// # fn topology() -> Result<Topology, TopologyError> {
/// #     Topology::builder("app").guarantee(Guarantee::AtLeastOnce).build()
/// # }
/// assert_lock(&topology()?, "topology.lock");
/// # Ok::<(), TopologyError>(())
/// ```
///
/// # Panics
/// If the file is not there, cannot be read or written, or is another topology's.
#[track_caller]
pub fn assert_lock(topology: &Topology, path: impl AsRef<Path>) {
    let path = path.as_ref();
    let kept = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    };
    let lock = topology.lock();
    let Err(difference) = check(kept.as_deref(), &lock) else {
        return;
    };
    let updates = std::env::var_os(UPDATE).is_some_and(|value| value != "0");
    assert!(updates, "{}: {difference}", path.display());
    if let Err(error) = std::fs::write(path, lock.to_string()) {
        panic!("cannot write {}: {error}", path.display());
    }
}

/// Whether a file says what the lock is; if not, what to do.
fn check(kept: Option<&str>, lock: &TopologyLock) -> Result<(), String> {
    let update = format!("{UPDATE}=1 cargo test");
    let Some(kept) = kept else {
        return Err(format!("there is no such file yet; write it by `{update}`, and check it in"));
    };
    // A checkout may have changed the ends of lines.
    if kept.lines().eq(lock.to_string().lines()) {
        return Ok(());
    }
    let mut difference = String::new();
    // Writing to a text does not fail.
    let _ = match kept.parse::<TopologyLock>() {
        Ok(old) if old == *lock => writeln!(difference, "it says the same in another way"),
        Ok(old) => write!(difference, "the topology has changed\n\n{}", compare(&old, lock)),
        Err(error) => writeln!(difference, "{error}"),
    };
    Err(difference + "\nif the change is meant, write the file anew by `" + &update + "`, and check it in")
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes expectations so")]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn lock() -> TopologyLock {
        let (application_id, guarantee) = ("app".to_owned(), "at least once".to_owned());
        TopologyLock { application_id, guarantee, ..TopologyLock::default() }
    }

    fn check_differs(kept: Option<&str>, expected: &Expect) {
        expected.assert_eq(&check(kept, &lock()).unwrap_err());
    }

    #[test]
    fn a_file_of_the_same_topology_is_true_whatever_ends_its_lines() {
        let text = lock().to_string();
        assert_eq!(check(Some(&text), &lock()), Ok(()));
        assert_eq!(check(Some(&text.replace('\n', "\r\n")), &lock()), Ok(()));
    }

    #[test]
    fn any_other_file_says_what_to_do() {
        check_differs(
            None,
            &expect!["there is no such file yet; write it by `UPDATE_EXPECT=1 cargo test`, and check it in"],
        );
        check_differs(
            Some("format = 1\napplication = \"app\"\nguarantee = \"at least once\""),
            &expect![[r#"
                it says the same in another way

                if the change is meant, write the file anew by `UPDATE_EXPECT=1 cargo test`, and check it in"#]],
        );
        check_differs(
            Some("format = 2"),
            &expect![[r#"
            line 1: the lock has format 2, and this version reads up to 1: use the version that wrote it, or a newer one

            if the change is meant, write the file anew by `UPDATE_EXPECT=1 cargo test`, and check it in"#]],
        );
        check_differs(
            Some(&lock().to_string().replace("at least", "exactly")),
            &expect![[r#"
            the topology has changed

            app: full stop needed

            full stop needed  guarantee: exactly once -> at least once
                              it holds for what all instances do together: an old instance beside new ones would still give
                              its own

            what to do
            1. stop all instances
            2. start the new version

            if the change is meant, write the file anew by `UPDATE_EXPECT=1 cargo test`, and check it in"#]],
        );
    }
}
