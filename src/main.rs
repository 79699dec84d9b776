//! Exit code only; the program is [`deadzone::cli`].

fn main() -> std::process::ExitCode {
    deadzone::cli::main()
}
