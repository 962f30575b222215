//! The services of an image together: who waits for whom.
//!
//! A missing need or a ring of waiting services is an image that can never be ready, so it is an
//! error of the build; the node checks again because it takes nothing on trust.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Service, ServiceName};

/// The built-in service that loads drivers and sets sysctls.
pub const KERNEL: &str = "kernel";

/// The built-in service that reads every block of the root.
pub const ROOT_CHECK: &str = "root-check";

/// The names PID 1 keeps for itself.
pub const BUILT_IN: [&str; 2] = [KERNEL, ROOT_CHECK];

/// Services that can all be started in some order. Holding one proves that every need exists and
/// that no service waits for itself, over however many others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Graph {
    services: BTreeMap<ServiceName, Service>,
}

/// Services that can never all be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphError {
    /// A service has a name that PID 1 keeps for itself.
    Reserved {
        /// The name.
        service: ServiceName,
    },
    /// A service needs one that is not declared.
    MissingNeed {
        /// The service.
        service: ServiceName,
        /// What it needs.
        need: ServiceName,
    },
    /// Services wait for each other.
    Cycle {
        /// Each waits for the next, the last for the first.
        ring: Vec<ServiceName>,
    },
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved { service } => {
                write!(f, "service `{service}` has the name of a built-in one")
            }
            Self::MissingNeed { service, need } => {
                write!(f, "service `{service}` needs `{need}`, which is not declared")
            }
            Self::Cycle { ring } => {
                write!(f, "services wait for each other: ")?;
                ring.iter().try_for_each(|name| write!(f, "`{name}` → "))?;
                ring.first().map_or(Ok(()), |name| write!(f, "`{name}`"))
            }
        }
    }
}

impl std::error::Error for GraphError {}

impl Graph {
    /// Checks `services` together; the built-in ones are not among them and may be named.
    ///
    /// # Errors
    ///
    /// The first reserved name or missing need, else the first ring, by name.
    pub fn new(services: BTreeMap<ServiceName, Service>) -> Result<Self, GraphError> {
        let exists =
            |name: &ServiceName| BUILT_IN.contains(&name.as_str()) || services.contains_key(name);
        for (name, service) in &services {
            if BUILT_IN.contains(&name.as_str()) {
                return Err(GraphError::Reserved { service: name.clone() });
            }
            if let Some(need) = service.needs.iter().find(|need| !exists(need)) {
                let (service, need) = (name.clone(), need.clone());
                return Err(GraphError::MissingNeed { service, need });
            }
        }
        let graph = Self { services };
        match graph.ring() {
            Some(ring) => Err(GraphError::Cycle { ring }),
            None => Ok(graph),
        }
    }

    /// The services, by name.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<ServiceName, Service> {
        &self.services
    }

    /// Whom `name` waits for among the declared: its needs, and those of its `after` that exist.
    pub fn waits_for(&self, name: &ServiceName) -> impl Iterator<Item = &ServiceName> {
        let service = self.services.get(name);
        let needs = service.into_iter().flat_map(|service| &service.needs);
        let after = service.into_iter().flat_map(|service| &service.after);
        needs.chain(after).filter(|other| self.services.contains_key(other))
    }

    /// Takes away, again and again, whoever waits for nobody that is left. What stays waits in a
    /// ring or for one; walking from any of it arrives in the ring.
    fn ring(&self) -> Option<Vec<ServiceName>> {
        let mut left: BTreeSet<&ServiceName> = self.services.keys().collect();
        loop {
            let free: Vec<_> = left
                .iter()
                .copied()
                .filter(|name| !self.waits_for(name).any(|other| left.contains(other)))
                .collect();
            if free.is_empty() {
                break;
            }
            for name in free {
                left.remove(name);
            }
        }
        let mut walk: Vec<&ServiceName> = vec![left.first().copied()?];
        loop {
            let last = walk.last().copied()?;
            let next = self.waits_for(last).find(|other| left.contains(other))?;
            if let Some(start) = walk.iter().position(|name| *name == next) {
                return Some(walk.into_iter().skip(start).cloned().collect());
            }
            walk.push(next);
        }
    }
}
