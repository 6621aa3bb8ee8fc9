//! Lists in a cell and in NDJSON, and subjects of two columns, by the one vendor that has them.

use contact_sink_sandbox::tencent::FriendValue;

use crate::support::{Place, Ran, sample_destination, world};

const HEAD: &str = "from,to,remark,groups\n";
const SEPARATOR: &str = "an entry of the list is empty: look for a separator too many, also at its end";
const NO_OWNER: &str = "the id column \"from\" is empty";
const NO_CONTACT: &str = "the id column \"to\" is empty";

/// A place with the destination of the sample, changed so.
fn place(from: &str, to: &str) -> Place {
    let place = Place::new(world());
    let config = sample_destination("friends", &place.sandbox.base_url());
    assert!(config.contains(from), "{from}: {config}");
    place.write("contact-sink.toml", config.replacen(from, to, 1));
    place
}

fn sync(place: &Place, rows: &str) -> Ran {
    place.write("input.csv", format!("{HEAD}{rows}"));
    place.sync_to("friends", "input.csv", &[])
}

/// The groups of a friend, if it has any.
type Groups = Option<Vec<String>>;

/// The groups of a friend of `agent`; none if it was not stored at all, or without.
fn groups(place: &Place, to: &str) -> Groups {
    match place.sandbox.tencent().friend("agent", to)?.remove("Tag_SNS_IM_Group")? {
        FriendValue::List(groups) => Some(groups),
        other => panic!("{other:?}"),
    }
}

fn list(groups: &[&str]) -> Groups {
    Some(groups.iter().map(|group| (*group).to_owned()).collect())
}

#[test]
fn a_list_in_a_cell() {
    let place = place("", "");
    let rows = "agent,a,r,VIP;上海\nagent,b,r,VIP\nagent,c,r,\nagent,d,r,NULL\nagent,e,r,x;NULL\nagent,f,r,x;\nagent,g,r,;x\n\
                agent,h,r,x;;y\nagent,i,r,;\n";
    let ran = sync(&place, rows);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 5, 4), "{}", ran.stderr);
    let rejected: Vec<String> = (7..=10).map(|line| format!("{line},groups,,{SEPARATOR}")).collect();
    assert_eq!(place.rejected_rows(), rejected);
    let stored = ["a", "b", "c", "d", "e", "f"].map(|to| groups(&place, to));
    // An empty cell leaves the groups as they are; a word for nothing is one only as a whole cell.
    let expected = [list(&["VIP", "上海"]), list(&["VIP"]), None, None, list(&["x", "NULL"]), None];
    assert_eq!(stored, expected);

    let again = std::fs::read_to_string(place.rejected().remove(0)).unwrap();
    let mended =
        again.replace(",r,x;\n", ",r,x\n").replace(",r,;x\n", ",r,x\n").replace(";;", ";").replace(",;\n", ",\n");
    place.write("mended.csv", mended);
    let ran = place.sync_to("friends", "mended.csv", &[]);
    assert_eq!((ran.status, ran.count("accepted")), (0, 4), "{}", ran.stderr);
    assert_eq!(
        ["f", "g", "h", "i"].map(|to| groups(&place, to)),
        [list(&["x"]), list(&["x"]), list(&["x", "y"]), None]
    );
}

#[test]
fn another_separator() {
    for (separator, cell) in
        [("||", "VIP;1||上海"), ("、", "VIP;1、上海"), (",", "\"VIP;1,上海\""), ("\\n", "\"VIP;1\n上海\"")]
    {
        let place = place("list_separator = \";\"", &format!("list_separator = \"{separator}\""));
        let ran = sync(&place, &format!("agent,a,r,{cell}\n"));
        assert_eq!((ran.status, groups(&place, "a")), (0, list(&["VIP;1", "上海"])), "{separator}: {}", ran.stderr);
    }
    let place = place("list_separator = \";\"\n", "");
    assert_eq!(sync(&place, "agent,a,r,x;y\n").status, 0);
    assert_eq!(groups(&place, "a"), list(&["x", "y"]), "the default");
}

#[test]
fn a_list_in_ndjson() {
    let place = place("", "");
    let entry = "an entry of the list is neither a text nor a number";
    let table: &[(&str, Result<Groups, &str>)] = &[
        (r#"["VIP","上海"]"#, Ok(list(&["VIP", "上海"]))),
        (r#"["a;b"]"#, Ok(list(&["a;b"]))),
        (r#""a;b""#, Ok(list(&["a", "b"]))),
        (r#"[17,1.50]"#, Ok(list(&["17", "1.50"]))),
        ("17", Ok(list(&["17"]))),
        ("[]", Ok(None)),
        ("null", Ok(None)),
        (r#"["x",""]"#, Err("an entry of the list is empty: leave it out")),
        (r#""x;""#, Err(SEPARATOR)),
        (r#"["x",null]"#, Err(entry)),
        (r#"["x",true]"#, Err(entry)),
        (r#"["x",["y"]]"#, Err(entry)),
        (r#"["x",{"y":1}]"#, Err(entry)),
        (r#"["x\ny"]"#, Err("it has a line break or another control character in it: remove it")),
        (r#"{"x":1}"#, Err("it is an object, and a text or a number is wanted")),
    ];
    let line = |(nth, (groups, _)): (usize, &(&str, _))| {
        format!("{{\"from\":\"agent\",\"to\":\"a{nth}\",\"remark\":\"r\",\"groups\":{groups}}}\n")
    };
    place.write("input.ndjson", table.iter().enumerate().map(line).collect::<String>());
    let ran = place.sync_to("friends", "input.ndjson", &[]);
    assert_eq!((ran.status, ran.count("accepted"), ran.count("rejected")), (2, 7, 8), "{}", ran.stderr);
    let mut wrong = Vec::new();
    for (nth, (written, expected)) in table.iter().enumerate() {
        match expected {
            Ok(expected) => assert_eq!(groups(&place, &format!("a{nth}")), *expected, "{written}"),
            Err(reason) => wrong.push(format!("{},groups,,{reason}", nth + 1)),
        }
    }
    assert_eq!(place.rejected_rows(), wrong);

    // Fed back, a list is still one.
    let rejected = std::fs::read_to_string(place.rejected().remove(0)).unwrap();
    let row = rejected.lines().find(|line| line.contains(r#""a7""#)).unwrap();
    place.write("mended.ndjson", row.replace(r#"["x",""]"#, r#"["x"]"#));
    assert_eq!(place.sync_to("friends", "mended.ndjson", &[]).status, 0);
    assert_eq!(groups(&place, "a7"), list(&["x"]));

    // A list where the vendor has one text, or an id is wanted.
    place.write(
        "input.ndjson",
        "{\"from\":\"agent\",\"to\":\"b\",\"remark\":[\"r\"]}\n{\"from\":[\"agent\"],\"to\":\"b\"}\n",
    );
    let ran = place.sync_to("friends", "input.ndjson", &["--rejected", "more"]);
    let text = "it is a list, and a text or a number is wanted";
    assert_eq!((ran.status, ran.count("rejected")), (2, 2), "{}", ran.stderr);
    for column in ["from", "remark"] {
        let counted = format!("\n  1 row: column \"{column}\": {text}\n");
        assert!(ran.stderr.contains(&counted), "{}", ran.stderr);
    }
}

#[test]
fn an_empty_owner_or_contact() {
    let rows = ",a,r,x\nagent,,r,x\nNULL,,r,x\nagent,b,r,x\n";
    let contact = "contact = \"to\" }";
    for (empty, status, rejected) in [
        ("", 2, vec![format!("2,from,,{NO_OWNER}"), format!("3,to,,{NO_CONTACT}"), format!("4,from,,{NO_OWNER}")]),
        (", empty = \"skip\"", 0, Vec::new()),
    ] {
        let place = place(contact, &format!("contact = \"to\"{empty} }}"));
        let ran = sync(&place, rows);
        let skipped = 3 - rejected.len() as u64;
        assert_eq!((ran.status, ran.count("accepted"), ran.count("skipped")), (status, 1, skipped), "{}", ran.stderr);
        assert_eq!(place.rejected_rows(), rejected);
        assert_eq!(place.sandbox.tencent().friends("agent"), ["b"]);
    }
    let place = place("", "");
    place.write("input.ndjson", "{\"to\":\"a\",\"remark\":\"r\"}\n");
    let ran = place.run(&["sync", "input.ndjson", "--to", "friends"]);
    let says = "contact-sink: input.ndjson: the first object has no field \"from\", and none with a similar name among its 2; if some \
                rows have none, say subject = { owner = \"from\", contact = \"to\", empty = \"skip\" } (destination friends)\n";
    assert_eq!((ran.status, ran.stderr.as_str()), (64, says));
}

#[test]
fn an_account_that_does_not_exist_is_named_by_its_column() {
    let place = place("", "");
    let ran = sync(&place, "nobody,a,r,x\nagent,nobody,r,x\nagent,a,r,x\n");
    assert_eq!((ran.status, ran.count("accepted")), (2, 1), "{}", ran.stderr);
    let rejected = ["2,from,30003,the owner's account does not exist", "3,to,30003,the account does not exist"];
    assert_eq!(place.rejected_rows(), rejected);
}
