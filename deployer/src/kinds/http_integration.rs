//! `apigatewayv2.integration`: the function behind the routes of an HTTP API.
//!
//! **Guarantees**: routes to one function share an integration, so a route costs one call and not two. All integrations
//! of an API are read with one listing.
//! **Assumptions**: AWS gives integrations no name. Their description is their name here: that of the function, or the
//! key of the only route that uses one. An integration whose description somebody edits is therefore another one: a new
//! one is created, and the edited one is deleted once no route uses it.
//! **Caveats**: AWS accepts further integrations of the same description. CreateIntegration is sent once an attempt, and
//! further ones, which only others can have made, are deleted with the first.

use aws_sdk_apigatewayv2::types::{Integration as Live, IntegrationType};
use serde::{Deserialize, Serialize};

use super::{About, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Rule};
use crate::aws::apigateway::http::{integrations, integrations_key, unrepeated};
use crate::aws::apigateway::{ABSENT, arn, is_id, turn_key};
use crate::aws::service::APIGATEWAYV2;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The integration kind.
pub struct HttpIntegration;

/// An integration; times in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    pub api_id: String,
    /// Identifies the integration within its API.
    pub description: String,
    /// `AWS_PROXY` for a Lambda function.
    pub integration_type: String,
    /// How API Gateway calls the integration: `POST` for a Lambda function.
    pub integration_method: String,
    /// The function's ARN.
    pub integration_uri: String,
    /// The form of the events that the function gets: `1.0` or `2.0`.
    pub payload_format_version: String,
    pub timeout_in_millis: u32,
    /// Settings made by others that change how the function is called, such as `credentials_arn`; none are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted_settings: Vec<String>,
}

impl Kind for HttpIntegration {
    const ABOUT: About = About {
        outputs: &["id"],
        identity: &["api_id", "description"],
        rules: &[
            ("api_id", Rule::Replace("API Gateway cannot move an integration to another API")),
            ("description", Rule::Replace("an integration is known by its description")),
        ],
        parent: Some(Parent { kind: "apigatewayv2.api", owns: true, deletes: true }),
        calls: Calls { exists: &["ConflictException"], ..Calls::DEFAULT },
        ..About::of("apigatewayv2.integration", &APIGATEWAYV2)
    };
    type Spec = Integration;

    /// Returns nothing: AWS generates the id.
    fn predict(_: &Integration, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &Integration, place: &Place) -> Vec<Grant> {
        let api = if is_id(&spec.api_id) { &spec.api_id } else { "*" };
        let all = arn(place, &format!("/apis/{api}/integrations"));
        let one = format!("{all}/*");
        let list = Grant::new(&["apigateway:GET"], &all);
        match op {
            Op::Read | Op::Present => vec![list],
            Op::Create => vec![list, Grant::new(&["apigateway:POST"], all).of_own()],
            Op::Update => vec![Grant::new(&["apigateway:PATCH"], one).of_own()],
            Op::Delete => vec![Grant::new(&["apigateway:DELETE"], one).of_own()],
        }
    }

    fn any_named(_: &str, _: &Place) -> Vec<Integration> {
        vec![Integration::default()]
    }

    /// Calls GetIntegrations, once for all integrations of an API.
    async fn read(aws: &Aws, spec: &Integration, _: Trust) -> Result<Option<ObservedResource<Integration>>, AwsError> {
        let all = integrations(aws, &spec.api_id).await?;
        let mut same: Vec<&Live> = all.iter().filter(|one| one.description() == Some(&spec.description)).collect();
        // The listing has no order that AWS promises.
        same.sort_by_key(|one| one.integration_id());
        let Some((first, others)) = same.split_first() else { return Ok(None) };
        let made = created(spec, first.integration_id())?;
        let mut seen = ObservedResource::new(made.physical_id, to_spec(spec, first), made.outputs);
        let id = |one: &&Live| Some(format!("{}/{}", spec.api_id, one.integration_id()?));
        seen.twins = others.iter().filter_map(id).collect();
        Ok(Some(seen))
    }

    async fn create(aws: &Aws, want: &Integration) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        let look = || async {
            aws.run.forget(&integrations_key(&want.api_id));
            let found = Self::read(aws, want, Trust::Resource).await?;
            Ok(found.map(|found| CreatedResource { physical_id: found.physical_id, outputs: found.outputs }))
        };
        let again = !aws.run.is_first_time(format!("{} {} {}", Self::NAME, want.api_id, want.description));
        if again && let Some(found) = look().await? {
            return Ok(found);
        }
        let made = once(|| send_create(aws, want), look).await;
        aws.run.forget(&integrations_key(&want.api_id));
        made
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Integration>,
        want: &Integration,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&want.api_id)).await;
        let (_, id) = split(&live.physical_id);
        aws.run.forget(&integrations_key(&want.api_id));
        let has = |property: &str| changes.touch(property);
        let is_unlisted = |setting: &str| live.spec.unlisted_settings.iter().any(|one| one == setting);
        let call = aws
            .clients
            .apigatewayv2
            .update_integration()
            .api_id(&want.api_id)
            .integration_id(id)
            .set_integration_type(
                has("integration_type").then(|| IntegrationType::from(want.integration_type.as_str())),
            )
            .set_integration_method(has("integration_method").then(|| want.integration_method.clone()))
            .set_integration_uri(has("integration_uri").then(|| want.integration_uri.clone()))
            .set_payload_format_version(has("payload_format_version").then(|| want.payload_format_version.clone()))
            .set_timeout_in_millis(
                has("timeout_in_millis").then(|| i32::try_from(want.timeout_in_millis).unwrap_or(i32::MAX)),
            )
            .set_credentials_arn(is_unlisted("credentials_arn").then(String::new));
        aws.call("apigatewayv2:UpdateIntegration", call.send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Integration>) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn_key(&live.spec.api_id)).await;
        aws.run.forget(&integrations_key(&live.spec.api_id));
        for physical_id in std::iter::once(&live.physical_id).chain(&live.twins) {
            let (api, id) = split(physical_id);
            let call = aws.clients.apigatewayv2.delete_integration().api_id(api).integration_id(id).send();
            aws.find("apigatewayv2:DeleteIntegration", ABSENT, call).await?;
        }
        aws.run.forget(&integrations_key(&live.spec.api_id));
        Ok(())
    }
}

/// Splits a physical id into those of the API and of the integration.
fn split(physical_id: &str) -> (&str, &str) {
    physical_id.split_once('/').unwrap_or((physical_id, ""))
}

fn created(spec: &Integration, id: Option<&str>) -> Result<CreatedResource, AwsError> {
    let id = id.ok_or_else(|| AwsError::missing("apigatewayv2:GetIntegrations", "IntegrationId"))?;
    let outputs = Outputs::from([("id".into(), id.to_owned())]);
    Ok(CreatedResource { physical_id: format!("{}/{id}", spec.api_id), outputs })
}

async fn send_create(aws: &Aws, want: &Integration) -> Result<CreatedResource, AwsError> {
    let call = aws
        .clients
        .apigatewayv2
        .create_integration()
        .api_id(&want.api_id)
        .description(&want.description)
        .integration_type(IntegrationType::from(want.integration_type.as_str()))
        .integration_method(&want.integration_method)
        .integration_uri(&want.integration_uri)
        .payload_format_version(&want.payload_format_version)
        .timeout_in_millis(i32::try_from(want.timeout_in_millis).unwrap_or(i32::MAX))
        .customize()
        .config_override(unrepeated());
    let made = aws.call("apigatewayv2:CreateIntegration", call.send()).await?;
    created(want, made.integration_id())
}

fn to_spec(spec: &Integration, live: &Live) -> Integration {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Integration {
        api_id: spec.api_id.clone(),
        description: spec.description.clone(),
        integration_type: text(live.integration_type().map(IntegrationType::as_str)),
        integration_method: text(live.integration_method()),
        integration_uri: text(live.integration_uri()),
        payload_format_version: text(live.payload_format_version()),
        timeout_in_millis: live.timeout_in_millis().and_then(|ms| u32::try_from(ms).ok()).unwrap_or_default(),
        unlisted_settings: unlisted_settings(live),
    }
}

/// Lists the settings of an integration that none of ours has, and that UpdateIntegration can clear.
fn unlisted_settings(live: &Live) -> Vec<String> {
    let role = live.credentials_arn().filter(|arn| !arn.is_empty()).map(|_| "credentials_arn".to_owned());
    role.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_somebody_gave_an_integration_is_seen() {
        let live = Live::builder().credentials_arn("arn:aws:iam::1:role/other").build();
        assert_eq!(to_spec(&Integration::default(), &live).unlisted_settings, ["credentials_arn"]);
        let live = Live::builder().credentials_arn("").build();
        assert!(to_spec(&Integration::default(), &live).unlisted_settings.is_empty());
    }
}
