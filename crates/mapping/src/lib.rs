//! Makes contact updates of records: which column sets which field, which words mean nothing, which values cannot be right.
//!
//! A [`Record`] has named values: a row of a CSV file, an object of NDJSON, a struct of a service. A [`Mapping`] says which of
//! them is the subject and which field each of the others sets. A [`Mapper`] applies the mapping to the records of one input.
//!
//! ```
//! use contact_sink_core::FieldKind;
//! use contact_sink_mapping::{FieldMapping, Layout, Mapped, Mapper, Mapping, Record, SubjectColumns};
//!
//! let email = "email".parse()?;
//! let mapping = Mapping::new(SubjectColumns::user("id"))
//!     .with(FieldMapping::new(email, FieldKind::Email, "mail").trimmed())?;
//! let mapper = Mapper::new(mapping, &Layout::objects())?;
//!
//! let record = Record::from_pairs([("id", "7"), ("mail", " a@b.example"), ("city", "Shenzhen")]);
//! assert!(matches!(mapper.map(&record), Mapped::Update(update) if update.fields().len() == 1));
//!
//! let record = Record::from_pairs([("id", "7"), ("mail", "none")]);
//! let Mapped::Reject(problems) = mapper.map(&record) else { panic!("that is no e-mail address") };
//! assert_eq!(problems[0].column(), Some("mail"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Values that are rejected
//! A mapping checks what no vendor checks, or what a vendor finds out too late. [`FieldMapping::unchecked`] and
//! [`Mapping::with_unchecked_subject`] switch the checks off.
//!
//! | value | rule |
//! |---|---|
//! | any | no control character but a tab; no spreadsheet formula (`="7"`), no spreadsheet error (`#REF!`) |
//! | id, phone number, e-mail address | no white space and no invisible character at its ends; within it joiners and variation selectors only |
//! | id | not `nan`, `NaN`, `None`, `null`, `<NA>` or `undefined`; no whole number with a fraction (`7.0`), no exponent (`1.3E+10`, `1e+05`) |
//! | phone number | 3 to 40 characters: digits (at least 3), spaces, `+-()./#*,;`, an extension (`x12`, `ext 12`), `@c.us`; not ending in `.0` |
//! | e-mail address | one `@` with text on both sides, no white space, at most 320 bytes |
//!
//! No `Debug` or `Display` of this crate prints a value of a record.

mod cell;
mod check;
mod checked_as;
#[cfg(feature = "toml")]
mod config;
mod empty_words;
mod mapper;
mod mapping;
mod nearest;
mod object;
mod plain;
mod problem;
mod record;
#[cfg(feature = "toml")]
mod section;
mod subject;
mod tally;

#[cfg(feature = "toml")]
pub use config::ReadField;
/// In signatures here.
pub use contact_sink_core::SubjectKind;
pub use empty_words::EmptyWords;
pub use mapper::{InvalidLayout, Layout, Mapped, Mapper};
pub use mapping::{FieldMapping, InvalidMapping, Mapping};
pub use nearest::{hint, near};
pub use object::{InvalidObject, each_field, field_names, is_fed_back};
pub use problem::Problem;
pub use record::{
    Cells, CellsRef, Columns, InvalidColumns, InvalidRecord, RAW, REJECTED_BY_RUN, REJECTED_ERRORS,
    REJECTED_ROWS_COLUMNS, Record, RecordRef, RejectedBy, is_reserved,
};
#[cfg(feature = "toml")]
pub use section::{ConfigError, ConfigText, Section};
pub use subject::{EmptySubject, SubjectColumns};
pub use tally::{LooksEmpty, SkipReason, Tally};
#[cfg(feature = "toml")]
pub use toml;
