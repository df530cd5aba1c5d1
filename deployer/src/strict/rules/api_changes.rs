//! Changes of an API that API Gateway refuses because of the API's other parts.

use aws_sdk_apigateway::types::{Resource, Stage};
use futures::future::{BoxFuture, FutureExt};

use super::super::{About, Call, Place, Refusal, Rule};

/// Refuses paths that clash, methods, integrations and stages that exist, and deployments without methods or in use.
pub struct ApiChanges;

impl Rule for ApiChanges {
    fn about(&self) -> About {
        About {
            name: "api-changes",
            summary: "one path variable in a place, one path part, method and stage of a name, only complete methods \
                      in a deployment, and no deletion of a deployment that a stage serves",
            source: "API Gateway Developer Guide; BadRequestException \"A sibling ({id}) of this resource already has a \
                     variable path part -- only one is allowed\", \"The REST API doesn't contain any methods\"",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        refusal(call, place).boxed()
    }
}

async fn refusal(call: &Call, place: Place<'_>) -> Option<Refusal> {
    if call.service != "API Gateway" {
        return None;
    }
    match call.operation {
        "CreateResource" => {
            let tree = resources(call, place).await?;
            clashing(&tree, call.text("parentId"), call.text("pathPart"))
        }
        "PutMethod" => has_method(call, place).await?.then(|| conflict("Method already exists for this resource")),
        "PutIntegration" => match impossible_timeout(call) {
            Some(refusal) => Some(refusal),
            None => (!has_method(call, place).await?).then(|| {
                let message = "Invalid Method identifier specified";
                Refusal::with_status(404, "NotFoundException", message)
            }),
        },
        "CreateDeployment" => incomplete(&resources(call, place).await?),
        "CreateStage" => {
            let stages = stages(call, place).await?;
            if stages.iter().any(|stage| stage.stage_name() == Some(call.text("stageName"))) {
                return Some(conflict("Stage already exists"));
            }
            missing_deployment(call, call.text("deploymentId"), place).await
        }
        "UpdateStage" => missing_deployment(call, moved_to(call)?, place).await,
        "DeleteDeployment" => in_use(&stages(call, place).await?, call.text("deploymentId")),
        _ => None,
    }
}

fn conflict(message: &str) -> Refusal {
    Refusal::with_status(409, "ConflictException", message)
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::invalid("BadRequestException", message)
}

/// Asks the emulator for the API's paths with their methods. None if it does not tell.
async fn resources(call: &Call, place: Place<'_>) -> Option<Vec<Resource>> {
    let clients = place.clients().await;
    let ask = clients.apigateway.get_resources().rest_api_id(call.text("restApiId")).limit(500).embed("methods");
    ask.send().await.ok()?.items
}

async fn stages(call: &Call, place: Place<'_>) -> Option<Vec<Stage>> {
    let clients = place.clients().await;
    clients.apigateway.get_stages().rest_api_id(call.text("restApiId")).send().await.ok()?.item
}

async fn has_method(call: &Call, place: Place<'_>) -> Option<bool> {
    let tree = resources(call, place).await?;
    let resource = tree.iter().find(|resource| resource.id() == Some(call.text("resourceId")))?;
    Some(resource.resource_methods().is_some_and(|methods| methods.contains_key(call.text("httpMethod"))))
}

fn is_variable(part: &str) -> bool {
    part.starts_with('{')
}

/// Judges a new path part beside the others of its parent.
fn clashing(tree: &[Resource], parent: &str, part: &str) -> Option<Refusal> {
    let mut siblings = tree.iter().filter(|one| one.parent_id() == Some(parent)).filter_map(Resource::path_part);
    if siblings.clone().any(|other| other == part) {
        return Some(conflict(&format!("Another resource with the same parent already has this name: {part}")));
    }
    let other = siblings.find(|other| is_variable(other) && is_variable(part))?;
    let allowed = "of this resource already has a variable path part -- only one is allowed";
    Some(bad(format!("A sibling ({other}) {allowed}")))
}

/// Judges an integration's timeout. API Gateway raises the upper bound for an account that asks for it, and for answers
/// that are streamed.
fn impossible_timeout(call: &Call) -> Option<Refusal> {
    let timeout_ms = call.input["timeoutInMillis"].as_i64();
    let streams = call.input["responseTransferMode"] == "STREAM";
    let is_possible = timeout_ms.is_none_or(|timeout| timeout >= 50 && (streams || timeout <= 29_000));
    (!is_possible).then(|| bad("Timeout should be between 50 ms and 29000 ms"))
}

/// Judges whether an API can be deployed.
fn incomplete(tree: &[Resource]) -> Option<Refusal> {
    let mut methods =
        tree.iter().filter_map(Resource::resource_methods).flat_map(|methods| methods.values()).peekable();
    if methods.peek().is_none() {
        return Some(bad("The REST API doesn't contain any methods"));
    }
    methods.any(|method| method.method_integration().is_none()).then(|| bad("No integration defined for method"))
}

/// Returns the deployment that a stage is to serve from now on.
fn moved_to(call: &Call) -> Option<&str> {
    let operations = call.input["patchOperations"].as_array()?;
    operations.iter().find(|one| one["path"] == "/deploymentId")?["value"].as_str()
}

async fn missing_deployment(call: &Call, id: &str, place: Place<'_>) -> Option<Refusal> {
    let clients = place.clients().await;
    let ask = clients.apigateway.get_deployments().rest_api_id(call.text("restApiId")).limit(500).send();
    let all = ask.await.ok()?.items?;
    let is_there = all.iter().any(|deployment| deployment.id() == Some(id));
    (!is_there && all.len() < 500).then(|| bad("Deployment id does not exist"))
}

fn in_use(stages: &[Stage], deployment: &str) -> Option<Refusal> {
    let serves = |stage: &Stage| {
        let canary = stage.canary_settings().and_then(|canary| canary.deployment_id());
        [stage.deployment_id(), canary].contains(&Some(deployment))
    };
    stages.iter().any(serves).then(|| bad("Active stages pointing to this deployment must be moved or deleted"))
}
