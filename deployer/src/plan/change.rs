//! The change of one property of a resource.

use serde_json::Value;

/// One property that an action sends to AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `timeout`, `environment.BUCKET`.
    pub path: String,
    pub sensitive: bool,
    pub how: How,
}

/// How a property changes.
#[derive(Debug, Clone, PartialEq)]
pub enum How {
    /// AWS has another value than `stack.yaml` states.
    Differs {
        /// The value in AWS; null if absent.
        before: Value,
        /// The value in `stack.yaml`; null if absent.
        after: Value,
        /// False if only apply can find out a part of `after`.
        known: bool,
        forces_replacement: bool,
    },
    /// The value is as it should be, but AWS resolved it to a resource that is recreated under the same name.
    SetAgain { value: Value },
}

impl Change {
    /// A difference that is known and can be updated in place.
    pub fn new(path: impl Into<String>, before: Value, after: Value) -> Self {
        let how = How::Differs { before, after, known: true, forces_replacement: false };
        Self { path: path.into(), sensitive: false, how }
    }

    pub fn before(&self) -> &Value {
        match &self.how {
            How::Differs { before, .. } => before,
            How::SetAgain { value } => value,
        }
    }

    pub fn after(&self) -> &Value {
        match &self.how {
            How::Differs { after, .. } => after,
            How::SetAgain { value } => value,
        }
    }

    /// Tells whether all of the new value is known before apply.
    pub fn is_known(&self) -> bool {
        !matches!(self.how, How::Differs { known: false, .. })
    }

    pub fn forces_replacement(&self) -> bool {
        matches!(self.how, How::Differs { forces_replacement: true, .. })
    }

    pub fn is_set_again(&self) -> bool {
        matches!(self.how, How::SetAgain { .. })
    }

    /// Turns the change of an open value into that of a resource that has none yet.
    pub(super) fn into_first(self) -> Self {
        let after = self.after().clone();
        let how = How::Differs { before: Value::Null, after, known: false, forces_replacement: false };
        Self { path: self.path, sensitive: false, how }
    }

    /// Notes that no resource exists yet that could be replaced.
    pub(super) fn of_new_resource(&mut self) {
        if let How::Differs { forces_replacement, .. } = &mut self.how {
            *forces_replacement = false;
        }
    }
}
