//! `apigatewayv2.route`: a route of an HTTP API.
//!
//! **Guarantees**: all routes of an API are read with one listing. AWS keeps route keys unique within an API, so a
//! repeated creation finds the first. Calls that change one API run one after another: AWS refuses overlapping ones.
//! **Assumptions**: everything inside an API of this stack belongs to this stack.
//! **Caveats**: the stage deploys by itself, so a route answers some seconds after it is created, and the permission to
//! call its function is created before it. AWS takes one name for the variable in a place of a path. If it changes, the
//! routes with the former name are deleted before those with the new one are created, and callers get 404 in between.

use aws_sdk_apigatewayv2::types::{AuthorizationType, Route as Live};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    About, Bound, Calls, Changes, CreatedResource, Destination, Grant, Kind, ObservedResource, Op, Outputs, Parent,
    Passage, Probe, Rule, Verification,
};
use crate::aws::apigateway::http::{disagree, routes, routes_key, unrepeated};
use crate::aws::apigateway::{ABSENT, arn, is_id, turn_key};
use crate::aws::service::APIGATEWAYV2;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The route kind.
pub struct HttpRoute;

/// A route.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub api_id: String,
    /// `GET /items/{id}`, or `$default`.
    pub route_key: String,
    /// `integrations/ID`.
    pub target: String,
    /// `NONE`, `AWS_IAM`, `JWT` or `CUSTOM`.
    pub authorization_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorizer_id: Option<String>,
    /// Of these, a token needs one.
    #[serde(default)]
    pub authorization_scopes: Vec<String>,
    /// The ARN of the function behind the route, for `deployer verify`.
    #[serde(default)]
    pub function: String,
}

impl Kind for HttpRoute {
    const ABOUT: About = About {
        outputs: &["id"],
        identity: &["api_id", "route_key"],
        rules: &[
            ("api_id", Rule::Replace("API Gateway cannot move a route to another API")),
            ("route_key", Rule::Replace("a route is known by its key")),
            ("authorization_scopes", Rule::Unordered),
            ("function", Rule::Hint),
        ],
        parent: Some(Parent { kind: "apigatewayv2.api", owns: true, deletes: true }),
        bounds: &[
            ("authorization_type", Bound::Open("NONE")),
            ("authorizer_id", Bound::Reference),
            ("authorization_scopes", Bound::AnyOf),
        ],
        calls: Calls {
            exists: &["ConflictException"],
            definition: true,
            in_the_way: Some(in_the_way),
            ..Calls::DEFAULT
        },
        ..About::of("apigatewayv2.route", &APIGATEWAYV2)
    };
    type Spec = Route;

    /// Returns nothing: AWS generates the id.
    fn predict(_: &Route, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &Route, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.api_id) { &spec.api_id } else { "*" };
        let all = arn(place, &format!("/apis/{api}/routes"));
        let one = format!("{all}/*");
        let list = Grant::new(&["apigateway:GET"], &all);
        match op {
            Op::Read | Op::Present => vec![list],
            Op::Create => vec![list, Grant::new(&["apigateway:POST"], all).of_own()],
            Op::Update => vec![Grant::new(&["apigateway:PATCH"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn verification(spec: &Route, _: &Place) -> Verification {
        let (method, path) = match spec.route_key.split_once(' ') {
            Some((method, path)) => (method.to_owned(), path.to_owned()),
            // Any path without a route of its own.
            None => ("ANY".to_owned(), "/{default}".to_owned()),
        };
        let closed = match spec.authorization_type.as_str() {
            "NONE" => None,
            "AWS_IAM" => Some("the route takes signed requests alone".to_owned()),
            _ => Some("the route takes requests alone that its authorizer admits".to_owned()),
        };
        let probe = Probe::Request { parent: spec.api_id.clone(), method, path };
        let passage = Passage { closed, ..Passage::new(probe, Destination::Resource(spec.function.clone())) };
        Verification { passages: vec![passage], grants: Vec::new() }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Route> {
        vec![Route::default()]
    }

    /// Calls GetRoutes, once for all routes of an API.
    async fn read(aws: &Aws, spec: &Route, _: Trust) -> Result<Option<ObservedResource<Route>>, AwsError> {
        let all = routes(aws, &spec.api_id).await?;
        let Some(live) = all.iter().find(|route| route.route_key() == Some(&spec.route_key)) else { return Ok(None) };
        let made = created(spec, live.route_id())?;
        Ok(Some(ObservedResource::new(made.physical_id, to_spec(spec, live), made.outputs)))
    }

    async fn create(aws: &Aws, want: &Route) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        let look = || async {
            aws.run.forget(&routes_key(&want.api_id));
            let found = Self::read(aws, want, Trust::Resource).await?;
            Ok(found.map(|found| CreatedResource { physical_id: found.physical_id, outputs: found.outputs }))
        };
        let made = once(|| send_create(aws, want), look).await;
        aws.run.forget(&routes_key(&want.api_id));
        made
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Route>,
        want: &Route,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        aws.run.forget(&routes_key(&want.api_id));
        // AWS judges these three together.
        let guarded = changes.touch_any(&["authorization_type", "authorizer_id", "authorization_scopes"]);
        let call = aws
            .clients
            .apigatewayv2
            .update_route()
            .api_id(&want.api_id)
            .route_id(id_of(&live.physical_id))
            .set_target(changes.touch("target").then(|| want.target.clone()))
            .set_authorization_type(guarded.then(|| AuthorizationType::from(want.authorization_type.as_str())))
            .set_authorizer_id(changes.touch("authorizer_id").then(|| want.authorizer_id.clone().unwrap_or_default()))
            .set_authorization_scopes(changes.touch("authorization_scopes").then(|| want.authorization_scopes.clone()));
        aws.call("apigatewayv2:UpdateRoute", call.send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Route>) -> Result<(), AwsError> {
        let api = &live.spec.api_id;
        let _turn = aws.run.turn(&turn_key(api)).await;
        let call = aws.clients.apigatewayv2.delete_route().api_id(api).route_id(id_of(&live.physical_id)).send();
        let deleted = aws.find("apigatewayv2:DeleteRoute", ABSENT, call).await.map(drop);
        aws.run.forget(&routes_key(api));
        deleted
    }
}

/// Tells whether the keys of two routes have variables of different names in one place.
fn in_the_way(made: &Value, gone: &Value) -> bool {
    let key = |route: &Value| route["route_key"].as_str().unwrap_or_default().to_owned();
    disagree(&key(made), &key(gone))
}

fn id_of(physical_id: &str) -> &str {
    physical_id.split_once('/').map_or("", |(_, id)| id)
}

fn created(spec: &Route, id: Option<&str>) -> Result<CreatedResource, AwsError> {
    let id = id.ok_or_else(|| AwsError::missing("apigatewayv2:GetRoutes", "RouteId"))?;
    let outputs = Outputs::from([("id".into(), id.to_owned())]);
    Ok(CreatedResource { physical_id: format!("{}/{id}", spec.api_id), outputs })
}

async fn send_create(aws: &Aws, want: &Route) -> Result<CreatedResource, AwsError> {
    let scopes = Some(want.authorization_scopes.clone()).filter(|scopes| !scopes.is_empty());
    let call = aws
        .clients
        .apigatewayv2
        .create_route()
        .api_id(&want.api_id)
        .route_key(&want.route_key)
        .target(&want.target)
        .authorization_type(AuthorizationType::from(want.authorization_type.as_str()))
        .set_authorizer_id(want.authorizer_id.clone())
        .set_authorization_scopes(scopes)
        .customize()
        .config_override(unrepeated());
    let made = aws.call("apigatewayv2:CreateRoute", call.send()).await?;
    created(want, made.route_id())
}

fn to_spec(spec: &Route, live: &Live) -> Route {
    Route {
        api_id: spec.api_id.clone(),
        route_key: spec.route_key.clone(),
        target: live.target().unwrap_or_default().to_owned(),
        authorization_type: live.authorization_type().map_or("NONE", AuthorizationType::as_str).to_owned(),
        authorizer_id: live.authorizer_id.clone().filter(|id| !id.is_empty()),
        authorization_scopes: live.authorization_scopes.clone().unwrap_or_default(),
        function: spec.function.clone(),
    }
}
