//! Which files the rules look at, and the rules about a file as a whole.

use std::path::Path;

use anyhow::Context;

use super::problem::Problem;

/// Where the repository's own sources are.
const FOLDERS: [&str; 4] = ["crates", "examples", "tests", "xtask"];
/// A file longer than this wants splitting.
const LONGEST: usize = 800;
/// Stands in the first lines of what a program wrote.
const GENERATED: &str = "Written by `cargo xtask codegen`";

/// Every file that a rule looks at, in order, relative to the repository.
pub(super) fn list(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        walk(root, folder, &mut found)?;
    }
    found.sort();
    Ok(found)
}

fn walk(root: &Path, folder: &str, found: &mut Vec<String>) -> anyhow::Result<()> {
    let entries = root.join(folder).read_dir().with_context(|| format!("cannot list {folder}"))?;
    for entry in entries {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if !path.ends_with("/target") && !path.ends_with("/__pycache__") {
                walk(root, &path, found)?;
            }
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs" || extension == "py")
        {
            found.push(path);
        }
    }
    Ok(())
}

pub(super) fn is_generated(text: &str) -> bool {
    text.lines().take(8).any(|line| line.starts_with("//!") && line.contains(GENERATED))
}

/// The rules about a file as a whole.
pub(super) fn check(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    if name == "mod.rs" {
        problems.push(Problem::new(
            path,
            1,
            "a module `foo` is `foo.rs` beside the folder `foo`, not `foo/mod.rs`",
        ));
    }
    let (opening, what) = if Path::new(name).extension().is_some_and(|extension| extension == "py") {
        ("\"\"\"", "a docstring")
    } else {
        ("//!", "`//!`")
    };
    if !text.starts_with(opening) {
        let message = format!("begin with {what}: what it owns, its invariants, what it does not know");
        problems.push(Problem::new(path, 1, message));
    }
    let lines = text.lines().count();
    if lines > LONGEST && !is_generated(text) {
        let message = format!("{lines} lines, {LONGEST} are the most: split it by what its parts own");
        problems.push(Problem::new(path, LONGEST + 1, message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn a_module_says_what_it_owns() {
        assert_eq!(lines("crates/a/src/b.rs", "//! Owns b.\n"), NONE);
        assert_eq!(lines("crates/a/src/b.rs", "use c;\n"), [1]);
        assert_eq!(lines("crates/a/src/b.rs", ""), [1]);
        assert_eq!(lines("tests/e2e/b.py", "\"\"\"Owns b.\"\"\"\n"), NONE);
        assert_eq!(lines("tests/e2e/b.py", "import c\n"), [1]);
    }

    #[test]
    fn a_module_lies_beside_its_folder() {
        assert_eq!(lines("crates/a/src/b/mod.rs", "//! Owns b.\n"), [1]);
    }

    #[test]
    fn a_file_has_eight_hundred_lines_at_most_unless_it_is_generated() {
        let body = "x\n".repeat(799);
        assert_eq!(lines("a.rs", &format!("//! A.\n{body}")), NONE);
        assert_eq!(lines("a.rs", &format!("//! A.\n{body}x\n")), [801]);
        assert_eq!(lines("a.rs", &format!("//! A.\n//! {GENERATED} from b.\n{body}x\n")), NONE);
    }

    #[test]
    fn the_repository_is_found_without_what_is_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = list(root).unwrap();
        assert!(files.contains(&"xtask/src/tidy/files.rs".to_owned()));
        assert!(!files.iter().any(|path| path.contains("/target/") || path.contains("__pycache__")));
    }
}
