//! The arrows between crates: who may depend on whom, and which outside crates stay where.
//!
//! The table is DESIGN's list of crates, in its order; an arrow points only up that list.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

use super::problem::Problem;

/// What a crate may use; as development dependencies the test kit too.
struct Allowed {
    name: &'static str,
    uses: &'static [&'static str],
}

const TABLE: [Allowed; 11] = [
    Allowed { name: "headwater-model", uses: &[] },
    Allowed { name: "headwater-wire", uses: &["headwater-model"] },
    Allowed { name: "headwater-log", uses: &["headwater-model", "headwater-wire"] },
    Allowed { name: "headwater-coordinator", uses: &["headwater-model"] },
    Allowed {
        name: "headwater-broker",
        uses: &["headwater-model", "headwater-wire", "headwater-log", "headwater-coordinator"],
    },
    Allowed { name: "headwater-client", uses: &["headwater-model", "headwater-wire"] },
    Allowed { name: "headwater-schema", uses: &["headwater-model"] },
    Allowed {
        name: "headwater-streams",
        uses: &["headwater-model", "headwater-wire", "headwater-client", "headwater-schema"],
    },
    Allowed {
        name: "headwater",
        uses: &["headwater-model", "headwater-client", "headwater-schema", "headwater-streams"],
    },
    Allowed {
        name: TEST_KIT,
        uses: &[
            "headwater-model",
            "headwater-wire",
            "headwater-log",
            "headwater-coordinator",
            "headwater-broker",
            "headwater-client",
            "headwater-schema",
            "headwater-streams",
            "headwater",
        ],
    },
    Allowed { name: "xtask", uses: &[] },
];

/// The composition root: all but what is for development alone.
const BINARY: &str = "headwater-cli";
const TEST_KIT: &str = "headwater-testkit";
const LIBRARY: &str = "headwater";

/// An outside crate that only some of ours may use in what they ship, and why.
struct Confined {
    name: &'static str,
    to: &'static [&'static str],
    reason: &'static str,
}

const CONFINED: [Confined; 4] = [
    Confined {
        name: "kafka-protocol",
        to: &[],
        reason: "it reserves memory by counts from the wire: an oracle for tests, never in the product",
    },
    Confined {
        name: "tokio",
        to: &[
            "headwater-broker",
            "headwater-client",
            "headwater-streams",
            "headwater",
            TEST_KIT,
            BINARY,
            "headwater-flights",
        ],
        reason: "decisions, the log and the wire are synchronous; drivers are above them",
    },
    Confined { name: "mimalloc", to: &[BINARY], reason: "the allocator is the binary's choice" },
    Confined { name: "anyhow", to: &[BINARY, "xtask"], reason: "a library's errors are data" },
];

/// A crate of the workspace, as `cargo metadata` tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `null` for what is shipped, else `dev` or `build`.
    kind: Option<String>,
    /// Only crates of the workspace have a path.
    path: Option<String>,
}

pub(super) fn check_workspace(root: &Path) -> anyhow::Result<Vec<Problem>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run `cargo metadata`")?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let manifest = Path::new(&package.manifest_path);
        let text = std::fs::read_to_string(manifest)?;
        let path = manifest.strip_prefix(root).unwrap_or(manifest).to_string_lossy();
        problems.extend(check_package(package, &path, &text));
    }
    Ok(problems)
}

/// One crate's arrows; `path` and `manifest` tell where they stand.
fn check_package(package: &Package, path: &str, manifest: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(allowed) = allowed(&package.name, path) else {
        let message = format!(
            "`{}` is not in the table of xtask/src/tidy/arrows.rs: say there what it may use",
            package.name
        );
        return vec![Problem::new(path, 1, message)];
    };
    for dependency in &package.dependencies {
        let is_dev = dependency.kind.as_deref() == Some("dev");
        let name = dependency.name.as_str();
        let message = if dependency.path.is_some() {
            if allowed.may_use(name) || (is_dev && name == TEST_KIT) {
                continue;
            }
            let only_dev = if name == TEST_KIT { " except as a dev-dependency" } else { "" };
            format!("`{}` may not use `{name}`{only_dev}: {}", package.name, allowed.advice())
        } else {
            let confined = CONFINED.iter().find(|confined| confined.name == name);
            match confined {
                Some(confined) if !is_dev && !confined.to.contains(&package.name.as_str()) => {
                    format!("`{}` may not use `{name}`: {}", package.name, confined.reason)
                }
                _ => continue,
            }
        };
        problems.push(Problem::new(path, line_of(manifest, name, is_dev), message));
    }
    problems
}

enum Uses {
    These(&'static [&'static str]),
    AllButDevelopment,
}

impl Uses {
    fn may_use(&self, name: &str) -> bool {
        match self {
            Self::These(names) => names.contains(&name),
            Self::AllButDevelopment => name != TEST_KIT && name != "xtask",
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::These([]) => "it uses no other crate of ours".to_owned(),
            Self::These(names) => format!("it uses {}; what both need belongs further up", names.join(", ")),
            Self::AllButDevelopment => "it ships, and that is for development".to_owned(),
        }
    }
}

fn allowed(name: &str, path: &str) -> Option<Uses> {
    if name == BINARY {
        return Some(Uses::AllButDevelopment);
    }
    // A reference application is an author's: the library is all that it knows.
    if path.starts_with("examples/") {
        return Some(Uses::These(&[LIBRARY]));
    }
    TABLE.iter().find(|allowed| allowed.name == name).map(|allowed| Uses::These(allowed.uses))
}

/// The line of a dependency in its section; the first line if it stands elsewhere.
fn line_of(manifest: &str, name: &str, is_dev: bool) -> usize {
    let section = if is_dev { "[dev-dependencies]" } else { "[dependencies]" };
    let lines = manifest.lines().enumerate().skip_while(|(_, line)| line.trim() != section).skip(1);
    lines
        .take_while(|(_, line)| !line.starts_with('['))
        .find(|(_, line)| line.split(['=', '.', ' ']).next() == Some(name))
        .map_or(1, |(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    const MANIFEST: &str = "[package]\nname = \"x\"\n[dependencies]\na = \"1\"\nheadwater-broker.workspace = true\n\
                            [dev-dependencies]\nheadwater-testkit = { path = \"../testkit\" }\n";

    fn package(name: &str, dependency: &str, kind: Option<&str>, is_ours: bool) -> Package {
        Package {
            name: name.into(),
            manifest_path: String::new(),
            dependencies: vec![Dependency {
                name: dependency.into(),
                kind: kind.map(Into::into),
                path: is_ours.then(String::new),
            }],
        }
    }

    fn lines(package: &Package, path: &str) -> Vec<usize> {
        check_package(package, path, MANIFEST).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn an_arrow_points_up_the_list_only() {
        assert_eq!(
            lines(&package("headwater-client", "headwater-wire", None, true), "crates/client/Cargo.toml"),
            NONE
        );
        assert_eq!(
            lines(&package("headwater-client", "headwater-broker", None, true), "crates/client/Cargo.toml"),
            [5]
        );
        assert_eq!(
            lines(&package("headwater-cli", "headwater-broker", None, true), "crates/cli/Cargo.toml"),
            NONE
        );
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        let dev = package("headwater-streams", "headwater-testkit", Some("dev"), true);
        assert_eq!(lines(&dev, "crates/streams/Cargo.toml"), NONE);
        let shipped = package("headwater-cli", "headwater-testkit", None, true);
        assert_eq!(lines(&shipped, "crates/cli/Cargo.toml"), [1]);
        let broker = package("headwater-streams", "headwater-broker", Some("dev"), true);
        assert_eq!(lines(&broker, "crates/streams/Cargo.toml"), [1]);
    }

    #[test]
    fn an_example_knows_the_library_alone() {
        assert_eq!(
            lines(&package("headwater-bank", "headwater", None, true), "examples/bank/Cargo.toml"),
            NONE
        );
        assert_eq!(
            lines(&package("headwater-bank", "headwater-broker", None, true), "examples/bank/Cargo.toml"),
            [5]
        );
    }

    #[test]
    fn an_oracle_does_not_ship() {
        let path = "crates/wire/Cargo.toml";
        assert_eq!(lines(&package("headwater-wire", "kafka-protocol", Some("dev"), false), path), NONE);
        assert_eq!(lines(&package("headwater-wire", "kafka-protocol", None, false), path), [1]);
        assert_eq!(lines(&package("headwater-wire", "tokio", None, false), path), [1]);
    }

    #[test]
    fn a_new_crate_is_entered_into_the_table() {
        assert_eq!(lines(&package("headwater-new", "bytes", None, false), "crates/new/Cargo.toml"), [1]);
    }
}
