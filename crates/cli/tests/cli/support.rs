//! A place to run the command in, and what it printed.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use contact_sink_sandbox::{Sandbox, World};
use serde_json::{Map, Value};
use tempfile::TempDir;

pub const SECRET: &str = "c0rrect-h0rse";

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

pub fn world() -> World {
    let mut world = World::default();
    world.jiguang.project_secret = SECRET.to_owned();
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

    /// The same where no file can become longer than 512 bytes: a write beyond fails, as on a disk that is full.
    pub fn run_on_a_full_disk(&self, arguments: &[&str]) -> Ran {
        let limited = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let command = env!("CARGO_BIN_EXE_contact-sink");
        self.finish(Command::new("sh").args(["-c", limited, command]).args(arguments))
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

    fn finish(&self, command: &mut Command) -> Ran {
        self.finish_with(command.stdin(Stdio::null()))
    }

    fn finish_with(&self, command: &mut Command) -> Ran {
        Ran::of(self.at(command).output().unwrap())
    }

    fn at<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(self.directory.path()).env("JIGUANG_PROJECT_SECRET", &self.secret)
    }

    /// `contact-sink sync` of this input, with a report in JSON.
    pub fn sync(&self, input: impl AsRef<[u8]>, more: &[&str]) -> Ran {
        self.write("input.csv", input);
        let mut arguments = vec!["sync", "input.csv", "--to", "growth", "--report", "json"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// The files of rejected rows.
    pub fn rejected(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.directory.path().join("rejected")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths
    }

    /// What the simulator has stored for a user.
    pub fn stored(&self, cuid: i64) -> Vec<(String, String)> {
        self.sandbox.jiguang().stored(cuid).unwrap_or_default().into_iter().collect()
    }
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
