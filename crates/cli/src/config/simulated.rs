//! The configuration of the simulator in this process: the examples of the kits, with the simulator's credentials.

use contact_sink::kits;
use contact_sink_core::Quota;
use contact_sink_transport::{KeyKind, Kit};

/// The slowest quota of a destination at the simulator. At EngageLab's own, a sample of a thousand users would take a minute.
pub const QUOTA: Quota = Quota::per_second(const { std::num::NonZeroU32::new(100).unwrap() });

/// A section for each kit, under the kit's name. `login` gives what a simulated vendor asks for beside the secret, as a
/// section has it: `project_id = "sandbox"`.
pub fn sections(base_url: &str, secret: &str, login: impl Fn(&str) -> String) -> String {
    kits().map(|kit| section(kit, base_url, secret, &login(kit.vendor.name))).collect()
}

fn section(kit: &Kit, base_url: &str, secret: &str, login: &str) -> String {
    let mut own = vec![format!("base_url = {base_url:?}")];
    own.extend(login.split(", ").map(str::to_owned));
    let secrets = kit.keys.iter().filter(|key| matches!(key.kind, KeyKind::Secret));
    own.extend(secrets.map(|key| format!("{} = {secret:?}", key.name)));
    if is_slower(kit.quota) {
        own.push(format!("quota = \"{QUOTA}\""));
    }
    let key_of = |line: &str| line.split_once(" = ").map(|(key, _)| key.to_owned());
    let is_replaced = |line: &&str| {
        let key = key_of(line);
        key.is_some() && (key.as_deref() == Some("region") || own.iter().any(|own| key_of(own) == key))
    };
    let mut text = String::new();
    for line in kit.example.lines().filter(|line| !is_replaced(line)) {
        match line.strip_prefix("[destinations.") {
            // The table itself, and then the tables below it.
            Some(name) if !name.contains('.') => {
                text += &format!("[destinations.{}]\n{}\n", kit.name, own.join("\n"));
            }
            Some(name) => {
                let below = name.split_once('.').map_or(name, |(_, below)| below);
                text += &format!("[destinations.{}.{below}\n", kit.name);
            }
            None => text += &format!("{line}\n"),
        }
    }
    text
}

fn is_slower(quota: Quota) -> bool {
    let a_second = |quota: Quota| f64::from(quota.requests.get()) / quota.per.as_secs_f64();
    a_second(quota) < a_second(QUOTA)
}
