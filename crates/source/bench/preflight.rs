//! How fast the pre-flight reads a file, beside the csv crate on the same file. `cargo xtask bench preflight` calls it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use contact_sink_source::{Dialect, Input, ReadControl};

/// Measured so often; the median counts.
const RUNS: usize = 5;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file] = arguments.as_slice() else {
        // Also what `cargo test` runs of it: nothing.
        eprintln!("usage: preflight FILE");
        return Ok(());
    };
    let path = Path::new(file);
    let (mut preflight, mut rows, mut baseline) = (Vec::new(), Vec::new(), Vec::new());
    let bytes = std::fs::metadata(path)?.len() as f64;
    for _ in 0..RUNS {
        let mut input = Input::open(path, None, Dialect::default())?.with_id_places(vec![0]);
        let start = Instant::now();
        let found = input.preflight(&[], &ReadControl::default())?;
        preflight.push(start.elapsed().as_secs_f64());

        let start = Instant::now();
        let read = input.rows(Arc::new(ReadControl::default())).filter(Result::is_ok).count() as u64;
        rows.push(start.elapsed().as_secs_f64());

        let start = Instant::now();
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
        let (mut record, mut count) = (csv::ByteRecord::new(), 0);
        while reader.read_byte_record(&mut record)? {
            count += 1;
        }
        baseline.push(start.elapsed().as_secs_f64());
        if (read, count) != (found.rows(), found.rows()) {
            return Err(format!("{} rows, then {read}, and the csv crate has {count}", found.rows()).into());
        }
    }
    let [preflight, rows, baseline] = [preflight, rows, baseline].map(|mut seconds| {
        seconds.sort_by(f64::total_cmp);
        bytes / seconds[RUNS / 2] / 1e6
    });
    println!("{{\"preflight\": {preflight}, \"rows\": {rows}, \"csv\": {baseline}}}");
    Ok(())
}
