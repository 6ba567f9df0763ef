//! What the extractors find out about a request, for the layers around its route.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;

use crate::identity::model::*;

/// Who makes a request and what they need for it, as far as an extractor has asked. A layer puts it
/// into the request's extensions and reads it when there is an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    principal: OnceLock<Arc<Principal>>,
    /// A device, which is no principal of ours.
    device: OnceLock<String>,
    permission: OnceLock<&'static str>,
}

impl Noted {
    /// That of a request; put there if there is none.
    pub(crate) fn of(request: &mut Request) -> Self {
        let extensions = request.extensions_mut();
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// Who makes it, if they are known.
    pub(crate) fn principal(&self) -> Option<Arc<Principal>> {
        self.0.principal.get().cloned()
    }

    /// Whether anybody is known who makes it.
    pub(crate) fn is_known(&self) -> bool {
        self.0.principal.get().is_some() || self.0.device.get().is_some()
    }

    /// The id of who makes it, as the audit log names them.
    pub(crate) fn who(&self) -> Option<String> {
        let principal = self.0.principal.get().map(|principal| principal.actor());
        principal.or_else(|| self.0.device.get().cloned())
    }

    /// What its route needs, if that was asked.
    pub(crate) fn permission(&self) -> Option<&'static str> {
        self.0.permission.get().copied()
    }

    pub(super) fn note_principal(&self, principal: &Arc<Principal>) {
        // Whoever asks twice gets the same.
        let _ = self.0.principal.set(Arc::clone(principal));
    }

    /// Notes that a device makes it.
    pub(crate) fn note_device(&self, device: &impl ToString) {
        let _ = self.0.device.set(device.to_string());
    }

    /// Notes what its route needs.
    pub(crate) fn note_permission(&self, permission: &'static str) {
        // The first that a route names is what it is about.
        let _ = self.0.permission.set(permission);
    }
}
