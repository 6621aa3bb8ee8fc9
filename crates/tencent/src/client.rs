//! The typed client: the vendor's own calls and its own answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use contact_sink_core::{SinkError, SinkErrorKind};
use contact_sink_transport::{ApiClient, BaseUrl, Call, HttpTransport, InvalidRequest};
use http::{Request, Response};

use crate::signer::Signer;
use crate::wire::{
    AccountError, Answer, AttributesOf, Caller, Friend, FriendResults, UserAttributeNames, UserAttributes,
    build_get_attribute_names, build_get_attributes, build_remove_attributes, build_set_attribute_names,
    build_set_attributes, build_update_friends, read_get_attribute_names, read_get_attributes, read_remove_attributes,
    read_set_attribute_names, read_set_attributes, read_update_friends, with_usersig,
};
use crate::{Config, operation};

/// A client of one app. Clones share the transport and the UserSig. `Debug` prints no secret.
///
/// It sends one request a call: it does not pace, retry or split. A request whose UserSig has run out fails with an error that
/// asks for another attempt ([`SinkError::retry`]), which has a new one.
#[derive(Clone)]
pub struct Tencent {
    api: ApiClient<Config>,
    signer: Arc<Signer>,
}

impl Tencent {
    /// A client with this configuration over this transport, which several clients may share in an `Arc`.
    pub fn new(config: Config, transport: impl HttpTransport + 'static) -> Self {
        Self { api: ApiClient::new(config, transport), signer: Arc::default() }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.api.config()
    }

    /// Sets attributes of 1 to 100 accounts; others that they have stay.
    ///
    /// Shape: `POST /v4/all_member_push/im_set_attr`, at most 100 calls a second; a value has 1 to 50 bytes of UTF-8, a name must
    /// have been set for the app. An answer of success may list accounts that failed.
    ///
    /// # Errors
    /// [`SinkError`] if there is no answer, if nothing was sent because the request cannot be built, or if the answer concerns
    /// the run as a whole: the signature, the app, the quota.
    ///
    /// ```
    /// use contact_sink_tencent::{Config, Tencent, UserAttributes};
    /// # use bytes::Bytes;
    /// # use contact_sink_transport::{HttpTransport, TransportError};
    /// # use http::{Request, Response};
    /// # struct Documented;
    /// # #[async_trait::async_trait] impl HttpTransport for Documented {
    /// #     async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
    /// #         assert_eq!(request.body(), r#"{"UserAttrs":[{"To_Account":"xiaojun012","Attrs":{"sex":"attr1","city":"attr2"}}]}"#);
    /// #         Ok(Response::new(Bytes::from_static(br#"{"ActionStatus": "OK","ErrorInfo": "","ErrorCode": 0}"#)))
    /// #     }
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let transport = Documented;
    ///
    /// let config = Config::new(1400000000, "administrator", "from the environment".into())?;
    /// let client = Tencent::new(config, transport);
    /// let user = UserAttributes::new("xiaojun012").with("sex", "attr1").with("city", "attr2");
    /// let answer = client.set_attributes(&[user]).await?;
    /// assert!(answer.content.is_some_and(|failed| failed.is_empty()), "it went through, and no account failed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Source: Tencent Chat, "im_set_attr".
    pub async fn set_attributes(&self, users: &[UserAttributes<'_>]) -> Result<Answer<Vec<AccountError>>, SinkError> {
        let build = |base: &BaseUrl, caller: Caller<'_>| build_set_attributes(base, caller, users);
        self.call(&operation::SET_ATTRIBUTES, build, read_set_attributes).await
    }

    /// Removes attributes of 1 to 100 accounts.
    ///
    /// Shape: `POST /v4/all_member_push/im_remove_attr`, at most 100 calls a second.
    ///
    /// # Errors
    /// As [`set_attributes`](Self::set_attributes).
    pub async fn remove_attributes(
        &self,
        users: &[UserAttributeNames<'_>],
    ) -> Result<Answer<Vec<AccountError>>, SinkError> {
        let build = |base: &BaseUrl, caller: Caller<'_>| build_remove_attributes(base, caller, users);
        self.call(&operation::REMOVE_ATTRIBUTES, build, read_remove_attributes).await
    }

    /// Reads the attributes of 1 to 100 accounts. The answer's order is not that of the request.
    ///
    /// Shape: `POST /v4/all_member_push/im_get_attr`, at most 100 calls a second.
    ///
    /// # Errors
    /// As [`set_attributes`](Self::set_attributes).
    pub async fn attributes(&self, accounts: &[&str]) -> Result<Answer<Vec<AttributesOf>>, SinkError> {
        let build = |base: &BaseUrl, caller: Caller<'_>| build_get_attributes(base, caller, accounts);
        self.call(&operation::GET_ATTRIBUTES, build, read_get_attributes).await
    }

    /// Gives the app's attributes their names, by number from 0: at most ten, each of at most 50 bytes.
    ///
    /// Shape: `POST /v4/all_member_push/im_set_attr_name`, at most 100 calls a second.
    ///
    /// # Errors
    /// As [`set_attributes`](Self::set_attributes).
    pub async fn set_attribute_names(&self, names: &[(u8, &str)]) -> Result<Answer<()>, SinkError> {
        let build = |base: &BaseUrl, caller: Caller<'_>| build_set_attribute_names(base, caller, names);
        self.call(&operation::SET_ATTRIBUTE_NAMES, build, read_set_attribute_names).await
    }

    /// Reads the names of the app's attributes, by their numbers.
    ///
    /// Shape: `POST /v4/all_member_push/im_get_attr_name`, at most 100 calls a second.
    ///
    /// # Errors
    /// As [`set_attributes`](Self::set_attributes).
    pub async fn attribute_names(&self) -> Result<Answer<BTreeMap<u8, String>>, SinkError> {
        self.call(&operation::GET_ATTRIBUTE_NAMES, build_get_attribute_names, read_get_attribute_names).await
    }

    /// Updates remark, groups and custom fields of 1 to 1,000 friends of one account.
    ///
    /// Shape: `POST /v4/sns/friend_update`, at most 200 calls a second. Two calls for one owner at a time end in a conflict
    /// (30008). An answer of success has a result for each friend, matched by account.
    ///
    /// # Errors
    /// As [`set_attributes`](Self::set_attributes).
    ///
    /// Source: Tencent Chat, "friend_update".
    pub async fn update_friends(
        &self,
        owner: &str,
        friends: &[Friend<'_>],
    ) -> Result<Answer<FriendResults>, SinkError> {
        let build = |base: &BaseUrl, caller: Caller<'_>| build_update_friends(base, caller, owner, friends);
        self.call(&operation::UPDATE_FRIENDS, build, read_update_friends).await
    }

    /// One call: a new random number, one UserSig, one exchange.
    async fn call<T>(
        &self,
        call: &'static Call,
        build: impl FnOnce(&BaseUrl, Caller<'_>) -> Result<Request<Bytes>, InvalidRequest>,
        read: impl FnOnce(&Response<Bytes>) -> Result<Answer<T>, SinkError>,
    ) -> Result<Answer<T>, SinkError> {
        let config = self.config();
        let caller =
            Caller { sdk_app_id: config.sdk_app_id(), identifier: config.identifier(), random: fastrand::u32(..) };
        let mut request = build(config.base_url(), caller).map_err(|error| call.contract(error))?;
        let unsigned = || {
            call.error(SinkErrorKind::Credentials)
                .with_detail("nothing sent: no UserSig can be made of this identifier, secret key and lifetime")
        };
        let signature = self.signer.signature(config).map_err(|_| unsigned())?;
        // The one place where the UserSig is put on a request.
        *request.uri_mut() = with_usersig(request.uri(), signature.expose()).ok_or_else(unsigned)?;
        let answer = self.api.exchange(call, request).await?;
        read(&answer).map_err(|error| self.signer.failed(&signature, error, config))
    }
}

contact_sink_transport::debug_shows!(Tencent: api);
