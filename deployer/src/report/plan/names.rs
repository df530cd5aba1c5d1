//! Names the resources of the stack behind ids that AWS generated.

use serde_json::Value;

use super::values::short_value;
use crate::report::shown::MaskedPlan;

/// Renders a value. The address of a resource follows whose id it is, or ends with: `integrations/9147a9f4
/// (http_apis.shop.integration[worker])`.
pub(super) fn named(plan: &MaskedPlan, value: &Value) -> String {
    let text = short_value(value);
    match value.as_str().and_then(|id| address_of(plan, id)) {
        Some(address) => format!("{text} ({address})"),
        None => text,
    }
}

fn address_of<'p>(plan: &'p MaskedPlan, text: &str) -> Option<&'p str> {
    let id = text.rsplit('/').next().filter(|id| !id.is_empty())?;
    let has_it = |outputs: &crate::kinds::Outputs| {
        let is_given = outputs.get("name").is_none_or(|name| name != id);
        is_given && outputs.get("id").is_some_and(|own| own == id)
    };
    let found = plan.actions().iter().find(|planned| planned.live().is_some_and(|live| has_it(&live.outputs)));
    found.map(|planned| planned.address.as_str())
}
