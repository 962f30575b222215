//! Who may start, who may stop, and whether the node is ready.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use contract::control::ServiceState;
use contract::service::{BUILT_IN, KERNEL, Service, ServiceName};

use super::machine::State;

/// A service and what it is doing.
pub trait Member {
    /// Its declaration.
    fn service(&self) -> &Service;
    /// What it is doing.
    fn state(&self) -> State;
}

/// Whether `name` need not wait any longer.
#[must_use]
pub fn may_start<M: Member>(members: &BTreeMap<ServiceName, M>, name: &ServiceName) -> bool {
    let Some(member) = members.get(name) else { return false };
    let word = |other: &ServiceName| members.get(other).map(|member| member.state().word());
    let service = member.service();
    let kernel = waits_for_kernel(name, service);
    let needs_ready =
        service.needs.iter().all(|need| word(need).is_some_and(ServiceState::is_ready));
    let order_kept = service.after.iter().all(|other| word(other).is_none_or(is_settled));
    let kernel_settled = !kernel
        || members.iter().filter(|(other, _)| other.as_str() == KERNEL).all(|(_, member)| {
            // A driver that hangs cannot even be killed; it was waited for long enough.
            let word = member.state().word();
            is_settled(word) || word == ServiceState::Stopping
        });
    needs_ready && order_kept && kernel_settled
}

/// Whether `name` may be told to stop: nobody who started after it is still there.
#[must_use]
pub fn may_stop<M: Member>(members: &BTreeMap<ServiceName, M>, name: &ServiceName) -> bool {
    members.values().all(|member| {
        let service = member.service();
        let waited = service.needs.iter().chain(&service.after).any(|other| other == name);
        !waited || !is_alive(member.state())
    })
}

/// Whether something of it is still to come to an end.
#[must_use]
pub const fn is_alive(state: State) -> bool {
    state.pid().is_some() || matches!(state, State::Beginning { .. })
}

/// A service that is early, or built in, does not wait for drivers.
fn waits_for_kernel(name: &ServiceName, service: &Service) -> bool {
    !service.early && !BUILT_IN.contains(&name.as_str())
}

/// Nothing more is to be waited for: it is ready, or it will not be.
const fn is_settled(state: ServiceState) -> bool {
    match state {
        ServiceState::Ready | ServiceState::Done | ServiceState::Stopped | ServiceState::Failed => {
            true
        }
        ServiceState::Waiting
        | ServiceState::Starting
        | ServiceState::Pausing
        | ServiceState::Stopping => false,
    }
}

/// Whether the node is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Every required service is.
    Open,
    /// These are still waited for.
    Waiting(Vec<ServiceName>),
    /// These will not be.
    Broken(Vec<ServiceName>),
}

/// Asks every required service.
#[must_use]
pub fn gate<M: Member>(members: &BTreeMap<ServiceName, M>) -> Gate {
    let missing: Vec<_> = members
        .iter()
        .filter(|(_, member)| member.service().required && !member.state().word().is_ready())
        .collect();
    let names = |of: &[(&ServiceName, &M)]| of.iter().map(|(name, _)| (*name).clone()).collect();
    let broken: Vec<_> =
        missing.iter().copied().filter(|(_, member)| will_not_be_ready(members, *member)).collect();
    match (broken.is_empty(), missing.is_empty()) {
        (false, _) => Gate::Broken(names(&broken)),
        (true, false) => Gate::Waiting(names(&missing)),
        (true, true) => Gate::Open,
    }
}

/// It was given up, or waits for one that was.
fn will_not_be_ready<M: Member>(members: &BTreeMap<ServiceName, M>, member: &M) -> bool {
    match member.state().word() {
        ServiceState::Stopped | ServiceState::Failed => true,
        // The graph has no rings, so this ends.
        ServiceState::Waiting => member
            .service()
            .needs
            .iter()
            .filter_map(|need| members.get(need))
            .any(|need| will_not_be_ready(members, need)),
        ServiceState::Starting
        | ServiceState::Ready
        | ServiceState::Done
        | ServiceState::Pausing
        | ServiceState::Stopping => false,
    }
}
