//! Checks actions against the list of those that IAM has.

use crate::actions::{self, UnknownAction};
use crate::spec::finding::{DocPath, Findings};

/// Warns of actions that IAM does not have. No error: AWS adds actions every week.
pub(super) fn check(placed: &[(DocPath, &str)], findings: &mut Findings) {
    for (place, action) in placed {
        let Some(unknown) = actions::unknown(action) else { continue };
        let (service, name) = action.split_once(':').unwrap_or_default();
        let day = actions::day();
        let newer = format!("If AWS has added it since {day}, nothing has to be done");
        let (code, message, help) = match unknown {
            UnknownAction::Service { nearest } => {
                let help = nearest.map(|nearest| format!("did you mean `{nearest}:{name}`? {newer}"));
                ("permission::unknown-service", format!("IAM knows no service `{service}`"), help)
            }
            UnknownAction::Action { nearest } => {
                let help = nearest.map(|nearest| format!("did you mean `{nearest}`? {newer}"));
                ("permission::unknown-action", format!("IAM has no action `{action}`"), help)
            }
            UnknownAction::Pattern => {
                ("permission::unknown-action", format!("`{action}` matches no action of `{service}`"), None)
            }
        };
        let list = "AWS's Service Authorization Reference lists services and actions";
        findings.warning(code, place.clone(), message).help(help.unwrap_or_else(|| format!("{list}. {newer}")));
    }
}
