//! The contract of `ContactSink`, held against every sink over every transport.
//!
//! Each line of the documented contract is one test of [`lines`], by that name. A sink joins by a [`vendors::Vendor`] and one line
//! below. `codes.toml` says what every sink makes of every code, and
//! `hostile_answers.md` what it makes of hostile answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod codes;
mod complete;
mod hostile;
mod lines;
mod server;
mod vendors;

use contact_sink::kits;
use vendors::{EngageLabContacts, JiguangChannels, TencentAttributes, TencentFriends};

macro_rules! suite {
    ($($module:ident: $vendor:ty;)*) => {
        /// All vendors of the suite.
        fn rows() -> Vec<vendors::Row> {
            vec![$(vendors::row::<$vendor>()),*]
        }

        $(mod $module {
            use super::*;

            mod over_hyper {
                use super::*;
                lines::tests!($vendor, vendors::hyper);
            }

            mod over_reqwest {
                use super::*;
                lines::tests!($vendor, vendors::reqwest);
            }
        })*
    };
}

suite! {
    jiguang: JiguangChannels;
    engagelab: EngageLabContacts;
    tencent_attributes: TencentAttributes;
    tencent_friends: TencentFriends;
}

#[test]
fn every_kit_is_in_the_suite() {
    let in_suite: Vec<&str> = rows().iter().map(|row| row.kit.name).collect();
    assert_eq!(in_suite, kits().map(|kit| kit.name).collect::<Vec<_>>());
}
