//! The command line: arguments, one file a command. It wires the rooms together, and it alone prints.

mod baseline;
mod conformance;
mod coverage;
mod device;
mod dry_run;
mod exit;
mod explain;
mod interrupt;
mod jobs;
mod list;
mod new;
mod outputs;
mod proxy;
mod replay;
mod reports;
mod run;
mod schema;
mod select;
mod serve;
mod shard;
mod streams;
mod subject;
mod validate;
mod whole;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use exit::Exit;
use streams::{failed, print, say, tell, tell_error, warn, wrong};

/// Proves that offline-first mobile sync survives the field.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay scenarios and judge what happened
    Run(run::RunArguments),
    /// Check a client of your own against the reference server: a verdict by requirement
    CheckClient(conformance::CheckClientArguments),
    /// Check a server of your own with the reference client: a verdict by requirement
    CheckServer(conformance::CheckServerArguments),
    /// Put shards together, compare runs
    #[command(subcommand)]
    Report(reports::ReportCommand),
    /// Accept what scenarios cost
    #[command(subcommand)]
    Baseline(baseline::BaselineCommand),
    /// Show which requirement is shown by which scenario, and how that went
    Coverage(coverage::CoverageArguments),
    /// Check scenario files without running them
    Validate(validate::ValidateArguments),
    /// Write a commented scenario to start from
    New(new::NewArguments),
    /// Show which scenarios there are
    List(list::ListArguments),
    /// Say what a step, a key, a claim, a fault, a profile, a check or a requirement is
    Explain(explain::ExplainArguments),
    /// Be the reference server, for clients and tools of your own
    Serve(serve::ServeArguments),
    /// Stand between an app and its server, and be a bad network
    Proxy(proxy::ProxyArguments),
    /// Print what is generated from the code's types
    Schema(schema::SchemaArguments),
    /// Be the reference client: speaks the device protocol on standard input and output
    #[command(hide = true)]
    Device,
}

/// Runs the program and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    start_log();
    streams::ended(run_command(std::env::args_os())).into()
}

fn run_command(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way, too.
            let printed = error.print();
            if error.use_stderr() {
                return Exit::WrongInput;
            }
            streams::written(printed);
            return Exit::Held;
        }
    };
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::CheckClient(arguments) => conformance::check_client(&arguments),
        Command::CheckServer(arguments) => conformance::check_server(&arguments),
        Command::Report(command) => reports::report(&command),
        Command::Baseline(command) => baseline::baseline(&command),
        Command::Coverage(arguments) => coverage::coverage(&arguments),
        Command::Validate(arguments) => validate::validate(&arguments),
        Command::New(arguments) => new::new(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Proxy(arguments) => proxy::proxy(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Device => device::device(),
    }
}

/// Logs go to standard error, for `DEADZONE_LOG` as `tracing` filters are written; silent without it.
fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DEADZONE_LOG");
    if let Ok(filter) = filter {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}
