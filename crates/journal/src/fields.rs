//! The numbers that stand for fields in a journal or an index: its table `field`.

use std::collections::HashMap;

use contact_sink_core::Field;
use rusqlite::{Connection, params};

/// The fields that have a number. It never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldNumbers {
    numbers: HashMap<Field, u16>,
    next: usize,
}

impl FieldNumbers {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut all = connection.prepare("SELECT name, id FROM field")?;
        let all = all.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        let mut fields = Self::default();
        for named in all {
            let (name, id) = named?;
            fields.next += 1;
            // No update has a field whose name is not valid any more.
            if let Ok(field) = Field::new(name) {
                fields.numbers.insert(field, id);
            }
        }
        Ok(fields)
    }

    pub(crate) fn get(&self, field: &Field) -> Option<u16> {
        self.numbers.get(field).copied()
    }

    /// The number of a field, which is given one if it has none; `None` if all 65,536 are used, which are more than any vendor has
    /// fields. One that a transaction gave which failed is given again.
    pub(crate) fn give(&mut self, connection: &Connection, field: &Field) -> rusqlite::Result<Option<u16>> {
        if let Some(number) = self.get(field) {
            return Ok(Some(number));
        }
        let Ok(number) = u16::try_from(self.next) else { return Ok(None) };
        let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO field (id, name) VALUES (?1, ?2)")?;
        statement.execute(params![number, field.as_str()])?;
        self.next += 1;
        self.numbers.insert(field.clone(), number);
        Ok(Some(number))
    }
}
