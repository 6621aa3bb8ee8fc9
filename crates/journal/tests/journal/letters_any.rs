//! The file of letters under anything in any order: commits, writes, kills that tear it, and edits.

use std::fs;
use std::path::PathBuf;

use contact_sink_journal::{Recovered, Run};
use proptest::prelude::*;

use crate::letters::{HEAD, commit};
use crate::world::{World, finish};

#[derive(Debug, Clone)]
enum Step {
    /// Lines with so many letters each.
    Commit(Vec<usize>),
    Write,
    /// How much of what may be torn is left, in 1/255.
    Kill(u8),
    Finish,
    /// The run is killed, and the owner puts a note at the file's head.
    Edit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let commit = prop::collection::vec(0..12usize, 1..4).prop_map(Step::Commit);
    let kill = prop_oneof![any::<u8>(), Just(0), Just(255)].prop_map(Step::Kill);
    let step =
        prop_oneof![6 => commit, 4 => Just(Step::Write), 2 => kill, 1 => Just(Step::Finish), 1 => Just(Step::Edit)];
    prop::collection::vec(step, 1..30)
}

struct Case {
    world: World,
    head: &'static str,
    /// The lines of each commit.
    chunks: Vec<String>,
    /// The files so far, the last one is written now.
    files: Vec<PathBuf>,
}

impl Case {
    fn file(&self) -> &PathBuf {
        self.files.last().unwrap()
    }

    fn commit(&mut self, run: &mut Run, lines: &[usize]) {
        let row = self.chunks.len() as u64;
        let chunk: String = lines.iter().enumerate().map(|(n, x)| format!("{row}.{n} {}\n", "x".repeat(*x))).collect();
        commit(run, self.file(), self.head, row, &chunk);
        self.chunks.push(chunk);
    }

    /// A power cut may take what is not on the disk for sure.
    fn tear(&self, left: u8) {
        let Ok(bytes) = fs::read(self.file()) else { return };
        let known = usize::try_from(self.world.ask("SELECT rejected_bytes FROM run")).unwrap();
        let keep = known + (bytes.len() - known) * usize::from(left) / 255;
        fs::write(self.file(), &bytes[..keep]).unwrap();
    }

    fn go_on(&mut self) -> Run {
        let mut run = self.world.run();
        let next = self.world.path(&format!("letters-{}", self.files.len()));
        if run.recover_letters(self.head.as_bytes(), || next.clone()).unwrap() == Recovered::Edited {
            self.files.push(next);
        }
        assert!(!run.has_unwritten_letters());
        run
    }

    /// Each chunk stands whole in one file, in order; and nothing else does.
    fn check(&self) {
        let mut next = 0;
        for path in &self.files {
            let Ok(text) = fs::read_to_string(path) else { continue };
            let mut rest = text.strip_prefix("a note\n").unwrap_or(&text);
            rest = rest.strip_prefix(self.head).expect("its head");
            while let Some(chunk) = self.chunks.get(next)
                && let Some(behind) = rest.strip_prefix(chunk.as_str())
            {
                (rest, next) = (behind, next + 1);
            }
            assert_eq!(rest, "", "{}, at chunk {next}", path.display());
        }
        assert_eq!(next, self.chunks.len(), "a chunk is missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_line_is_torn_doubled_or_lost(steps in steps(), with_head in any::<bool>()) {
        let world = World::new();
        let files = vec![world.path("letters-0")];
        let mut case = Case { world, head: if with_head { HEAD } else { "" }, chunks: Vec::new(), files };
        let mut run = case.world.run();
        for step in steps {
            match step {
                Step::Commit(lines) => {
                    case.commit(&mut run, &lines);
                    continue;
                }
                Step::Write => {
                    run.write_letters().unwrap();
                    case.check();
                    continue;
                }
                Step::Kill(left) => {
                    case.world.kill(run);
                    case.tear(left);
                }
                Step::Finish => finish(run),
                Step::Edit => {
                    case.world.kill(run);
                    if let Ok(text) = fs::read_to_string(case.file()) {
                        fs::write(case.file(), format!("a note\n{text}")).unwrap();
                    }
                }
            }
            run = case.go_on();
            case.check();
        }
        run.write_letters().unwrap();
        finish(run);
        case.check();
        prop_assert_eq!(case.world.ask("SELECT count(*) FROM rejected_line"), 0);
    }
}
