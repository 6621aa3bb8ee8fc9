//! The typed client: the vendor's own call and its own answer.

use contact_sink_core::SinkError;
use contact_sink_transport::{ApiClient, HttpTransport};

use crate::wire::{Answer, UserChannels, build_set_channels, read_set_channels};
use crate::{Config, SET_CHANNELS};

/// A client of one Jiguang project. Clones share the transport. `Debug` prints no secret.
///
/// It sends one request a call: it does not pace, retry or split.
#[derive(Debug, Clone)]
pub struct Jiguang(ApiClient<Config>);

impl Jiguang {
    /// A client with these credentials over this transport, which several clients may share in an `Arc`.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Self(ApiClient::new(config, transport))
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.0.config()
    }

    /// Sets contact labels of 1 to 100 users.
    ///
    /// Shape: `PUT /smartop/api/v1/user/channel/batch`, at most 100 requests a second. Each user once: what the vendor does
    /// with a user named twice in a request is not documented.
    ///
    /// The answer may hold errors: whether the other users of such a request were saved is not documented.
    ///
    /// # Errors
    /// [`SinkError`] if there is no answer, if nothing was sent because the request cannot be built, or if the vendor refuses
    /// the credentials, the project or the size of the request.
    ///
    /// ```
    /// use contact_sink_jiguang::{Config, Jiguang, UserChannels, VENDOR};
    /// # use bytes::Bytes;
    /// # use contact_sink_transport::{HttpTransport, TransportError};
    /// # use http::{Request, Response};
    /// # struct Documented;
    /// # #[async_trait::async_trait] impl HttpTransport for Documented {
    /// #     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    /// #         let sent = r#"[{"cuid":1234567,"channels":[{"id":210,"channelValues":{"默认联系1":"15088888888"}}]}]"#;
    /// #         assert_eq!(request.body(), sent);
    /// #         Ok(Response::new(Bytes::from_static(r#"{"code":4000,"msg":"请求有多个错误,请在data中查看错误码列表","data":[
    /// #             {"code":4107,"msg":"通道信息保存异常![默认联系1] 联系标签不存在"},
    /// #             {"code":4107,"msg":"通道信息保存异常![1234567] CUID不存在"}]}"#.as_bytes())))
    /// #     }
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let transport = Documented;
    ///
    /// let client = Jiguang::new(Config::new("100102", "from the environment".into())?, transport);
    /// let user = UserChannels::new(1234567).with(210, "默认联系1", "15088888888");
    /// // The vendor answers as its document shows for several errors: the label does not exist, nor does the user.
    /// let answer = client.set_channels(&[user]).await?;
    /// assert!(!answer.is_success());
    /// assert_eq!(answer.errors.iter().map(|error| error.code).collect::<Vec<_>>(), [Some(4107), Some(4107)]);
    /// assert!(VENDOR.find(4107).is_some_and(|line| line.meaning.starts_with("not saved")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: Jiguang, "Set Contact Information".
    pub async fn set_channels(&self, users: &[UserChannels<'_>]) -> Result<Answer, SinkError> {
        let Config { credentials, base_url } = self.config();
        read_set_channels(&self.0.call(&SET_CHANNELS, credentials, build_set_channels(base_url, users)).await?)
    }
}
