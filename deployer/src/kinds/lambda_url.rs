//! `lambda.url`: the HTTPS address at which a function answers requests.
//!
//! **Guarantees**: AWS keeps one URL for a function, so a repeated creation finds the first. An update keeps the address.
//! **Assumptions**: the function's owner owns its URL, which has no tags.
//! **Caveats**: AWS generates the address, and a deleted one never comes back. A URL with `NONE` answers everybody, but
//! only if the function's policy says so in two statements (`lambda:InvokeFunctionUrl`, and since October 2025
//! `lambda:InvokeFunction` through a URL). The statements are permissions of their own.

use aws_sdk_lambda::types::{Cors as LiveCors, FunctionUrlAuthType, InvokeMode};
use serde::{Deserialize, Serialize};

use super::{
    About, Bound, Calls, Changes, CreatedResource, Destination, Grant, Kind, ObservedResource, Op, Outputs, Parent,
    Passage, Person, Probe, Rule, Verification,
};
use crate::aws::service::{BUSY, LAMBDA, UNSEEN, cure};
use crate::aws::{Aws, AwsError, Place, Trust};

/// The function URL kind.
pub struct LambdaUrl;

/// A function's URL.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionUrl {
    pub function_name: String,
    /// `NONE` or `AWS_IAM`.
    pub auth_type: String,
    /// `BUFFERED` or `RESPONSE_STREAM`.
    pub invoke_mode: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<UrlCors>,
}

/// The answers that browsers get before they send a request from another site.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UrlCors {
    pub allow_credentials: bool,
    #[serde(default)]
    pub allow_headers: Vec<String>,
    #[serde(default)]
    pub allow_methods: Vec<String>,
    #[serde(default)]
    pub allow_origins: Vec<String>,
    #[serde(default)]
    pub expose_headers: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i32>,
}

impl UrlCors {
    /// Returns the settings in one form: small letters, methods in capitals, sorted.
    #[must_use]
    pub fn normalized(self) -> Self {
        let list = |items: Vec<String>, of: fn(&str) -> String| {
            let mut items: Vec<String> = items.iter().map(|item| of(item)).collect();
            items.sort();
            items.dedup();
            items
        };
        Self {
            allow_credentials: self.allow_credentials,
            allow_headers: list(self.allow_headers, str::to_lowercase),
            allow_methods: list(self.allow_methods, str::to_uppercase),
            allow_origins: list(self.allow_origins, str::to_lowercase),
            expose_headers: list(self.expose_headers, str::to_lowercase),
            // 0 is the default.
            max_age: self.max_age.filter(|seconds| *seconds != 0),
        }
    }
}

/// The authorization with which everybody may call.
pub const PUBLIC: &str = "NONE";
const ABSENT: &[&str] = &["ResourceNotFoundException"];

impl Kind for LambdaUrl {
    const ABOUT: About = About {
        outputs: &["url"],
        identity: &["function_name"],
        rules: &[("function_name", Rule::Replace("Lambda cannot move a URL to another function"))],
        bounds: &[("auth_type", Bound::Open(PUBLIC))],
        parent: Some(Parent { kind: "lambda.function", owns: true, deletes: false }),
        calls: Calls {
            exists: &["ResourceConflictException"],
            cures: &[
                cure("lambda:CreateFunctionUrlConfig", "ResourceConflictException", "in progress", 300, BUSY),
                cure("lambda:CreateFunctionUrlConfig", "ResourceNotFoundException", "", 60, UNSEEN),
            ],
            ..Calls::DEFAULT
        },
        person: Person {
            lost: Some("its address; a new URL gets another one"),
            gap: Some("the URL does not answer"),
            moved: Some("callers need the new URL: the former one stops answering"),
            ..Person::DEFAULT
        },
        ..About::of("lambda.url", &LAMBDA)
    };
    type Spec = FunctionUrl;

    fn condition(seen: &ObservedResource<FunctionUrl>) -> Option<String> {
        seen.outputs.get("url").cloned()
    }

    /// Returns nothing: AWS generates the address.
    fn predict(_: &FunctionUrl, _: &Place) -> Outputs {
        Outputs::new()
    }

    fn iam(op: Op, spec: &FunctionUrl, place: &Place) -> Vec<Grant> {
        let action = match op {
            Op::Read | Op::Present => "lambda:GetFunctionUrlConfig",
            Op::Create => "lambda:CreateFunctionUrlConfig",
            Op::Update => "lambda:UpdateFunctionUrlConfig",
            Op::Delete => "lambda:DeleteFunctionUrlConfig",
        };
        vec![Grant::new(&[action], place.arn("lambda", &format!("function:{}", spec.function_name)))]
    }

    fn any_named(names: &str, _: &Place) -> Vec<FunctionUrl> {
        vec![FunctionUrl { function_name: names.to_owned(), ..FunctionUrl::default() }]
    }

    fn verification(spec: &FunctionUrl, place: &Place) -> Verification {
        let function = place.arn("lambda", &format!("function:{}", spec.function_name));
        let probe =
            Probe::Request { parent: spec.function_name.clone(), method: "ANY".to_owned(), path: "/".to_owned() };
        let closed = (spec.auth_type != PUBLIC).then(|| "the URL takes signed requests alone".to_owned());
        let passage = Passage { closed, ..Passage::new(probe, Destination::Resource(function)) };
        Verification { passages: vec![passage], grants: Vec::new() }
    }

    /// Calls GetFunctionUrlConfig.
    async fn read(aws: &Aws, spec: &FunctionUrl, _: Trust) -> Result<Option<ObservedResource<FunctionUrl>>, AwsError> {
        let call = aws.clients.lambda.get_function_url_config().function_name(&spec.function_name).send();
        let Some(found) = aws.find("lambda:GetFunctionUrlConfig", ABSENT, call).await? else { return Ok(None) };
        let live = FunctionUrl {
            function_name: spec.function_name.clone(),
            auth_type: found.auth_type().as_str().to_owned(),
            invoke_mode: found.invoke_mode().unwrap_or(&InvokeMode::Buffered).as_str().to_owned(),
            cors: found.cors().map(to_cors).filter(|cors| *cors != UrlCors::default()),
        };
        let outputs = outputs(found.function_url(), &aws.place);
        Ok(Some(ObservedResource::new(&spec.function_name, live, outputs)))
    }

    async fn create(aws: &Aws, want: &FunctionUrl) -> Result<CreatedResource, AwsError> {
        let call = aws
            .clients
            .lambda
            .create_function_url_config()
            .function_name(&want.function_name)
            .auth_type(FunctionUrlAuthType::from(want.auth_type.as_str()))
            .invoke_mode(InvokeMode::from(want.invoke_mode.as_str()))
            .set_cors(want.cors.as_ref().map(from_cors));
        let made = aws.call("lambda:CreateFunctionUrlConfig", call.send()).await?;
        let outputs = outputs(made.function_url(), &aws.place);
        Ok(CreatedResource { physical_id: want.function_name.clone(), outputs })
    }

    /// Calls UpdateFunctionUrlConfig. A property that is not sent keeps its value, and empty settings clear CORS.
    async fn update(
        aws: &Aws,
        _: &ObservedResource<FunctionUrl>,
        want: &FunctionUrl,
        changes: &Changes,
    ) -> Result<(), AwsError> {
        let cors = || from_cors(&want.cors.clone().unwrap_or_default());
        let call = aws
            .clients
            .lambda
            .update_function_url_config()
            .function_name(&want.function_name)
            .set_auth_type(changes.touch("auth_type").then(|| FunctionUrlAuthType::from(want.auth_type.as_str())))
            .set_invoke_mode(changes.touch("invoke_mode").then(|| InvokeMode::from(want.invoke_mode.as_str())))
            .set_cors(changes.touch("cors").then(cors));
        aws.call("lambda:UpdateFunctionUrlConfig", call.send()).await.map(drop)
    }

    async fn delete(aws: &Aws, live: &ObservedResource<FunctionUrl>) -> Result<(), AwsError> {
        let call = aws.clients.lambda.delete_function_url_config().function_name(&live.spec.function_name).send();
        aws.find("lambda:DeleteFunctionUrlConfig", ABSENT, call).await.map(drop)
    }
}

fn outputs(url: &str, place: &Place) -> Outputs {
    Outputs::from([("url".into(), usable(url, place))])
}

/// Returns the address without a slash at its end, so that paths follow it as they follow an API's. A local AWS reports
/// AWS's own address, and answers at one of its own.
fn usable(url: &str, place: &Place) -> String {
    let url = url.trim_end_matches('/');
    let id = || url.strip_prefix("https://")?.strip_suffix(".on.aws")?.split_once(".lambda-url.");
    match (&place.endpoint_url, id()) {
        (Some(endpoint), Some((id, _))) => format!("{}/_aws/lambda-url/{id}", endpoint.trim_end_matches('/')),
        _ => url.to_owned(),
    }
}

fn from_cors(want: &UrlCors) -> LiveCors {
    let some = |items: &Vec<String>| Some(items.clone()).filter(|items| !items.is_empty());
    LiveCors::builder()
        .set_allow_credentials(want.allow_credentials.then_some(true))
        .set_allow_headers(some(&want.allow_headers))
        .set_allow_methods(some(&want.allow_methods))
        .set_allow_origins(some(&want.allow_origins))
        .set_expose_headers(some(&want.expose_headers))
        .set_max_age(want.max_age)
        .build()
}

fn to_cors(live: &LiveCors) -> UrlCors {
    let cors = UrlCors {
        allow_credentials: live.allow_credentials().unwrap_or(false),
        allow_headers: live.allow_headers().to_vec(),
        allow_methods: live.allow_methods().to_vec(),
        allow_origins: live.allow_origins().to_vec(),
        expose_headers: live.expose_headers().to_vec(),
        max_age: live.max_age(),
    };
    cors.normalized()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint_url: Option<&str>) -> Place {
        Place {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            endpoint_url: endpoint_url.map(str::to_owned),
        }
    }

    #[test]
    fn the_url_is_usable_as_it_stands_on_aws_and_on_a_local_one() {
        let url = "https://abc.lambda-url.eu-west-1.on.aws/";
        assert_eq!(usable(url, &place(None)), "https://abc.lambda-url.eu-west-1.on.aws");
        assert_eq!(usable(url, &place(Some("http://127.0.0.1:4566/"))), "http://127.0.0.1:4566/_aws/lambda-url/abc");
        let own = "http://abc.lambda-url.eu-west-1.localhost.localstack.cloud:4566";
        assert_eq!(usable(&format!("{own}/"), &place(Some("http://127.0.0.1:4566"))), own);
    }

    #[test]
    fn cors_settings_are_equal_that_differ_in_order_and_capitals_alone() {
        let cors = |headers: [&str; 2], methods: [&str; 2], max_age| UrlCors {
            allow_headers: headers.map(str::to_owned).to_vec(),
            allow_methods: methods.map(str::to_owned).to_vec(),
            max_age,
            ..UrlCors::default()
        };
        let stated = cors(["Content-Type", "Authorization"], ["POST", "get"], None).normalized();
        assert_eq!(stated, cors(["authorization", "content-type"], ["GET", "POST"], Some(0)).normalized());
        assert_eq!(to_cors(&from_cors(&stated)), stated);
    }
}
