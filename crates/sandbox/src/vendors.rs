//! All simulated vendors together, as the list in `lib.rs` names them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::VENDORS;
use crate::faults::FaultKind;
use crate::vendor::Vendor;
use crate::world::World;

macro_rules! vendors {
    ($($vendor:ident)*) => {
        use crate::{$($vendor),*};

        /// The endpoints of each vendor.
        #[derive(Debug)]
        pub(crate) struct Vendors {
            $(pub(crate) $vendor: $vendor::Endpoint,)*
        }

        /// What the page of the state shows.
        #[derive(Serialize)]
        pub(crate) struct View<'a> {
            $($vendor: &'a $vendor::Endpoint,)*
            counters: Counters,
            faults: BTreeMap<FaultKind, u64>,
        }

        #[derive(Serialize)]
        struct Counters {
            $($vendor: $vendor::Counters,)*
        }

        impl Vendors {
            pub(crate) fn new(world: &World) -> Self {
                Self { $($vendor: $vendor::Endpoint::new(world.$vendor.clone(), world.store),)* }
            }

            pub(crate) fn all(&self) -> [&dyn Vendor; VENDORS.len()] {
                [$(&self.$vendor),*]
            }

            pub(crate) fn view(&self, faults: BTreeMap<FaultKind, u64>) -> View<'_> {
                let counters = Counters { $($vendor: self.$vendor.counters(),)* };
                View { $($vendor: &self.$vendor,)* counters, faults }
            }
        }

        $(impl fmt::Debug for $vendor::Endpoint {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Endpoint").field("counters", &self.counters()).finish_non_exhaustive()
            }
        })*
    };
}
each_vendor!(vendors);
