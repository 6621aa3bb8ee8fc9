//! `explain`: what a code means, from the tables by which the sinks judge.

use contact_sink::kits;
use contact_sink_core::ErrorCode;

use crate::support::{Place, world};

#[test]
fn a_code_is_explained_in_full() {
    let place = Place::new(world());
    for (arguments, says) in [
        (
            ["tencent", "90033"],
            "tencent 90033: an attribute is invalid: its name was never set, or its value is too long\n  \
             what is done: for a whole request: the one to blame is looked for, then rejected; for one update: rejected\n  \
             what to do: set the attribute names first (im_set_attr_name), and compare them with those of the mapping\n  \
             source: Tencent Chat, \"im_set_attr\"\n",
        ),
        (
            ["tencent-friends", "30002"],
            "tencent 30002: the SDKAppID does not match\n  \
             what is done: for a whole request: the run stops: the vendor refused the credentials; for one update: rejected\n  \
             what to do: compare SDKAppID and region with the vendor's console: an app answers in its own region only\n  \
             source: Tencent Chat, \"friend_update\"\n",
        ),
        (
            ["engagelab", "55014"],
            "engagelab 55014: the contact is set already, maybe for another user\n  what is done: rejected\n  \
             what to do: see in the vendor's console whether this contact must be unique and who has it; after a lost answer it \
             may be the same update that set it\n  source: EngageLab MA, \"Set Contact Information\"\n",
        ),
        (
            ["engagelab", "0"],
            "engagelab 0: success or partial success\n  what is done: accepted\n  \
             source: EngageLab MA, \"Set Contact Information\"\n",
        ),
        (
            ["jiguang", "-7"],
            "jiguang -7: not in the vendor's table\n  what is done: the update to blame is looked for, sent once \
             more by itself and rejected, but only if the vendor accepts others\n  what to do: read the vendor's text in the file of rejected rows, \
             and ask the vendor\n",
        ),
        (
            ["engagelab", "INVALID_ARGUMENT"],
            "engagelab INVALID_ARGUMENT: not in the vendor's table\n  what is done: sent once more by itself, then \
             rejected, but only if the vendor accepts others\n  what to do: read the vendor's text in the file of rejected rows, and ask the vendor\n",
        ),
    ] {
        let ran = place.run(&["explain", arguments[0], arguments[1]]);
        assert_eq!((ran.status, ran.stdout.as_str(), ran.stderr.as_str()), (0, says, ""));
    }
}

#[test]
fn without_a_code_all_of_a_table_is_told_in_short() {
    let place = Place::new(world());
    let names = kits().flat_map(|kit| [(kit.vendor.name, kit.vendor.codes), (kit.name, kit.vendor.codes)]);
    for (vendor, codes) in names {
        let ran = place.run(&["explain", vendor]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines.len(), codes.len() + 1, "{vendor}: {}", ran.stdout);
        for (line, code) in lines.iter().zip(codes) {
            let (number, rest) = line.trim_start().split_once("  ").unwrap();
            assert_eq!(number.parse::<ErrorCode>(), Ok(code.code.into()), "{vendor}: {line}");
            assert!(rest.starts_with(code.meaning) && rest.len() > code.meaning.len() + 2, "{vendor}: {line}");
        }
        assert!(lines.last().unwrap().starts_with(" other  "), "{vendor}: {}", ran.stdout);
    }
}

#[test]
fn what_cannot_be_explained_is_a_mistake_of_the_command_line() {
    let place = Place::new(world());
    let first = |arguments: &[&str]| {
        let ran = place.run(arguments);
        assert_eq!((ran.status, ran.stdout.as_str()), (64, ""), "{arguments:?}");
        ran.stderr.lines().next().unwrap().to_owned()
    };
    for (vendor, hint) in [
        ("engagelabs", "did you mean \"engagelab\"?"),
        ("tencent-friend", "did you mean \"tencent-friends\"?"),
        ("Tencent", "did you mean \"tencent\"?"),
    ] {
        assert_eq!(first(&["explain", vendor]), format!("contact-sink: there is no vendor {vendor:?}: {hint}"));
    }
    let unknown = first(&["explain", "sandbox"]);
    assert!(unknown.starts_with("contact-sink: there is no vendor \"sandbox\": there is \"jiguang\", "), "{unknown}");
    assert!(kits().all(|kit| unknown.contains(&format!("{:?}", kit.name)) && unknown.contains(kit.vendor.name)));
    let says = "error: invalid value '' for '[CODE]': a code is a number or a word, as the vendor writes it";
    assert_eq!(first(&["explain", "tencent", ""]), says);
    assert!(first(&["explain"]).starts_with("error: the following required arguments were not provided"));
}
