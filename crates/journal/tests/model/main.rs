//! Delivery with a journal against a model of the vendor and of each row: several inputs for one destination, which grow, are sent
//! in any interleaving. Whatever the vendor answers, and however runs end, every row gets the one outcome that the vendor bears
//! out, and no older value takes the place of a newer one.
//!
//! The steps are a plain list and no state machine of its own: each is possible at any time, so there is nothing to precede it.

// Helpers are no tests, which clippy lets panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod check;
mod oracle;
mod run;
mod vendor;

use proptest::prelude::*;

use crate::case::{Case, cases};
use crate::run::Session;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases_to_try(), max_shrink_iters: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_row_has_the_outcome_that_the_vendor_bears_out(case in cases()) {
        check(case)?;
    }
}

/// `PROPTEST_CASES=10000` looks for longer.
fn cases_to_try() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

fn check(case: Case) -> Result<(), TestCaseError> {
    let mut session = Session::new(case.clone());
    for step in &case.steps {
        session.step(step);
        prop_assert_eq!(session.breaches(), [""; 0]);
    }
    session.run_to_the_end();
    prop_assert_eq!(session.breaches(), [""; 0]);
    Ok(())
}
