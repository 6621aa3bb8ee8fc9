//! A place to run the command in, and what it printed.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use contact_sink_sandbox::{Sandbox, World};
use serde_json::{Map, Value};
use tempfile::TempDir;

pub const SECRET: &str = "c0rrect-h0rse";
/// Of the sample configuration: half of the credentials.
pub const API_KEY: &str = "7d431e42dfa6a6d693ac2d04";

/// A directory of its own, and a simulator of the vendor or several.
pub struct Place {
    pub directory: TempDir,
    pub sandbox: Sandbox,
    /// The simulators beside the first one.
    pub more: Vec<Sandbox>,
    _runtime: tokio::runtime::Runtime,
    pub secret: String,
}

/// What the command did.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// With one secret for all vendors, and the other credentials of the sample configuration. EngageLab has no quota here: by its
/// own, a thousand users take a minute.
pub fn world() -> World {
    let mut world = World::default();
    world.set_secret(SECRET);
    world.engagelab.api_key = API_KEY.to_owned();
    world.engagelab.quota = None;
    world
}

pub fn sample(name: &str) -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)).unwrap()
}

/// The destination at Jiguang of the sample configuration, with another name and address.
pub fn destination(name: &str, base_url: &str) -> String {
    let project = format!("project_id = \"sandbox\"\nbase_url = \"{base_url}\"");
    let sample = sample("contact-sink.toml");
    let (jiguang, _) = sample.split_once("\n# EngageLab").unwrap();
    jiguang
        .replace("project_id = \"100102\"", &project)
        .replace("[destinations.growth", &format!("[destinations.{name}"))
}

/// A destination of the sample configuration at another address, with all that the vendor may be asked a second.
pub fn sample_destination(name: &str, base_url: &str) -> String {
    let sample = sample("contact-sink.toml");
    let head = format!("[destinations.{name}]\n");
    let (_, section) = sample.split_once(&head).unwrap();
    let (fields, set) = section.split_once(&format!("[destinations.{name}.set]\n")).unwrap();
    let set = set.split("\n\n").next().unwrap();
    let fields = fields.lines().filter(|line| !line.starts_with("region = "));
    let fields: String = fields.map(|line| format!("{line}\n")).collect();
    let quota = if name == "ma" { "quota = \"1000/s\"\n" } else { "" };
    format!("{head}base_url = \"{base_url}\"\n{quota}{fields}[destinations.{name}.set]\n{set}\n")
}

/// An address at which nobody listens any more.
pub fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

impl Place {
    pub fn new(world: World) -> Self {
        Self::with([world])
    }

    /// With a simulator for each world.
    pub fn with(worlds: impl IntoIterator<Item = World>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let started = worlds.into_iter().map(|world| runtime.block_on(async { Sandbox::start(world) }).unwrap());
        let mut more: Vec<Sandbox> = started.collect();
        let (directory, sandbox) = (TempDir::new().unwrap(), more.remove(0));
        let place = Self { directory, sandbox, more, _runtime: runtime, secret: SECRET.to_owned() };
        place.write("contact-sink.toml", place.config());
        place
    }

    /// The sample configuration, at the simulator of this place.
    pub fn config(&self) -> String {
        destination("growth", &self.sandbox.base_url())
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// `contact-sink` with these arguments, in the directory of this place.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.finish(Command::new(env!("CARGO_BIN_EXE_contact-sink")).args(arguments))
    }

    /// The same where no file can become longer than this: a write beyond fails, as on a disk that is full.
    pub fn run_on_a_full_disk(&self, kilobytes: usize, arguments: &[&str]) -> Ran {
        // A shell counts in blocks of 512 bytes.
        let limited = format!("trap '' XFSZ; ulimit -f {}; \"$0\" \"$@\"", 2 * kilobytes);
        let command = env!("CARGO_BIN_EXE_contact-sink");
        self.finish(Command::new("sh").args(["-c", &limited, command]).args(arguments))
    }

    /// The same with a file of this place as standard input, through a pipe.
    pub fn run_from(&self, file: &str, arguments: &[&str]) -> Ran {
        let piped = format!("cat {file} | \"$0\" \"$@\"");
        self.finish(Command::new("sh").args(["-c", &piped, env!("CARGO_BIN_EXE_contact-sink")]).args(arguments))
    }

    /// `contact-sink sync -` of this input, whose writer keeps the pipe open until the command is gone.
    pub fn run_on_a_pipe(&self, input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_contact-sink"));
        command.args(["sync", "-", "--to", "growth", "--report", "json"]);
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(input.as_bytes()).unwrap();
        let ran = self.finish_with(command.stdin(reader));
        drop(writer);
        ran
    }

    /// The command while it runs.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_contact-sink"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.at(&mut command).spawn().unwrap()
    }

    pub fn finish(&self, command: &mut Command) -> Ran {
        self.finish_with(command.stdin(Stdio::null()))
    }

    fn finish_with(&self, command: &mut Command) -> Ran {
        Ran::of(self.at(command).output().unwrap())
    }

    pub fn at<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let secrets = ["JIGUANG_PROJECT_SECRET", "ENGAGELAB_API_SECRET", "TENCENT_SECRET_KEY"];
        command.current_dir(self.directory.path()).env("CONTACT_SINK_STATE", "state");
        command.envs(secrets.map(|name| (name, &self.secret)))
    }

    /// `contact-sink sync` of this input, with a report in JSON.
    pub fn sync(&self, input: impl AsRef<[u8]>, more: &[&str]) -> Ran {
        self.write("input.csv", input);
        let mut arguments = vec!["sync", "input.csv", "--to", "growth", "--report", "json"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// `contact-sink sync` of this file to these destinations, with a report in JSON. Nothing secret or personal is said.
    pub fn sync_to(&self, to: &str, file: &str, more: &[&str]) -> Ran {
        let arguments = ["sync", file, "--to", to, "--report", "json"];
        let ran = self.run(&[&arguments[..], more].concat());
        for text in [&ran.stdout, &ran.stderr] {
            // The name of the directory is random, and may hold a short secret's letters.
            let text = text.replace(&*self.directory.path().to_string_lossy(), "");
            for secret in [SECRET, API_KEY, "usersig=", "eJ", "user0", "marker", "客户", "@example.com"] {
                assert!(!text.contains(secret), "{secret} is said: {text}");
            }
        }
        ran
    }

    /// The files of rejected rows.
    pub fn rejected(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.directory.path().join("rejected")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// All rejected rows, as line, field, code, reason; by their lines.
    pub fn rejected_rows(&self) -> Vec<String> {
        self.rejected_rows_of("")
    }

    /// The same of one destination among several.
    pub fn rejected_rows_of(&self, destination: &str) -> Vec<String> {
        let files = self.rejected().into_iter();
        let files = files.filter(|path| path.file_stem().unwrap().to_str().unwrap().ends_with(destination));
        let mut rows: Vec<String> = files.flat_map(|path| rows_of(&path)).collect();
        // What a rule on rows refuses and what the sink does come to the file in any order.
        rows.sort_by_key(|row| row.split(',').next().and_then(|line| line.parse::<u64>().ok()));
        rows
    }

    /// What the simulator has stored for a user.
    pub fn stored(&self, cuid: i64) -> Vec<(String, String)> {
        self.sandbox.jiguang().stored(cuid).unwrap_or_default().into_iter().collect()
    }
}

/// Waits until something is so, which a busy machine may delay.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a signal: `INT`, `TERM`.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The rows of a file of rejected rows: line, field, code, reason.
pub fn rows_of(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    let mut rows = Vec::new();
    if path.extension().unwrap() == "ndjson" {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line).unwrap();
            let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            for error in row["_errors"].as_array().unwrap() {
                let [field, code, reason] = ["field", "code", "reason"].map(|key| word(&error[key]));
                rows.push(format!("{},{field},{code},{reason}", row["_line"]).replace(",null", ","));
            }
        }
    } else {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        for record in reader.byte_records() {
            let record = record.unwrap();
            let words: Vec<_> = (1..5).map(|place| String::from_utf8_lossy(&record[place])).collect();
            rows.push(words.join(","));
        }
    }
    rows
}

impl Ran {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        let status = output.status.code().expect("an exit status, not a signal");
        Self { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The reports of all destinations, by their names.
    pub fn reports(&self) -> Map<String, Value> {
        let report: Value = serde_json::from_str(&self.stdout).expect("one JSON object, alone on standard output");
        assert_eq!(report["schema"], 1);
        let destinations = report["destinations"].as_object().unwrap();
        for (name, counts) in destinations {
            let count = |name: &str| counts[name].as_u64().unwrap();
            let sum = ["accepted", "rejected", "skipped", "unchanged", "pending"].into_iter().map(count).sum::<u64>();
            assert_eq!(count("rows"), sum, "the report law: {name}: {counts}");
        }
        destinations.clone()
    }

    /// The report of the one destination.
    pub fn report(&self) -> Value {
        let reports = self.reports();
        assert_eq!(reports.len(), 1, "one destination: {reports:?}");
        reports.into_values().next().unwrap()
    }

    pub fn count(&self, name: &str) -> u64 {
        self.report()[name].as_u64().unwrap()
    }

    /// The same of one destination among several.
    pub fn count_of(&self, destination: &str, name: &str) -> u64 {
        self.reports()[destination][name].as_u64().unwrap()
    }
}
