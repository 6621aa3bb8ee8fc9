//! What a vendor's code means, what is done about it, and what a person can do: from the tables by which the sinks judge.

use std::fmt::Write as _;
use std::io::Write as _;

use contact_sink_core::{Code, Effect, ErrorCode};

use crate::args;
use crate::exit_status::{Failure, Status};

/// A vendor's table, and what becomes of a code that it lacks.
struct Table {
    vendor: &'static str,
    /// Further names of it: those of its destinations.
    aliases: &'static [&'static str],
    codes: &'static [Code],
    unknown: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        vendor: contact_sink_jiguang::VENDOR,
        aliases: &[],
        codes: contact_sink_jiguang::CODES,
        unknown: "the one to blame is looked for, then heard once more and rejected, but only if the vendor accepts others",
    },
    Table {
        vendor: contact_sink_engagelab::VENDOR,
        aliases: &[],
        codes: contact_sink_engagelab::CODES,
        unknown: "heard once more, then rejected, but only if the vendor accepts others",
    },
    Table {
        vendor: contact_sink_tencent::VENDOR,
        aliases: &["tencent-attributes", "tencent-friends"],
        codes: contact_sink_tencent::CODES,
        unknown: "for one account rejected, for a whole request the one to blame is looked for; either way heard once more, and \
                  rejected only if the vendor accepts others",
    },
];

/// Prints one line of a table, or all of it in short.
pub fn run(args: &args::Explain) -> Result<Status, Failure> {
    let wanted = args.vendor.as_str();
    let table = table(wanted).ok_or_else(|| {
        let hint = contact_sink_mapping::hint(wanted, TABLES.iter().flat_map(Table::names));
        Failure::usage(format!("there is no vendor {wanted:?}{hint}"))
    })?;
    let text = match &args.code {
        Some(code) => table.one(code),
        None => table.all(),
    };
    // Whoever closes the pipe has read enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(Status::Done)
}

/// Whether there is something to say about a vendor's code.
pub fn knows(vendor: &str, code: &ErrorCode) -> bool {
    table(vendor).is_some_and(|table| Code::find(table.codes, code).is_some())
}

fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.names().any(|known| known == name))
}

impl Table {
    fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.vendor).chain(self.aliases.iter().copied())
    }

    fn one(&self, code: &ErrorCode) -> String {
        let vendor = self.vendor;
        let Some(line) = Code::find(self.codes, code) else {
            return format!(
                "{vendor} {code}: not in the vendor's table\n  what is done: {}\n  what to do: read the vendor's text in the \
                 file of rejected rows, and ask the vendor\n",
                self.unknown
            );
        };
        let Code { meaning, effect, advice, source, .. } = line;
        let mut text = format!("{vendor} {code}: {meaning}\n");
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

    fn all(&self) -> String {
        let mut text = String::new();
        for Code { code, meaning, effect, item_effect, .. } in self.codes {
            let _ = match item_effect {
                Some(item) => writeln!(text, "{code:>6}  {meaning}: {effect}; for one update: {item}"),
                None => writeln!(text, "{code:>6}  {meaning}: {effect}"),
            };
        }
        let _ = writeln!(text, " other  {}", self.unknown);
        text
    }
}
