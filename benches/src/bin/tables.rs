//! Writes the tables of the documents from the newest record.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kovan_benches::command::{self, Failure};
use kovan_benches::documents::{RECORDS, newest, outdated};
use kovan_benches::{say, tables};

/// Writes the tables in README.md and docs/RESULTS.md from the newest record in docs/results, or says
/// there that there are no records yet.
#[derive(Parser)]
#[command(name = "tables")]
struct Arguments {
    /// The root of the repository.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    /// Writes nothing, and fails if a document is not what would be written.
    #[arg(long)]
    check: bool,
    /// Prints one table instead, from the newest record in --records: record, summary, thread-local,
    /// handle, node-sizes, baselines, robust, profiles or goals.
    #[arg(long)]
    print: Option<String>,
    /// The directory of the records for --print; docs/results if not said.
    #[arg(long, requires = "print")]
    records: Option<PathBuf>,
}

fn main() -> ExitCode {
    command::run(|Arguments { root, check, print, records }: Arguments| {
        if let Some(name) = print {
            let record = newest(&records.unwrap_or_else(|| root.join(RECORDS)))?;
            let Some(text) = tables::table(&name, record.as_ref()) else {
                return Err(Failure::Usage(format!("--print {name}: no table of this name")));
            };
            say!("{}", text.trim_end());
            return Ok(());
        }
        for document in outdated(&root)? {
            let path = document.path.display();
            if check {
                return Err(Failure::Other(format!(
                    "{path}: its tables are not of the newest record"
                )));
            }
            fs::write(&document.path, document.text).map_err(|error| format!("{path}: {error}"))?;
            say!("{path}");
        }
        Ok(())
    })
}
