//! The destinations of the sample configuration beside Jiguang's: what is stored, what is rejected and why, and what stops a run.

use std::collections::BTreeMap;
use std::fs;

use contact_sink_sandbox::engagelab::OwnValueAgain;
use contact_sink_sandbox::tencent::FriendValue;
use contact_sink_sandbox::{Fault, FaultKind, Faults, World};

use crate::support::{Place, Ran, destination, sample, sample_destination, world};

const OTHERS: [&str; 3] = ["ma", "attributes", "friends"];
const ACCEPTED_MEANS: &str =
    "\n  accepted means success or partial success: EngageLab does not say which, nor which fields it left out\n";

/// A place with all four destinations of the sample configuration at one simulator.
fn place(world: World) -> Place {
    let place = Place::new(world);
    let base_url = place.sandbox.base_url();
    let others = OTHERS.map(|name| sample_destination(name, &base_url));
    place.write("contact-sink.toml", destination("growth", &base_url) + &others.concat());
    for name in ["contacts.csv", "contacts-with-problems.csv"] {
        place.write(name, sample(name));
    }
    place
}

/// Changes the configuration of a place.
fn change(place: &Place, from: &str, to: &str) {
    let config = place.read("contact-sink.toml");
    assert!(config.contains(from), "{from}: {config}");
    place.write("contact-sink.toml", config.replacen(from, to, 1));
}

/// What a row of the sample says, as the simulator stores it for a destination.
fn check_stored(place: &Place, name: &str, line: &str) {
    let cells: Vec<&str> = line.split(',').collect();
    let [_, mobile, email, _, city, euid, account, from, to, remark, groups] = cells[..] else { panic!("{line}") };
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let tencent = place.sandbox.tencent();
    match name {
        "ma" => {
            let contacts = place.sandbox.engagelab().stored(euid.parse().unwrap());
            assert_eq!(contacts, Some(texts(&[("email", email), ("mobile_phone", mobile)])), "{line}");
        }
        "attributes" => assert_eq!(tencent.attributes(account), Some(texts(&[("city", city)])), "{line}"),
        _ => {
            let groups = FriendValue::List(groups.split(';').map(str::to_owned).collect());
            let friend = [("Tag_SNS_IM_Remark", FriendValue::Text(remark.to_owned())), ("Tag_SNS_IM_Group", groups)];
            let friend = friend.map(|(tag, value)| (tag.to_owned(), value));
            assert_eq!(tencent.friend(from, to), Some(friend.into()), "{line}");
        }
    }
}

#[test]
fn the_good_sample_is_stored_as_it_stands_by_all_four() {
    let place = place(world());
    let ran = place.sync_to("growth,ma,attributes,friends", "contacts.csv", &[]);
    assert_eq!((ran.status, place.rejected().len()), (0, 0), "{}", ran.stderr);
    for (name, vendor) in [("growth", "jiguang"), ("ma", "engagelab")]
        .into_iter()
        .chain([("attributes", "tencent-attributes"), ("friends", "tencent-friends")])
    {
        assert_eq!(["rows", "accepted"].map(|count| ran.count_of(name, count)), [1000, 1000], "{name}");
        let first = format!("LIVE: contacts.csv to {vendor} at {}, ", place.sandbox.address());
        let first = ran.stderr.lines().find(|line| line.starts_with(&first)).unwrap();
        assert!(first.ends_with(&format!("(destination {name})")), "{first}");
    }
    assert_eq!((ran.count_of("ma", "requests"), place.sandbox.jiguang().cuids().len()), (1000, 1000));
    for name in OTHERS {
        sample("contacts.csv").lines().skip(1).for_each(|line| check_stored(&place, name, line));
    }

    // What accepted means at EngageLab stands below its counts, and at no other's.
    let (before, after) = ran.stderr.split_once(ACCEPTED_MEANS).unwrap();
    assert!(before.lines().rev().nth(1).unwrap().starts_with("ma: 1,000 rows = 1,000 accepted"), "{}", ran.stderr);
    assert!(!after.contains("accepted means"), "{after}");
}

/// Of the sample with problems: line, field, code and reason for each destination.
const WRONG: [(&str, &[&str]); 3] = [
    (
        "ma",
        &[
            "210,euid,,an EUID is a whole number within 64 bits without leading zeros",
            "321,euid,55014,the contact is set already, maybe for another user",
            "873,,,the row has 2 cells, and the header names 11 columns",
        ],
    ),
    (
        "attributes",
        &[
            "455,city,,an attribute has at most 50 bytes of UTF-8: 50 letters, 16 Chinese characters",
            "500,account,70107,an account does not exist",
            "873,,,the row has 2 cells, and the header names 11 columns",
        ],
    ),
    (
        "friends",
        &[
            "500,to,30003,the account does not exist",
            "600,groups,,a group's name has at most 30 bytes of UTF-8: 30 letters, 10 Chinese characters",
            "611,remark,,a remark has at most 96 bytes of UTF-8: 96 letters, 32 Chinese characters",
            "700,from,,the id column \"from\" is empty",
            "873,,,the row has 2 cells, and the header names 11 columns",
        ],
    ),
];

#[test]
fn the_wrong_rows_are_rejected_and_taken_once_they_are_mended() {
    let place = place(world());
    let ran = place.sync_to("ma,attributes,friends", "contacts-with-problems.csv", &[]);
    assert_eq!((ran.status, place.rejected().len()), (2, 3), "{}", ran.stderr);
    let good = sample("contacts.csv");
    let good: Vec<&str> = good.lines().collect();
    for (name, wrong) in WRONG {
        let rejected = wrong.len() as u64;
        assert_eq!(place.rejected_rows_of(name), wrong);
        let counts = ["rows", "accepted", "rejected"].map(|count| ran.count_of(name, count));
        assert_eq!(counts, [1000, 1000 - rejected, rejected], "{name}: {}", ran.stderr);

        // Each row as it stands in the good sample, and before it what was added.
        let file = place.rejected().into_iter().find(|file| file.to_str().unwrap().ends_with(&format!("{name}.csv")));
        let mut lines = Vec::new();
        let mut mended = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_path(file.unwrap()).unwrap();
        for record in reader.records() {
            let record = record.unwrap();
            let line: usize = record[1].parse().unwrap_or(1);
            mended.write_record(record.iter().take(7).chain(good[line - 1].split(','))).unwrap();
            lines.push(line);
        }
        place.write("mended.csv", mended.into_inner().unwrap());
        let again = place.sync_to(name, "mended.csv", &[]);
        assert_eq!((again.status, again.count("accepted")), (0, rejected), "{name}: {}", again.stderr);
        lines.into_iter().skip(1).for_each(|line| check_stored(&place, name, good[line - 1]));
    }
    assert_eq!(place.rejected().len(), 3);
}

#[test]
fn a_contact_that_a_lost_answer_has_set_is_rejected_and_the_dead_letter_says_so() {
    let mut world = world();
    world.engagelab.own_value_again = OwnValueAgain::Exists;
    world.faults = Faults::default().with_next(Fault::new(FaultKind::Reset).applied(true));
    let place = place(world);
    place.write("input.csv", "euid,mobile,email\n5,13000000001,a@b.c\n6,13000000002,b@b.c\n7,13000000002,\n");
    let ran = place.sync_to("ma", "input.csv", &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 1, 2), "{}", ran.stderr);
    let reason = "the contact is set already, maybe for another user";
    let earlier = format!("2,euid,55014,{reason}; an earlier attempt, whose answer was lost, may have applied it");
    let plain = |line| format!("{line},euid,55014,{reason}");
    // Either of the two with one number may come first.
    let rows = place.rejected_rows();
    assert!(rows[0] == earlier && [plain(3), plain(4)].contains(&rows[1]), "{rows:?}");
    // It is one reason.
    assert!(ran.stderr.contains(&format!("\n  2 rows: code 55014, column \"euid\": {reason}\n")), "{}", ran.stderr);
    assert_eq!(place.sandbox.engagelab().stored(5).unwrap()["email"], "a@b.c", "it was applied");
}

/// A run that was stopped at 3: nothing is rejected, all is pending.
fn check_stopped(place: &Place, ran: &Ran, says: &[&str]) {
    assert_eq!((ran.status, ran.count("rows"), ran.count("pending")), (3, 1000, 1000), "{}", ran.stderr);
    assert_eq!(place.rejected().len(), 0, "{}", ran.stderr);
    let stopped = ran.stderr.lines().find(|line| line.contains(": stopped: ")).unwrap();
    assert!(says.iter().all(|text| stopped.contains(text)), "{stopped}");
    assert!(ran.stderr.contains(": 1,000 rows are pending: when that is fixed, run the same command again\n"));
}

#[test]
fn a_name_that_the_vendor_does_not_have_rejects_nobody() {
    for (to, from, into, code) in [
        ("attributes", "city = \"city\"", "town = \"city\"", "90033"),
        ("attributes", "city = \"city\"", "city = \"city\"\ntown = \"groups\"", "90033"),
        ("friends", "Tag_SNS_IM_Remark = ", "Tag_SNS_Custom_Nobody = ", "30001"),
    ] {
        let place = place(world());
        change(&place, from, into);
        let ran = place.sync_to(to, "contacts.csv", &[]);
        let vendor = format!("`contact-sink explain tencent-{to} {code}` says more");
        check_stopped(&place, &ran, &[&format!("most of them with code {code} ("), &vendor, "--max-rejected 100%"]);
        assert!(ran.count("requests") <= 60, "{}", ran.stderr);
        assert!(place.sandbox.tencent().attribute_accounts().is_empty());
    }
}

#[test]
fn wrong_credentials_stop_after_one_request() {
    let key = "compare SDKAppID, identifier and secret key with the vendor's console";
    let region = "compare SDKAppID and region with the vendor's console";
    let admin = "make the identifier an app admin in the vendor's console";
    let app = ("sdk_app_id = 1400000000", "sdk_app_id = 1400000001");
    let identifier = ("identifier = \"administrator\"", "identifier = \"marker\"");
    let secret = ("subject", "subject");
    for (to, (from, into), code, says) in [
        ("ma", secret, "40050", "compare the API key, the API secret and the region with the vendor's console"),
        ("ma", ("api_key = \"7", "api_key = \"8"), "40050", "compare the API key"),
        ("attributes", secret, "70009", key),
        ("attributes", app, "70020", region),
        ("attributes", identifier, "90009", admin),
        ("friends", secret, "70009", key),
        ("friends", app, "70020", region),
        ("friends", identifier, "30004", admin),
    ] {
        let mut place = place(world());
        place.write("contact-sink.toml", sample_destination(to, &place.sandbox.base_url()));
        change(&place, from, into);
        if (from, into) == secret {
            place.secret = "marker-of-a-wrong-secret".to_owned();
        }
        let ran = place.sync_to(to, "contacts.csv", &[]);
        check_stopped(&place, &ran, &[&format!("code {code}"), says]);
        assert_eq!((place.sandbox.seen(), ran.count("requests")), (1, 1), "{to} {code}");
    }
}

#[test]
fn a_limit_belongs_to_an_app_and_a_command() {
    let place = place(world());
    let attributes = sample_destination("attributes", &place.sandbox.base_url());
    let again = attributes.replace("[destinations.attributes", "[destinations.again");
    place.write("contact-sink.toml", place.read("contact-sink.toml") + &again);
    let quotas = |of: &[(&str, &str)]| {
        for (name, quota) in of {
            let head = format!("[destinations.{name}]\n");
            change(&place, &head, &format!("{head}quota = \"{quota}\"\n"));
        }
    };
    quotas(&[("attributes", "50/s"), ("friends", "90/s"), ("again", "50/s")]);
    // Two commands have a quota each, and they may differ.
    let ran = place.sync_to("attributes,friends", "contacts.csv", &[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);

    // Two destinations of one command share theirs: twice the requests take twice the time.
    let rows: String = (0..3_000).map(|row| format!("account{row},x\n")).collect();
    place.write("input.csv", format!("account,city\n{rows}"));
    let ran = place.sync_to("attributes,again", "input.csv", &[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let sum = |count| ran.count_of("attributes", count) + ran.count_of("again", count);
    let (requests, took) = (sum("requests"), ["attributes", "again"].map(|name| ran.count_of(name, "elapsed_ms")));
    assert_eq!((sum("accepted"), requests >= 60), (6_000, true), "{}", ran.stderr);
    let took = took.into_iter().max().unwrap();
    assert!(took >= (requests - 1) * 1_000 / 50, "{requests} requests in {took} ms");

    change(&place, "[destinations.again]\nquota = \"50/s\"\n", "[destinations.again]\nquota = \"60/s\"\n");
    let ran = place.run(&["sync", "input.csv", "--to", "attributes,again"]);
    let says = "contact-sink: contact-sink.toml: \"attributes\" and \"again\" are one account (app 1400000000) and share its quota, \
                which is 50/s for the one and 60/s for the other: write the same \"quota\" in both\n";
    assert_eq!((ran.status, ran.stderr.as_str()), (78, says));
}

#[test]
fn two_destinations_at_the_friends_of_one_app_are_refused() {
    // One lane keeps to one request an owner, and two would meet in conflicts all the way.
    let place = place(world());
    let again = sample_destination("friends", &place.sandbox.base_url());
    let again = again.replace("[destinations.friends", "[destinations.again");
    place.write("contact-sink.toml", place.read("contact-sink.toml") + &again);
    let ran = place.run(&["sync", "contacts.csv", "--to", "friends,again"]);
    let says = "contact-sink: contact-sink.toml: \"friends\" and \"again\" are one account (app 1400000000) at an endpoint that takes \
                one request at a time for each owner, and would be in each other's way: write the fields of both into one, or run \
                them one after the other\n";
    assert_eq!((ran.status, ran.stderr.as_str(), place.sandbox.seen()), (78, says, 0));
}

#[test]
fn all_that_the_sample_configuration_says_is_checked() {
    // As it is given to users: only the secrets have to be there.
    let place = Place::new(world());
    place.write("contact-sink.toml", sample("contact-sink.toml"));
    fs::write(place.directory.path().join("empty.csv"), "").unwrap();
    let ran = place.run(&["sync", "empty.csv", "--to", "growth,ma,attributes,friends"]);
    assert_eq!(ran.status, 65, "{}", ran.stderr);
    assert!(ran.stderr.ends_with("contact-sink: empty.csv: it is empty: the first line must name the columns\n"));
}
