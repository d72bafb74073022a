//! Every API in the broker's table is exercised by a test of the broker.
//!
//! Owns: reading the table's request types, and the rule that the broker's integration tests name each of them.

use std::path::Path;

use anyhow::Context;

use super::problem::Problem;

const TABLE: &str = "crates/broker/src/api.rs";
const TESTS: &str = "crates/broker/tests/it/";

/// Checks the table against the tests among the repository's files.
pub(super) fn check_workspace(root: &Path, files: &[String]) -> anyhow::Result<Vec<Problem>> {
    let read =
        |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
    let mut tests = String::new();
    for path in files.iter().filter(|path| path.starts_with(TESTS)) {
        tests.push_str(&read(path)?);
    }
    Ok(check(&read(TABLE)?, &tests))
}

fn check(table: &str, tests: &str) -> Vec<Problem> {
    let words: std::collections::BTreeSet<&str> =
        tests.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let untested = requests(table).filter(|(_, request)| !words.contains(request));
    untested
        .map(|(line, request)| {
            Problem::new(
                TABLE,
                line,
                format!("no test in {TESTS} sends a {request}: an API without tests is not served"),
            )
        })
        .collect()
}

/// The request types of the table's rows, with their lines.
fn requests(table: &str) -> impl Iterator<Item = (usize, &str)> {
    let rows = (1..).zip(table.lines()).skip_while(|(_, line)| !line.starts_with("apis! {"));
    rows.skip(1).take_while(|(_, line)| *line != "}").filter_map(|(number, line)| {
        // What follows a comma is how the API is served.
        let row = line.trim().strip_suffix(';')?.split(',').next()?;
        let request = row.rsplit("::").next()?;
        Some((number, request))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE_TEXT: &str = "use a::b;\n\napis! {\n    Produce 3..=13 produce::ProduceRequest, pipelined if a::b;\n    Fetch 4..=18 fetch::FetchRequest;\n}\n";

    #[test]
    fn an_api_whose_request_no_test_names_is_a_problem() {
        let problems = check(TABLE_TEXT, "client.call(9, &ProduceRequest::default()); // PrefetchRequest");
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [5]);
        assert!(check(TABLE_TEXT, "ProduceRequest FetchRequest").is_empty());
    }

    #[test]
    fn the_real_table_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let table = std::fs::read_to_string(root.join(TABLE)).unwrap();
        assert!(requests(&table).any(|(_, request)| request == "IncrementalAlterConfigsRequest"));
    }
}
