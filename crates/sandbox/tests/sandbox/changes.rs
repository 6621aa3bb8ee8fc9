//! What is changed at the vendors while the server runs, through its page.

use contact_sink_sandbox::{Sandbox, World};
use serde_json::json;

use crate::client::Client;
use crate::users;

const ATTRIBUTES: &str = "/v4/all_member_push/im_get_attr_name";

async fn change(client: &mut Client, changes: &str) -> u16 {
    client.send("POST", "/_sandbox/changes", "", changes).await.status
}

#[tokio::test]
async fn another_secret_after_so_many_requests() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    let changes = json!([{"after_requests": 2, "secret": "other"}, {"after_requests": 5, "secret": "sandbox"}]);
    assert_eq!(change(&mut client, &changes.to_string()).await, 200);
    let mut statuses = Vec::new();
    for cuid in 0..3 {
        statuses.push(client.put(&users([cuid])).await.status);
    }
    assert_eq!(statuses, [200, 200, 401], "the third request is the first that meets it");
    let (euid, names) = (r#"{"euid": 7, "contacts": {"email": "a@b.example"}}"#, "{}");
    assert_eq!(client.post(euid).await.code(), (200, 40050), "the secret is that of all vendors");
    assert_eq!(client.call(ATTRIBUTES, names).await.code(), (200, 70009));
    assert_eq!(client.put(&users([9])).await.status, 200, "the second change follows in its time");
    assert_eq!(client.call(ATTRIBUTES, names).await.code(), (200, 0));
    sandbox.shutdown().await;
}

#[tokio::test]
async fn tencents_clock_and_signatures_at_once() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    assert_eq!(client.call(ATTRIBUTES, "{}").await.code(), (200, 0));
    assert_eq!(change(&mut client, r#"[{"clock_ahead_ms": 400000000000}]"#).await, 200);
    assert_eq!(client.call(ATTRIBUTES, "{}").await.code(), (200, 70001));
    assert_eq!(change(&mut client, r#"[{"clock_ahead_ms": 0, "revoke_signatures": true}]"#).await, 200);
    let codes = [client.call(ATTRIBUTES, "{}").await.code().1, client.call(ATTRIBUTES, "{}").await.code().1];
    // One that was made in the second of the revocation is refused once; in a later second all are good.
    assert!(matches!(codes, [70052, 0] | [0, 0]), "{codes:?}");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn what_is_no_list_of_changes_is_refused_and_not_quoted() {
    let sandbox = Sandbox::start(World::default()).unwrap();
    let mut client = Client::connect(sandbox.address()).await;
    for changes in [r#"[{"secret": ""}]"#, r#"[{"secret": "hush", "secrets": 1}]"#, r#"[{"secret": ["hush"]}]"#, "hush"]
    {
        let reply = client.send("POST", "/_sandbox/changes", "", changes).await;
        assert_eq!(reply.status, 400, "{changes}");
        assert!(!reply.body.contains("hush"), "{}", reply.body);
    }
    assert_eq!(client.put(&users([1])).await.status, 200, "nothing is changed");
    sandbox.shutdown().await;
}
