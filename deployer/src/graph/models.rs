//! The foundation models that the stack's policies allow to invoke.

use std::collections::BTreeMap;

use serde_json::Value;

use super::resolve::KnownOutputs;
use super::{Graph, resolve};
use crate::aws::Place;
use crate::aws::bedrock::{FoundationModel, invocable_resources};

/// A resource whose policies allow to invoke a foundation model.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    pub address: String,
    pub element: String,
    /// Whether it may also use an inference profile of the model. A profile may send requests to regions that do not
    /// offer the model on its own.
    pub through_profile: bool,
}

/// Lists each model that a permission names in a single region, with the resources that have the permission.
/// Ignores patterns.
pub fn models_in_use(graph: &Graph, known: &KnownOutputs, place: &Place) -> BTreeMap<FoundationModel, Vec<User>> {
    let mut models: BTreeMap<FoundationModel, Vec<User>> = BTreeMap::new();
    for node in graph.nodes().filter(|node| !node.external) {
        let policies = node.kind.about().policies(&node.spec);
        let policies: Vec<Value> = policies.into_iter().map(|policy| resolve::value(policy, known, place)).collect();
        let arns: Vec<&str> = policies.iter().flat_map(invocable_resources).collect();
        let ones = arns.iter().filter_map(|arn| FoundationModel::parse(arn)).filter(FoundationModel::is_one);
        for model in ones {
            let profile = |arn: &&str| arn.contains(":inference-profile/") && arn.ends_with(&format!(".{}", model.id));
            let through_profile = arns.iter().any(profile);
            let (address, element) = (node.address.clone(), node.element.clone());
            let users = models.entry(model).or_default();
            let user = User { address, element, through_profile };
            if !users.contains(&user) {
                users.push(user);
            }
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline;
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    const MODEL: &str = "arn:aws:bedrock:us-west-2::foundation-model/acme.draw-v1";

    fn list_models(functions: &str) -> Vec<(String, Vec<(String, bool)>)> {
        let text = format!("stack: s\nregion: us-west-2\nfunctions:\n{functions}");
        let loaded = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()).expect("no error");
        let place = Place { account: "123456789012".into(), region: "us-west-2".into(), ..resolve::nowhere() };
        let used = models_in_use(&loaded.graph, &loaded.graph.predict_outputs(&place), &place);
        let users = |users: Vec<User>| users.into_iter().map(|user| (user.address, user.through_profile)).collect();
        used.into_iter().map(|(model, all)| (model.arn(), users(all))).collect()
    }

    fn function(name: &str, on: &str) -> String {
        format!("  {name}: {{ zip: f.zip, permissions: [ {{ allow: bedrock:InvokeModel, on: [ {on} ] }} ] }}\n")
    }

    #[test]
    fn a_model_is_listed_once_with_all_that_may_invoke_it() {
        let two = function("a", &format!("\"{MODEL}\""))
            + &function("b", "\"arn:${aws.partition}:bedrock:${aws.region}::foundation-model/acme.draw-v1\"");
        let roles = ["functions.a.role", "functions.b.role"].map(|address| (address.to_owned(), false));
        assert_eq!(list_models(&two), [(MODEL.to_owned(), roles.to_vec())]);
    }

    #[test]
    fn patterns_and_other_services_are_no_models() {
        let on = "\"arn:aws:bedrock:*::foundation-model/acme.draw-v1\", \"arn:aws:s3:::images/*\"";
        assert_eq!(list_models(&function("a", on)), []);
        let reads = format!(
            "  a: {{ zip: f.zip, permissions: [ {{ allow: bedrock:GetFoundationModel, on: \"{MODEL}\" }} ] }}\n"
        );
        assert_eq!(list_models(&reads), []);
    }

    #[test]
    fn a_model_that_a_profile_leads_to_is_known_as_such() {
        let profile = "arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.acme.draw-v1";
        let users = vec![("functions.a.role".to_owned(), true)];
        assert_eq!(list_models(&function("a", &format!("\"{profile}\", \"{MODEL}\""))), [(MODEL.to_owned(), users)]);
    }
}
