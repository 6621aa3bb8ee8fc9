//! What a row costs the thread that reads: to be read, and to be read and mapped. No delivery.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use contact_sink_core::{Field, FieldKind};
use contact_sink_mapping::{FieldMapping, Mapped, Mapper, Mapping, SubjectColumns, Tally};
use contact_sink_source::{Dialect, Input, ReadControl};

/// Measured so often; the median counts.
const RUNS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file] = arguments.as_slice() else {
        // Also what `cargo test` runs of it: nothing.
        eprintln!("usage: rows FILE, with the columns of examples/contacts.csv");
        return Ok(());
    };
    let mut input = Input::open(Path::new(file), None, Dialect::default())?.with_id_places(vec![0]);
    let rows = input.preflight(&[], &ReadControl::default())?.rows();
    let field = |name: &str, kind| Field::new(name).map(|field| FieldMapping::new(field, kind, name));
    let mapping = Mapping::new(SubjectColumns::user("cuid"))
        .with(field("mobile", FieldKind::Phone)?)?
        .with(field("email", FieldKind::Email)?)?
        .with(field("registration_id", FieldKind::Text)?)?;
    let mapper = Mapper::new(mapping, input.layout())?;
    let (mut read, mut mapped) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        read.push(measure(&mut input, None)?);
        mapped.push(measure(&mut input, Some(&mapper))?);
    }
    let [read, mapped] = [read, mapped].map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        seconds[RUNS / 2] * 1e9 / rows as f64
    });
    println!("{rows} rows: {read:.0} ns a row to read, {mapped:.0} ns to read and map");
    Ok(())
}

/// How many seconds all rows take.
fn measure(input: &mut Input, mapper: Option<&Mapper>) -> Outcome<f64> {
    let start = Instant::now();
    let (mut rows, mut tally) = (input.rows(Arc::new(ReadControl::default())), Tally::default());
    while let Some(block) = rows.next_block() {
        let block = block?;
        let Some(mapper) = mapper else { continue };
        let map = |place| mapper.map_counted(block.record(place), &mut tally);
        let updates: Vec<Mapped> = (0..block.len()).map(map).collect();
        if updates.iter().any(|mapped| !matches!(mapped, Mapped::Update(_))) {
            return Err("a row made no update".into());
        }
    }
    Ok(start.elapsed().as_secs_f64())
}
