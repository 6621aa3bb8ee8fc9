//! What a vendor's code means, what is done about it, and what a person can do: from the tables by which the sinks judge.

use std::fmt::Write as _;
use std::io::Write as _;

use contact_sink::kits;
use contact_sink_core::{Code, Effect, ErrorCode};
use contact_sink_transport::Vendor;

use crate::args;
use crate::exit_status::{Failure, Status};

/// Prints one line of a table, or all of it in short.
pub fn run(args: &args::Explain) -> Result<Status, Failure> {
    let wanted = args.vendor.as_str();
    let vendor = vendor(wanted).ok_or_else(|| {
        let hint = contact_sink_mapping::hint(wanted, names());
        Failure::usage(format!("there is no vendor {wanted:?}{hint}"))
    })?;
    let text = match &args.code {
        Some(code) => one(vendor, code),
        None => all(vendor),
    };
    // A reader that closes the pipe has read enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Status::Done)
}

/// Whether there is something to say about a vendor's code.
pub fn knows(name: &str, code: &ErrorCode) -> bool {
    vendor(name).is_some_and(|vendor| Code::find(vendor.codes, code).is_some())
}

/// The vendor of a destination, or the vendor of this name.
fn vendor(name: &str) -> Option<&'static Vendor> {
    kits().find(|kit| [kit.name, kit.vendor.name].contains(&name)).map(|kit| kit.vendor)
}

/// The names of vendors, each followed by those of its destinations if they are others.
fn names() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    kits().flat_map(move |kit| {
        let is_new = std::mem::replace(&mut last, kit.vendor.name) != kit.vendor.name;
        let vendor = is_new.then_some(kit.vendor.name);
        vendor.into_iter().chain((kit.name != kit.vendor.name).then_some(kit.name))
    })
}

fn one(vendor: &Vendor, code: &ErrorCode) -> String {
    let name = vendor.name;
    let Some(line) = Code::find(vendor.codes, code) else {
        return format!(
            "{name} {code}: not in the vendor's table\n  what is done: {}\n  what to do: read the vendor's text in the \
             file of rejected rows, and ask the vendor\n",
            vendor.unlisted
        );
    };
    let Code { meaning, effect, advice, source, .. } = line;
    let mut text = format!("{name} {code}: {meaning}\n");
    // Writing to a String cannot fail.
    let _ = match line.item_effect {
        Some(item) => writeln!(text, "  what is done: for a whole request: {effect}; for one update: {item}"),
        None => writeln!(text, "  what is done: {effect}"),
    };
    if *effect != Effect::Accepts {
        let _ = writeln!(text, "  what to do: {advice}");
    }
    let _ = writeln!(text, "  source: {source}");
    text
}

fn all(vendor: &Vendor) -> String {
    let mut text = String::new();
    for Code { code, meaning, effect, item_effect, .. } in vendor.codes {
        let _ = match item_effect {
            Some(item) => writeln!(text, "{code:>6}  {meaning}: {effect}; for one update: {item}"),
            None => writeln!(text, "{code:>6}  {meaning}: {effect}"),
        };
    }
    let _ = writeln!(text, " other  {}", vendor.unlisted);
    text
}
