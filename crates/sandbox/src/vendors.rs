//! All simulated vendors together, as the list in `lib.rs` names them.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::faults::FaultKind;
use crate::vendor::Vendor;
use crate::world::World;

macro_rules! vendors {
    ($($vendor:ident)*) => {
        use crate::{$($vendor),*};

        /// The endpoints of each vendor.
        pub(crate) struct Vendors {
            $(pub(crate) $vendor: $vendor::Endpoint,)*
        }

        impl Vendors {
            pub(crate) fn new(world: &World) -> Self {
                Self { $($vendor: $vendor::Endpoint::new(world.$vendor.clone(), world.store),)* }
            }

            pub(crate) fn all(&self) -> [&dyn Vendor; crate::VENDORS.len()] {
                [$(&self.$vendor),*]
            }
        }

        impl Serialize for View<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry(stringify!($vendor), &self.vendors.$vendor)?;)*
                map.serialize_entry("counters", &CountersView(self.vendors))?;
                map.serialize_entry("faults", &self.faults)?;
                map.end()
            }
        }

        impl Serialize for CountersView<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(map.serialize_entry(stringify!($vendor), &self.0.$vendor.counters())?;)*
                map.end()
            }
        }

        impl fmt::Debug for Vendors {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Vendors")$(.field(stringify!($vendor), &self.$vendor))*.finish()
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

impl Vendors {
    /// What the page of the state shows.
    pub(crate) fn view(&self, faults: BTreeMap<FaultKind, u64>) -> impl Serialize {
        View { vendors: self, faults }
    }
}

struct View<'a> {
    vendors: &'a Vendors,
    faults: BTreeMap<FaultKind, u64>,
}

struct CountersView<'a>(&'a Vendors);
