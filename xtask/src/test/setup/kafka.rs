//! Apache Kafka's jars: its broker, its tools (`tests/kafka/pom.xml`).

use std::path::Path;
use std::process::Command;

use super::super::process::run_quietly;
use super::is_found;
use super::stamp::{Stamp, remove};

/// Has Maven copy them into `kafka/libs`.
pub(super) fn set_up(root: &Path, folder: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(is_found("java", "-version"), "no Java: install a JDK, 17 or newer");
    let wanted = root.join("tests/kafka/pom.xml");
    let libs = folder.join("kafka/libs");
    let stamp = Stamp::new(&wanted, folder.join("kafka/made-from"))?;
    if !stamp.is_current() {
        anyhow::ensure!(is_found("mvn", "--version"), "no Maven to fetch Apache Kafka with: install maven");
        remove(&libs)?;
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "--file"]).arg(&wanted);
        maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", libs.display()));
        run_quietly(maven)?;
        stamp.set()?;
    }
    Ok(())
}
