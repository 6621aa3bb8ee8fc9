//! The simulator as a command of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Place, sample, world};

/// Ends when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn speaks_https_to_whoever_trusts_its_root_if_it_was_built_so() {
    let mut place = Place::new(world());
    if !cfg!(feature = "sandbox-tls") {
        let ran = place.run(&["sandbox", "--tls"]);
        assert_eq!(ran.status, 64);
        assert!(ran.stderr.contains("build it with --features sandbox-tls"), "{}", ran.stderr);
        return;
    }
    place.secret = "sandbox".to_owned();
    let child = Command::new(env!("CARGO_BIN_EXE_contact-sink"))
        .args(["sandbox", "--tls", "--root", "root.pem"])
        .current_dir(place.directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut base_url = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut base_url).unwrap();
    assert!(base_url.starts_with("https://127.0.0.1:"), "{base_url}");
    let config = place.config().replace(&place.sandbox.base_url(), base_url.trim());
    place.write("input.csv", sample("contacts.csv"));
    let sync = ["sync", "input.csv", "--to", "growth", "--report", "json"];

    place.write("contact-sink.toml", config.replace("# quota =", "extra_root = \"root.pem\"\n# quota ="));
    let ran = place.run(&sync);
    assert_eq!((ran.status, ran.count("accepted")), (0, 1000), "{}", ran.stderr);

    place.write("contact-sink.toml", config);
    let ran = place.run(&[&sync[..], &["--restart"]].concat());
    assert_eq!((ran.status, ran.count("pending"), ran.count("requests")), (3, 1000, 1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the server's certificate was refused"), "{}", ran.stderr);
}
