//! Reads a mapping from TOML.

use contact_sink_core::{Field, FieldKind, SubjectKind};

use crate::empty_words::EmptyWords;
use crate::mapping::{ColumnRules, FieldMapping, Mapping};
use crate::section::{ConfigError, ConfigText, Section};
use crate::subject::{EmptySubject, SubjectColumns};

/// Reads a field as the user wrote it; the vendor's crate knows the field's name and what it holds. The error is in words.
pub type ReadField<'f> = &'f dyn Fn(&str) -> Result<(Field, FieldKind), String>;

impl Mapping {
    /// Reads a mapping: the keys `subject`, `set`, `list_separator` and `input` of the command's configuration file.
    ///
    /// ```
    /// use contact_sink_core::FieldKind;
    /// use contact_sink_engagelab::{contact, kind};
    /// use contact_sink_mapping::{Mapping, SubjectKind};
    ///
    /// let text = r#"
    ///     subject = { from = "euid", as = "trim" }
    ///     input = { null = ["-"] }
    ///     [set]
    ///     mobile_phone = "mobile"
    ///     email = { from = "mail", check = false }
    /// "#;
    /// let mapping = Mapping::from_toml(text, SubjectKind::User, &|name| {
    ///     let field = contact(name).map_err(|error| error.to_string())?;
    ///     Ok((field.clone(), kind(&field)))
    /// })?;
    /// assert_eq!(mapping.fields()[1].kind(), FieldKind::Phone);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] with line and column; the file is called `mapping`.
    pub fn from_toml(text: &str, kind: SubjectKind, field: ReadField<'_>) -> Result<Self, ConfigError> {
        let source = ConfigText { name: "mapping", text };
        let table = source.parse()?;
        let root = Section::root(source, &table);
        let mut mapping = Self::read(&root, kind, field)?;
        if let Some(input) = root.section("input")? {
            mapping.empty_words = EmptyWords::read(&input)?;
            input.finish()?;
        }
        root.finish()?;
        Ok(mapping)
    }

    /// Reads `subject`, `set` and, if a field holds a list, `list_separator` from the section of a destination.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line and column.
    pub fn read(section: &Section<'_>, kind: SubjectKind, field: ReadField<'_>) -> Result<Self, ConfigError> {
        let mut mapping = read_subject(section, kind)?;
        let table = section.required_section("set")?;
        let mut separator = None;
        for (written, span, value) in table.entries() {
            let refuse =
                |problem: &dyn std::fmt::Display| table.failure(span.clone(), format!("{written:?}: {problem}"));
            let (field, kind) = field(written).map_err(|problem| refuse(&problem))?;
            let column = match value.get_ref().as_str() {
                Some(column) => FieldMapping::new(field, kind, column),
                None if value.get_ref().as_table().is_none() => {
                    return Err(table.wrong_type(
                        written,
                        value,
                        "a column's name in quotes, or { from = \"COLUMN\" }",
                    ));
                }
                None => {
                    let from = table.below(written, value)?;
                    let mut column = FieldMapping::new(field, kind, from.required_text("from")?);
                    column.rules = rules(&from)?;
                    from.finish()?;
                    column
                }
            };
            let column = if kind == FieldKind::List {
                if separator.is_none() {
                    separator = Some(read_separator(section)?);
                }
                column.with_separator(separator.clone().unwrap_or_default())
            } else {
                column
            };
            mapping = mapping.with(column).map_err(|error| refuse(&error))?;
        }
        if mapping.fields.is_empty() {
            return Err(section.failure_at("set", "it names no field: write the vendor's field = the column"));
        }
        Ok(mapping)
    }
}

impl EmptyWords {
    /// Reads `null` and `null_defaults` from the section `input`.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line and column.
    pub fn read(input: &Section<'_>) -> Result<Self, ConfigError> {
        let words = if input.bool("null_defaults")?.unwrap_or(true) { Self::default() } else { Self::none() };
        Ok(input.texts("null")?.unwrap_or_default().into_iter().fold(words, Self::with))
    }
}

/// What a vendor of this kind keeps, and what is to be written for it.
fn words(kind: SubjectKind) -> (&'static str, &'static str) {
    match kind {
        SubjectKind::User => (
            "data of users, not of entries of address books",
            "a column's name in quotes, or { from = \"COLUMN\", empty = \"skip\" }",
        ),
        SubjectKind::Contact => (
            "entries of users' address books",
            "{ owner = \"COLUMN\", contact = \"COLUMN\" }, or the same with empty = \"skip\"",
        ),
    }
}

fn read_subject(section: &Section<'_>, kind: SubjectKind) -> Result<Mapping, ConfigError> {
    let (keeps, write) = words(kind);
    let wrong_kind = || section.failure_at("subject", format!("this vendor keeps {keeps}: write {write}"));
    if let Some(value) = section.get("subject").filter(|value| value.get_ref().as_table().is_none()) {
        return match (value.get_ref().as_str(), kind) {
            (Some(column), SubjectKind::User) => Ok(Mapping::new(SubjectColumns::user(column))),
            (Some(_), SubjectKind::Contact) => Err(wrong_kind()),
            (None, _) => Err(section.wrong_type("subject", value, write)),
        };
    }
    let table = section.required_section("subject")?;
    let has = |wanted: &str| table.entries().any(|(key, ..)| key == wanted);
    let columns = match kind {
        SubjectKind::User if !has("from") && (has("owner") || has("contact")) => return Err(wrong_kind()),
        SubjectKind::User => SubjectColumns::user(table.required_text("from")?),
        SubjectKind::Contact if has("from") => return Err(wrong_kind()),
        SubjectKind::Contact => {
            let (owner, contact) = (table.required_text("owner")?, table.required_text("contact")?);
            if owner == contact {
                return Err(
                    table.failure_at("contact", "it is also the owner's column: write the column of the friend's id")
                );
            }
            SubjectColumns::contact(owner, contact)
        }
    };
    let mut mapping = Mapping::new(columns);
    mapping.empty_subject = match table.text("empty")? {
        None | Some("reject") => EmptySubject::Reject,
        Some("skip") => EmptySubject::Skip,
        Some(_) => return Err(table.failure_at("empty", "it is \"skip\" or \"reject\"")),
    };
    mapping.subject_rules = rules(&table)?;
    table.finish()?;
    Ok(mapping)
}

/// Reads `as` and `check` of one column.
fn rules(column: &Section<'_>) -> Result<ColumnRules, ConfigError> {
    let trim = match column.text("as")? {
        None => false,
        Some("trim") => true,
        Some(_) => return Err(column.failure_at("as", "it is \"trim\"")),
    };
    Ok(ColumnRules { trim, check: column.bool("check")?.unwrap_or(true) })
}

/// Reads `list_separator`: to a vendor without lists the key is unknown.
fn read_separator(section: &Section<'_>) -> Result<String, ConfigError> {
    match section.text("list_separator")? {
        Some("") => Err(section.failure_at("list_separator", "it is empty: write what is between two entries")),
        text => Ok(text.unwrap_or(crate::mapping::LIST_SEPARATOR).to_owned()),
    }
}
