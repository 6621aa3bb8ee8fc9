//! Which texts are base URLs, and what joining one with a path gives.

use contact_sink_transport::InvalidBaseUrl::{self, NotAUrl, PlainHttp, Query, UserInfo};
use contact_sink_transport::{BaseUrl, BuildError, Proxy};
use proptest::prelude::*;

#[test]
fn which_texts_are_base_urls() {
    let table: &[(&str, Result<&str, InvalidBaseUrl>)] = &[
        ("https://growth.jiguang.cn", Ok("https://growth.jiguang.cn")),
        ("https://growth.jiguang.cn/", Ok("https://growth.jiguang.cn")),
        ("https://a.example:8443/base/", Ok("https://a.example:8443/base")),
        ("https://[2001:db8::1]:8443", Ok("https://[2001:db8::1]:8443")),
        ("HTTPS://a.example", Ok("https://a.example")),
        ("http://127.0.0.1:8080/jiguang", Ok("http://127.0.0.1:8080/jiguang")),
        ("http://127.8.9.1", Ok("http://127.8.9.1")),
        ("http://[::1]:80", Ok("http://[::1]:80")),
        ("http://LocalHost:1", Ok("http://LocalHost:1")),
        ("http://growth.jiguang.cn", Err(PlainHttp)),
        ("http://localhost.example", Err(PlainHttp)),
        ("http://127.0.0.1.example", Err(PlainHttp)),
        ("http://0.0.0.0", Err(PlainHttp)),
        ("http://10.0.0.1", Err(PlainHttp)),
        ("https://user@a.example", Err(UserInfo)),
        ("https://user:password@a.example", Err(UserInfo)),
        ("http://127.0.0.1@a.example", Err(UserInfo)),
        ("https://a.example?x=1", Err(Query)),
        ("https://a.example/?", Err(Query)),
        ("https://a.example/#top", Err(Query)),
        ("", Err(NotAUrl)),
        ("a.example", Err(NotAUrl)),
        ("/path", Err(NotAUrl)),
        ("ftp://a.example", Err(NotAUrl)),
        ("https://", Err(NotAUrl)),
        ("https://:443", Err(NotAUrl)),
        ("https://a.example:99999", Err(NotAUrl)),
        ("https://a.example:port", Err(NotAUrl)),
        ("https://a.example:", Err(NotAUrl)),
        ("https://a b.example", Err(NotAUrl)),
        (" https://a.example", Err(NotAUrl)),
    ];
    for (text, expected) in table {
        let parsed = text.parse::<BaseUrl>().map(|base| base.to_string());
        assert_eq!(parsed.as_deref(), expected.as_ref().map(|text| *text), "`{text}`");
    }
}

#[test]
fn which_texts_are_proxies() {
    for good in ["http://proxy:3128", "http://proxy", "http://user:p%40ss@proxy:3128/", "http://[::1]:3128"] {
        assert!(Proxy::new(good).is_ok(), "`{good}`");
    }
    for bad in
        ["", "proxy:3128", "https://proxy:3128", "socks5://proxy", "http://", "http://:3128", "http://proxy:99999"]
    {
        assert_eq!(Proxy::new(bad).err(), Some(BuildError::Proxy), "`{bad}`");
    }
    let shown = format!("{:?}", Proxy::new("http://user:marker@proxy:3128").unwrap());
    assert_eq!(shown, "Proxy(proxy)");
}

proptest! {
    #[test]
    fn no_text_panics_and_the_text_of_a_base_url_is_a_base_url(text in "(https?://)?\\PC{0,40}") {
        if let Ok(base) = text.parse::<BaseUrl>() {
            prop_assert_eq!(base.to_string().parse::<BaseUrl>(), Ok(base.clone()));
            prop_assert!(!base.to_string().ends_with('/'));
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear(a in any::<[u8; 4]>(), port in 1..=u16::MAX) {
        let text = format!("http://{}.{}.{}.{}:{port}", a[0], a[1], a[2], a[3]);
        prop_assert_eq!(text.parse::<BaseUrl>().is_ok(), a[0] == 127);
    }

    #[test]
    fn joined_is_the_base_then_the_path(path in "(/[a-z]{1,4}){0,3}", slash in "/?", call in "(/[a-z0-9]{1,5}){1,4}", query in "(\\?[a-z]=[0-9a-zA-Z*_-]{0,9})?") {
        let base: BaseUrl = format!("https://a.example:8443{path}{slash}").parse().unwrap();
        let joined = base.join(&format!("{call}{query}")).unwrap();
        prop_assert_eq!(joined.to_string(), format!("https://a.example:8443{path}{call}{query}"));
        prop_assert_eq!(base.authority(), "a.example:8443");
    }
}
