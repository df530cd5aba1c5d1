//! The parts of an API that `stack.yaml` does not have.

use std::collections::BTreeSet;

use aws_sdk_apigatewayv2::types::{Route, Stage};

use super::{Api, Parts};
use crate::aws::apigateway::http::{
    authorizers, authorizers_key, integrations, integrations_key, routes, routes_key, stages, stages_key,
};
use crate::aws::apigateway::owned::note_kept;
use crate::aws::apigateway::{ABSENT, is_created, turn_key};
use crate::aws::owner::Owner;
use crate::aws::{Aws, AwsError, tags};

/// The parts of an API that are not in `stack.yaml`.
#[derive(Default)]
pub(super) struct Contents {
    unlisted_routes: Vec<String>,
    unused_integrations: Vec<String>,
    unused_authorizers: Vec<String>,
    unlisted_stages: Vec<String>,
    /// The parts that are kept, in words.
    pub notes: Vec<String>,
}

impl Contents {
    /// Lists routes, integrations, authorizers and stages, once for the API and its parts.
    pub(super) async fn read(aws: &Aws, api: &str, spec: &Api) -> Result<Self, AwsError> {
        if is_created(aws, api) {
            return Ok(Self::default());
        }
        let (routes, integrations, authorizers, stages) =
            tokio::try_join!(routes(aws, api), integrations(aws, api), authorizers(aws, api), stages(aws, api))?;
        let parts = &spec.parts;
        let recorded = |kind: &str, part: &str| aws.run.has_record(kind, &[api, part]);
        let is_listed = |route: &&Route| {
            let key = route.route_key().unwrap_or_default();
            has(&parts.routes, key) || recorded("apigatewayv2.route", key)
        };
        let (listed, unlisted): (Vec<&Route>, Vec<&Route>) = routes.iter().partition(is_listed);
        let targets: BTreeSet<&str> = listed.iter().filter_map(|route| route.target()).collect();
        let guards: BTreeSet<&str> = listed.iter().filter_map(|route| route.authorizer_id()).collect();
        let unused_integrations = integrations.iter().filter_map(|one| {
            let (id, key) = (one.integration_id()?, one.description().unwrap_or_default());
            let used = has(&parts.integrations, key)
                || recorded("apigatewayv2.integration", key)
                || targets.contains(format!("integrations/{id}").as_str());
            (!used).then(|| id.to_owned())
        });
        let unused_authorizers = authorizers.iter().filter_map(|one| {
            let (id, name) = (one.authorizer_id()?, one.name().unwrap_or_default());
            let used =
                has(&parts.authorizers, name) || recorded("apigatewayv2.authorizer", name) || guards.contains(id);
            (!used).then(|| name.to_owned())
        });
        let mut found = Self {
            unlisted_routes: sorted(unlisted.iter().filter_map(|route| route.route_key.clone())),
            unused_integrations: sorted(unused_integrations),
            unused_authorizers: sorted(unused_authorizers),
            ..Self::default()
        };
        found.judge_stages(&stages, parts, &spec.owner_stack, |name| recorded("apigatewayv2.stage", name));
        Ok(found)
    }

    fn judge_stages(&mut self, stages: &[Stage], parts: &Parts, stack: &str, recorded: impl Fn(&str) -> bool) {
        let name = |stage: &&Stage| stage.stage_name().unwrap_or_default().to_owned();
        let further = stages.iter().filter(|stage| name(stage) != parts.stage && !recorded(&name(stage)));
        let is_own = |stage: &&Stage| {
            let tag = stage.tags().and_then(|tags| tags.get(tags::STACK)).map(String::as_str);
            Owner::by_tag(stack, tag, false).is_ours()
        };
        let (own, others): (Vec<&Stage>, Vec<&Stage>) = further.partition(is_own);
        self.unlisted_stages = sorted(own.iter().map(name));
        note_kept(&mut self.notes, "stages", others.into_iter().filter_map(Stage::stage_name));
    }

    pub(super) fn into_spec(self, api: Api) -> Api {
        let Self { unlisted_routes, unused_integrations, unused_authorizers, unlisted_stages, .. } = self;
        Api { unlisted_routes, unused_integrations, unused_authorizers, unlisted_stages, ..api }
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|one| one == name)
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    names.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Deletes the parts that the plan has listed. Routes go first: AWS keeps an integration or an authorizer that a route
/// uses.
pub(super) async fn remove(aws: &Aws, api: &str, live: &Api) -> Result<(), AwsError> {
    let _turn = aws.run.turn(&turn_key(api)).await;
    let client = &aws.clients.apigatewayv2;
    if !live.unlisted_routes.is_empty() {
        aws.run.forget(&routes_key(api));
        let all = routes(aws, api).await?;
        let unlisted = all.iter().filter(|route| has(&live.unlisted_routes, route.route_key().unwrap_or_default()));
        for id in unlisted.filter_map(Route::route_id) {
            let call = client.delete_route().api_id(api).route_id(id).send();
            aws.find("apigatewayv2:DeleteRoute", ABSENT, call).await?;
        }
        aws.run.forget(&routes_key(api));
    }
    for id in &live.unused_integrations {
        let call = client.delete_integration().api_id(api).integration_id(id).send();
        aws.find("apigatewayv2:DeleteIntegration", ABSENT, call).await?;
        aws.run.forget(&integrations_key(api));
    }
    if !live.unused_authorizers.is_empty() {
        aws.run.forget(&authorizers_key(api));
        let all = authorizers(aws, api).await?;
        for one in all.iter().filter(|one| has(&live.unused_authorizers, one.name().unwrap_or_default())) {
            let call = client.delete_authorizer().api_id(api).set_authorizer_id(one.authorizer_id.clone()).send();
            aws.find("apigatewayv2:DeleteAuthorizer", ABSENT, call).await?;
        }
        aws.run.forget(&authorizers_key(api));
    }
    for stage in &live.unlisted_stages {
        let call = client.delete_stage().api_id(api).stage_name(stage).send();
        aws.find("apigatewayv2:DeleteStage", ABSENT, call).await?;
        aws.run.forget(&stages_key(api));
    }
    Ok(())
}
