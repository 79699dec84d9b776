//! Exit code only; the program is [`deadzone::cli`].

fn main() {}
