//! `cargo xtask docs`: the documentation builds without a warning: no broken link, no item without a sentence.

use anyhow::Result;

use crate::shell;

pub(crate) fn run() -> Result<()> {
    let mut command = shell::cargo();
    command.args(["doc", "--locked", "--quiet", "--workspace", "--no-deps", "--all-features"]);
    shell::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}
