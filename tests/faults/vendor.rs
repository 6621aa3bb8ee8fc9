//! The four sinks, as a scenario sees them: how a destination is written, what a row looks like, and where its values end up.

/// Every contact value and textual id has this in it, so that it can be looked for in what must not hold it.
pub const MARK: &str = "zqmark";
/// Every numeric id begins so.
pub const MARKED_NUMBER: u64 = 7_719_735;
/// The secret at every vendor.
pub const SECRET: &str = "c0rrect-h0rse";
/// What every vendor allows in a second.
pub const QUOTA: u64 = 2_000;

/// Whose data a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    pub owner: Option<String>,
    pub id: String,
}

/// A sink.
pub struct Vendor {
    pub name: &'static str,
    /// The most users of a request.
    pub batch: u64,
    /// How many users a scenario has that names no other number.
    pub users: u32,
    /// The keys that lead to its subjects in the page of the state.
    pub state: &'static [&'static str],
    /// Where the two values of a row end up.
    pub fields: [&'static str; 2],
    /// The names of the columns.
    pub columns: &'static str,
    /// Its section, but for base URL and quota.
    pub section: &'static str,
    /// What its world says: the users that do not exist are put in the place of `UNKNOWN`.
    pub world: &'static str,
    /// What is wrong with the first value, or the id, by a rule that is checked before anything is sent.
    pub broken: Broken,
    /// Whether a row can have a field that the vendor refuses without naming it, and two that it takes.
    pub has_bad_fields: bool,
}

/// What a rule of ours refuses.
pub enum Broken {
    Id,
    Value,
}

pub const VENDORS: &[&Vendor] = &[&JIGUANG, &ENGAGELAB, &ATTRIBUTES, &FRIENDS];

pub const JIGUANG: Vendor = Vendor {
    name: "jiguang",
    batch: 100,
    users: 1_200,
    state: &["jiguang"],
    fields: ["219/默认联系", "219/自定义联系"],
    columns: "id,a,b,mobile",
    section: r#"vendor = "jiguang"
project_id = "sandbox"
project_secret = { env = "FAULTS_SECRET" }
subject = "id"
channels = { sms = { id = 210, kind = "sms" }, mail = { id = 219, kind = "mail" } }
set = { "mail/默认联系" = "a", "mail/自定义联系" = "b", "sms/默认联系" = "mobile" }
"#,
    world: "[jiguang]\nproject_secret = \"SECRET\"\nquota = QUOTA\nwording = \"nothing\"\nunknown_cuids = [UNKNOWN]\n",
    broken: Broken::Id,
    has_bad_fields: true,
};

pub const ENGAGELAB: Vendor = Vendor {
    name: "engagelab",
    batch: 1,
    users: 150,
    state: &["engagelab"],
    fields: ["email", "mobile_phone"],
    columns: "id,a,b",
    section: r#"vendor = "engagelab"
api_key = "sandbox"
api_secret = { env = "FAULTS_SECRET" }
subject = "id"
set = { email = "a", mobile_phone = "b" }
"#,
    world: "[engagelab]\napi_secret = \"SECRET\"\nquota = QUOTA\nunknown_euids = [UNKNOWN]\n",
    broken: Broken::Id,
    has_bad_fields: false,
};

pub const ATTRIBUTES: Vendor = Vendor {
    name: "tencent-attributes",
    batch: 100,
    users: 1_200,
    state: &["tencent", "attributes"],
    fields: ["city", "country"],
    columns: "id,a,b",
    section: r#"vendor = "tencent-attributes"
sdk_app_id = 1400000000
identifier = "administrator"
usersig_lifetime = "5m"
secret_key = { env = "FAULTS_SECRET" }
subject = "id"
set = { city = "a", country = "b" }
"#,
    world: "[tencent]\nsecret_key = \"SECRET\"\nattribute_quota = QUOTA\nunknown_accounts = [UNKNOWN]\n",
    broken: Broken::Value,
    has_bad_fields: false,
};

pub const FRIENDS: Vendor = Vendor {
    name: "tencent-friends",
    batch: 1_000,
    users: 1_200,
    state: &["tencent", "friends"],
    fields: ["Tag_SNS_IM_Remark", "Tag_SNS_Custom_Test"],
    columns: "owner,id,a,b",
    section: r#"vendor = "tencent-friends"
sdk_app_id = 1400000000
identifier = "administrator"
usersig_lifetime = "5m"
secret_key = { env = "FAULTS_SECRET" }
subject = { owner = "owner", contact = "id" }
set = { Tag_SNS_IM_Remark = "a", Tag_SNS_Custom_Test = "b" }
"#,
    world: "[tencent]\nsecret_key = \"SECRET\"\nfriend_quota = QUOTA\nunknown_accounts = [UNKNOWN]\n",
    broken: Broken::Value,
    has_bad_fields: false,
};

/// How many owners the friends have.
const OWNERS: u32 = 12;

impl Vendor {
    /// The nth user.
    pub fn subject(&self, user: u32) -> Subject {
        let numeric = matches!(self.broken, Broken::Id);
        let id = if numeric { format!("{MARKED_NUMBER}{user:06}") } else { format!("{MARK}-{user}") };
        let owner = (self.columns.starts_with("owner")).then(|| format!("{MARK}-owner-{}", user % OWNERS));
        Subject { owner, id }
    }

    /// A user's two values in a version of his row.
    pub fn values(&self, user: u32, version: u32) -> [String; 2] {
        let second = match self.fields[1] {
            "mobile_phone" => format!("{MARKED_NUMBER}-{user:06}-{version}"),
            _ => format!("{MARK}-{user}-{version}@b.example"),
        };
        [format!("{MARK}-{user}-{version}@a.example"), second]
    }

    /// The destination.
    pub fn config(&self, base_url: &str, quota: u64) -> String {
        let Self { name, section, .. } = self;
        format!("[destinations.{name}]\nbase_url = \"{base_url}\"\nquota = \"{quota}/s\"\n{section}")
    }

    /// The simulator's world, in which these users do not exist.
    pub fn world(&self, quota: u64, unknown: &[Subject], latency_ms: u64) -> String {
        let numeric = matches!(self.broken, Broken::Id);
        let quoted = |subject: &Subject| if numeric { subject.id.clone() } else { format!("{:?}", subject.id) };
        let unknown = unknown.iter().map(quoted).collect::<Vec<_>>().join(", ");
        let quota = format!("{{ requests = {quota}, per_ms = 1000 }}");
        let world = self.world.replace("UNKNOWN", &unknown).replace("SECRET", SECRET).replace("QUOTA", &quota);
        format!("request_log = 1000000\nlatency_ms = {latency_ms}\n{world}")
    }
}
