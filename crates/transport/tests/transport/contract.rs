//! What every transport promises, each promise one test, run on every transport there is.

#[path = "contract/answers.rs"]
mod answers;
#[path = "contract/connections.rs"]
mod connections;
#[path = "contract/failures.rs"]
mod failures;
#[path = "contract/requests.rs"]
mod requests;
#[path = "contract/tls.rs"]
pub(crate) mod tls;

macro_rules! contract {
    ($transport:ident, $make:expr; $($part:ident: $($promise:ident)*;)*) => {
        mod $transport {
            $(mod $part {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    $crate::contract::$part::$promise($make).await;
                })*
            })*
        }
    };
}

macro_rules! contract_for {
    ($transport:ident, $make:expr) => {
        contract! { $transport, $make;
            answers:
                no_content_is_an_answer
                a_gateways_html_is_an_answer
                a_redirect_is_an_answer_and_is_not_followed
                an_informational_answer_is_not_the_answer
                an_answer_as_large_as_the_cap_is_whole
                a_compressed_answer_stays_compressed;
            requests:
                the_request_leaves_as_it_was_made
                every_character_of_a_url_leaves_as_it_was_written
                a_request_does_not_wait_for_leave_to_send_its_body
                the_user_agent_is_the_requests_else_the_options;
            failures:
                a_refused_connection_is_not_applied
                an_unknown_host_is_not_applied
                a_handshake_that_hangs_is_not_applied
                a_handshake_that_is_cut_is_not_applied
                a_reset_before_the_request_was_read_is_perhaps_applied
                a_reset_after_the_request_was_read_is_perhaps_applied
                a_reset_within_the_answer_is_perhaps_applied
                a_close_without_an_answer_is_perhaps_applied
                a_truncated_body_is_no_answer
                an_oversize_body_that_is_declared_is_not_read
                an_oversize_body_that_is_not_declared_is_not_read_to_its_end
                headers_that_never_end_are_refused
                a_header_that_never_ends_is_refused
                a_head_that_hangs_times_out
                a_body_that_hangs_times_out
                what_is_not_http_is_refused
                each_failure_is_named;
            connections:
                one_caller_uses_one_connection
                a_failed_exchange_is_not_sent_again
                a_connection_that_was_closed_while_idle_is_not_used
                a_connection_that_closes_without_a_word_costs_no_second_request
                a_connection_that_says_that_it_closes_is_not_used
                concurrent_exchanges_share_a_bounded_number_of_connections
                an_exchange_without_a_turn_is_not_applied
                a_given_up_exchange_makes_room
                an_idle_connection_is_closed
                without_idle_time_every_exchange_has_its_own_connection;
            tls:
                a_private_root_is_trusted_only_when_it_is_added
                the_default_provider_is_not_used
                a_certificate_for_another_host_is_refused
                an_expired_certificate_is_refused
                a_proxy_makes_the_connection_and_learns_no_more
                a_proxy_that_refuses_makes_no_connection
                a_proxy_is_told_the_port;
        }
    };
}

#[cfg(feature = "hyper")]
contract_for!(hyper, crate::hyper::make);
#[cfg(feature = "reqwest")]
contract_for!(reqwest, crate::reqwest::make);
// A service's own client: what does not depend on how it connects, and to whom.
#[cfg(feature = "reqwest")]
contract! { own_client, crate::reqwest::make_with_own_client;
    answers:
        no_content_is_an_answer
        a_gateways_html_is_an_answer
        an_informational_answer_is_not_the_answer
        an_answer_as_large_as_the_cap_is_whole;
    requests:
        the_request_leaves_as_it_was_made
        every_character_of_a_url_leaves_as_it_was_written
        a_request_does_not_wait_for_leave_to_send_its_body
        the_user_agent_is_the_requests_else_the_options;
    failures:
        a_refused_connection_is_not_applied
        an_unknown_host_is_not_applied
        a_handshake_that_hangs_is_not_applied
        a_handshake_that_is_cut_is_not_applied
        a_reset_before_the_request_was_read_is_perhaps_applied
        a_reset_after_the_request_was_read_is_perhaps_applied
        a_reset_within_the_answer_is_perhaps_applied
        a_close_without_an_answer_is_perhaps_applied
        a_truncated_body_is_no_answer
        an_oversize_body_that_is_declared_is_not_read
        an_oversize_body_that_is_not_declared_is_not_read_to_its_end
        headers_that_never_end_are_refused
        a_header_that_never_ends_is_refused
        a_head_that_hangs_times_out
        a_body_that_hangs_times_out
        what_is_not_http_is_refused;
    connections:
        a_connection_that_closes_without_a_word_costs_no_second_request
        an_exchange_without_a_turn_is_not_applied
        an_idle_connection_is_closed;
}
