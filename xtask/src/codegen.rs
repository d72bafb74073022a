//! `cargo xtask codegen`: the protocol's messages, written from the field tables.
//!
//! Owns: the tables' grammar ([`table`]), what they mean ([`model`]), the Rust that is written from them ([`emit`]).
//!
//! Invariant: the output depends on the tables alone, and is checked in; `--check` tells when it is out of date.

mod emit;
mod emit_fill;
mod model;
mod names;
mod output;
mod table;
mod versions;

use std::path::Path;

use anyhow::Context;

use model::Module;
use output::Output;

/// Options of this chore.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail if what is checked in is not what would be written
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the repository")?;
    let modules = read_tables(&root.join("crates/wire/tables"))?;

    let mut output = Output::new(root);
    output.add("crates/wire/src/api_key.rs", emit::api_keys(&modules));
    output.add("crates/wire/src/messages.rs", emit::message_modules(&modules));
    output.add("crates/wire/tests/it/fill/modules.rs", emit_fill::all(&modules)?);
    for module in &modules {
        output.add(&format!("crates/wire/src/messages/{}.rs", module.name), emit::messages(module)?);
        output.add(
            &format!("crates/wire/tests/it/fill/modules/{}.rs", module.name),
            emit_fill::messages(module),
        );
    }
    let folders = ["crates/wire/src/messages", "crates/wire/tests/it/fill/modules"];
    if options.check { output.check(&folders) } else { output.write(&folders) }
}

/// Every table of a folder, in order of its name.
fn read_tables(folder: &Path) -> anyhow::Result<Vec<Module>> {
    let mut paths = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("cannot list {}", folder.display()))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            Module::new(&name, table::parse(&text)?)
        })
        .zip(&paths)
        .map(|(module, path)| module.with_context(|| format!("in {}", path.display())))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_checked_in_is_what_the_tables_say() {
        super::run(&super::Options { check: true }).unwrap();
    }
}
