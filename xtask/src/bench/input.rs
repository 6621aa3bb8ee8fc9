//! The made-up users and the configuration that a bench sends them with.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

/// The name of the destination in [`write_config`].
pub(super) const DESTINATION: &str = "bench";

const HEADER: &str = "cuid,mobile,email,registration_id,city";

/// The CUID of the user in this row, from 0.
pub(super) fn cuid(row: u64) -> u64 {
    20_000_000 + 7 * row
}

/// Writes a file of this many users with the columns of `examples/contacts.csv`; no user stands there twice.
pub(super) fn write_users(path: &Path, rows: u64) -> Result<()> {
    const CITIES: [&str; 4] = ["北京", "深圳", "上海", "成都"];
    let mut file = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
    writeln!(file, "{HEADER}")?;
    for (row, city) in (0..rows).zip(CITIES.iter().cycle()) {
        let (cuid, mobile) = (cuid(row), 13_000_000_000 + row);
        // 19 hexadecimal digits, as the vendor's samples have.
        let registration_id = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writeln!(file, "{cuid},{mobile},user{row:07}@example.com,1{registration_id:018x},{city}")?;
    }
    file.flush().with_context(|| path.display().to_string())
}

/// Gives the first user of such a file another mobile number: one for each of these nights.
pub(super) fn change_first_user(path: &Path, night: u64) -> Result<()> {
    let mut file = File::options().write(true).open(path).with_context(|| path.display().to_string())?;
    // No other user's number begins with 139, and it is as long as the one before.
    let (line, mobile) = (format!("{HEADER}\n{},", cuid(0)), 13_900_000_000 + night);
    file.write_all(format!("{line}{mobile}").as_bytes()).with_context(|| path.display().to_string())
}

/// Writes a configuration with one destination, a project at the sandbox. Without a quota the vendor's is kept.
pub(super) fn write_config(directory: &Path, base_url: &str, quota: Option<&str>) -> Result<()> {
    // In TOML a literal text needs no escapes; a path of this machine has no quote in it.
    let secret = directory.join("secret");
    std::fs::write(&secret, "sandbox\n")?;
    let quota = quota.map_or(String::new(), |quota| format!("quota = \"{quota}\"\n"));
    let text = format!(
        r#"[destinations.{DESTINATION}]
vendor = "jiguang"
base_url = "{base_url}"
project_id = "sandbox"
project_secret = {{ file = '{}' }}
subject = "cuid"
{quota}channels = {{ sms = {{ id = 210, kind = "sms" }}, mail = {{ id = 219, kind = "mail" }}, app = {{ id = 2210, kind = "app" }} }}

[destinations.{DESTINATION}.set]
"sms/默认联系" = "mobile"
"mail/默认联系" = "email"
"app/默认联系" = "registration_id"
"#,
        secret.display()
    );
    std::fs::write(config(directory), text).context("the configuration cannot be written")
}

/// Where [`write_config`] puts it.
pub(super) fn config(directory: &Path) -> std::path::PathBuf {
    directory.join("contact-sink.toml")
}
