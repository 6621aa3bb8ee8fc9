//! What the server knows and how it behaves where the documents are silent.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;

use crate::choice::millis;
use crate::faults::Faults;
use crate::quota::Quota;
use crate::vendor::VendorSettings;

macro_rules! world {
    ($($vendor:ident)*) => {
        use crate::{$($vendor),*};

        /// The server's settings, and one world for each vendor.
        ///
        /// ```
        /// use contact_sink_sandbox::World;
        ///
        /// let world = World::from_toml("[jiguang]\nquota = \"off\"\n")?;
        /// assert_eq!(world.jiguang.quota, None);
        /// let error = World::from_toml("[jiguang]\nwordings = \"id\"\n").unwrap_err();
        /// assert!(error.to_string().starts_with("line 2 (`wordings`): unknown field"), "{error}");
        /// # Ok::<(), contact_sink_sandbox::InvalidWorld>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct World {
            /// How long each answer is held back, after the request has had its effect. Default: not at all. In TOML `latency_ms`.
            #[serde(rename = "latency_ms", deserialize_with = "millis")]
            pub latency: Duration,
            /// How many requests are remembered. Default 10,000. In TOML `request_log`.
            #[serde(rename = "request_log")]
            pub request_log: usize,
            /// Whether values are kept. Without, all is checked and answered the same and nothing is stored. Default: yes.
            pub store: bool,
            /// Whether the server has its own pages below `/_sandbox/`, which show what is stored and change how it answers. Default: yes.
            pub pages: bool,
            /// What goes wrong on purpose, from the first request on. Default: nothing.
            pub faults: Faults,
            $(
                #[doc = concat!("The settings of [`", stringify!($vendor), "`](crate::", stringify!($vendor), ").")]
                pub $vendor: $vendor::Settings,
            )*
        }

        impl World {
            /// Has this secret at each vendor: the password of HTTP Basic, or the key that signs.
            pub fn set_secret(&mut self, secret: &str) {
                $(*self.$vendor.secret() = secret.into();)*
            }

            /// Raises each quota to so many requests in any span of this length, unless it is that already, or more.
            pub fn raise_quotas(&mut self, requests: NonZeroU32, per: Duration) {
                let least = Quota { requests, per };
                for quota in [$(self.$vendor.quotas()),*].into_iter().flatten() {
                    *quota = quota.map(|quota| quota.max(least));
                }
            }

            fn settings(&self) -> [(&'static str, &dyn VendorSettings); crate::VENDORS.len()] {
                [$((stringify!($vendor), &self.$vendor)),*]
            }
        }

        impl Default for World {
            fn default() -> Self {
                Self {
                    latency: Duration::ZERO,
                    request_log: 10_000,
                    store: true,
                    pages: true,
                    faults: Faults::default(),
                    $($vendor: $vendor::Settings::default(),)*
                }
            }
        }
    };
}
each_vendor!(world);

/// Why a text is not a [`World`], or a world cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(.line, .key))]
pub struct InvalidWorld {
    line: Option<usize>,
    key: Option<String>,
    problem: String,
}

/// The default world as a commented TOML file: every setting at its default.
pub const DEFAULT_TOML: &str = include_str!("../world.toml");

impl World {
    /// Reads a world. Keys that are left out have their defaults; channels that are given replace the default ones.
    ///
    /// # Errors
    /// [`InvalidWorld`] with the line and the key.
    pub fn from_toml(text: &str) -> Result<Self, InvalidWorld> {
        let world: Self = toml::from_str(text).map_err(|error| InvalidWorld::at(text, &error))?;
        world.check()?;
        Ok(world)
    }

    /// Checks what no single key can show.
    pub(crate) fn check(&self) -> Result<(), InvalidWorld> {
        let vendors = self.settings().map(|(vendor, settings)| (vendor, settings.check()));
        for (table, check) in [("faults", self.faults.check())].into_iter().chain(vendors) {
            if let Err(problem) = check {
                return Err(InvalidWorld { line: None, key: None, problem: format!("{table}: {problem}") });
            }
        }
        Ok(())
    }

    /// What a caller of each vendor has to know beside the secret, as a destination's configuration writes it: `jiguang` and
    /// `project_id = "sandbox"`.
    pub fn logins(&self) -> Vec<(&'static str, String)> {
        self.settings().map(|(vendor, settings)| (vendor, settings.login())).into()
    }
}

impl InvalidWorld {
    /// The line that is wrong, from 1, if one line is.
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Not the error's own text: that quotes the line, which may hold the secret, and its message may quote the value.
    fn at(text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map(|span| span.start);
        let before = start.and_then(|start| text.get(..start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        let key = line.and_then(|line| text.lines().nth(line - 1)).and_then(|line| line.split_once('='));
        let key = key.map(|(key, _)| key.trim().to_owned()).filter(|key| !key.is_empty());
        let problem = error.message().trim_end().replace('\n', ", ");
        Self { line, key, problem }
    }
}

fn place(line: &Option<usize>, key: &Option<String>) -> String {
    match (line, key) {
        (Some(line), Some(key)) => format!("line {line} (`{key}`): "),
        (Some(line), None) => format!("line {line}: "),
        (None, _) => String::new(),
    }
}
