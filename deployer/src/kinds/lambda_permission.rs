//! `lambda.permission`: one statement of a function's resource policy, which lets a caller invoke the function.
//!
//! **Guarantees**: calls on one function's policy run one after another. A statement is read back, and written again
//! until the policy has it: AWS reports success for overlapping writes and keeps only the last. The first statement of
//! a function that this run created is not read back, because nobody else can be writing.
//! **Assumptions**: statement ids come from [`statement_id`], so that a permission for another caller has another id
//! and is created before the old one is deleted.
//! **Caveats**: AWS cannot change a statement. Under an unchanged id it is removed and added at once, and invocations
//! in between are refused.

use std::time::Duration;

use aws_sdk_lambda::types::FunctionUrlAuthType;
use aws_smithy_types::retry::RetryConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lambda::created_key;
use super::{
    About, Bound, Calls, Changes, CreatedResource, Grant, Kind, ObservedResource, Op, Outputs, Parent, Person,
    References, Rule,
};
use crate::aws::service::{BUSY, LAMBDA, UNSEEN, cure};
use crate::aws::wait::Poll;
use crate::aws::{Aws, AwsError, Place, Trust, once};

/// The permission kind.
pub struct LambdaPermission;

/// A statement that allows `principal` to do `action` to the function.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    pub function_name: String,
    pub statement_id: String,
    /// Usually `lambda:InvokeFunction`.
    pub action: String,
    /// A service such as `apigateway.amazonaws.com`, an account id or an ARN.
    pub principal: String,
    /// The ARN of the principal's resource; `*` allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_account: Option<String>,
    /// The statement is about calls of the function's URL with this authorization alone: `NONE` or `AWS_IAM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_url_auth_type: Option<String>,
    /// The statement is about calls through the function's URL alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invoked_via_function_url: bool,
    /// A version or an alias instead of the function itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
}

/// Derives a statement id (at most 100 of `[A-Za-z0-9-_]`) from the statement's contents: equal permissions have equal
/// ids, different ones different ids.
pub fn statement_id(function: &str, principal: &str, source: &str) -> String {
    let mut hash = Sha256::new();
    for part in [function, principal, source] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let who: String = principal.split('.').next().unwrap_or_default().chars().take(32).collect();
    let who: String = who.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{who}-{digest}")
}

const ABSENT: &[&str] = &["ResourceNotFoundException"];
const VISIBLE_WITHIN: Duration = Duration::from_secs(60);

const ANOTHER: &str = "another change of the function's policy";

impl Kind for LambdaPermission {
    const ABOUT: About = About {
        outputs: &["statement_id"],
        identity: &["function_name", "statement_id", "qualifier"],
        rules: &[
            ("function_name", Rule::Replace("Lambda cannot move a permission to another function")),
            ("statement_id", Rule::Replace("Lambda cannot rename a permission")),
            ("qualifier", Rule::Replace("Lambda cannot move a permission to another version")),
        ],
        bounds: &[
            ("action", Bound::Pattern),
            ("principal", Bound::Pattern),
            ("source_arn", Bound::Pattern),
            ("source_account", Bound::Pattern),
            ("function_url_auth_type", Bound::Pattern),
            ("invoked_via_function_url", Bound::Switch),
        ],
        parent: Some(Parent { kind: "lambda.function", owns: true, deletes: true }),
        references: References { loose: &["source_arn"], ..References::DEFAULT },
        calls: Calls {
            exists: &["ResourceConflictException"],
            cures: &[
                cure("lambda:AddPermission", "ResourceConflictException", "in progress", 300, BUSY),
                cure("lambda:AddPermission", "PreconditionFailedException", "", 60, ANOTHER),
                cure("lambda:RemovePermission", "PreconditionFailedException", "", 60, ANOTHER),
                cure("lambda:AddPermission", "ResourceNotFoundException", "", 60, UNSEEN),
            ],
            limited: &[(Op::Create, "lambda:AddPermission"), (Op::Delete, "lambda:RemovePermission")],
            ..Calls::DEFAULT
        },
        person: Person { gap: Some("the caller is refused for some seconds"), accompanies: true, ..Person::DEFAULT },
        ..About::of("lambda.permission", &LAMBDA)
    };
    type Spec = Permission;

    fn predict(spec: &Permission, _: &Place) -> Outputs {
        Outputs::from([("statement_id".into(), spec.statement_id.clone())])
    }

    fn iam(op: Op, spec: &Permission, place: &Place) -> Vec<Grant> {
        let actions: &[&str] = match op {
            Op::Read | Op::Present => &["lambda:GetPolicy"],
            Op::Create => &["lambda:AddPermission", "lambda:GetPolicy"],
            Op::Update => &["lambda:RemovePermission", "lambda:AddPermission", "lambda:GetPolicy"],
            Op::Delete => &["lambda:RemovePermission"],
        };
        let arn = place.arn("lambda", &format!("function:{}", spec.function_name));
        let mut grant = Grant::new(actions, &arn);
        grant.resources.extend(spec.qualifier.iter().map(|qualifier| format!("{arn}:{qualifier}")));
        vec![grant]
    }

    fn any_named(names: &str, _: &Place) -> Vec<Permission> {
        vec![Permission { function_name: names.to_owned(), ..Permission::default() }]
    }

    /// Calls GetPolicy. AWS answers 404 if the policy has no statement.
    async fn read(aws: &Aws, spec: &Permission, _: Trust) -> Result<Option<ObservedResource<Permission>>, AwsError> {
        let call = aws.clients.lambda.get_policy().function_name(&spec.function_name);
        let call = call.set_qualifier(spec.qualifier.clone()).send();
        let Some(found) = aws.find("lambda:GetPolicy", ABSENT, call).await? else { return Ok(None) };
        let document: Value = serde_json::from_str(found.policy().unwrap_or("{}"))
            .map_err(|_| AwsError::missing("lambda:GetPolicy", "Policy as JSON"))?;
        let statement = items(&document["Statement"]).find(|s| s["Sid"] == spec.statement_id.as_str());
        Ok(statement.map(|statement| {
            ObservedResource::new(physical_id(spec), to_spec(spec, statement), Self::predict(spec, &aws.place))
        }))
    }

    async fn create(aws: &Aws, want: &Permission) -> Result<CreatedResource, AwsError> {
        let _turn = aws.run.turn(&turn(want)).await;
        add(aws, want).await?;
        Ok(CreatedResource { physical_id: physical_id(want), outputs: Self::predict(want, &aws.place) })
    }

    async fn update(
        aws: &Aws,
        live: &ObservedResource<Permission>,
        want: &Permission,
        _: &Changes,
    ) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn(want)).await;
        remove(aws, &live.spec).await?;
        add(aws, want).await
    }

    async fn delete(aws: &Aws, live: &ObservedResource<Permission>) -> Result<(), AwsError> {
        let _turn = aws.run.turn(&turn(&live.spec)).await;
        remove(aws, &live.spec).await
    }
}

fn turn(spec: &Permission) -> String {
    format!("lambda-policy/{}", spec.function_name)
}

fn physical_id(spec: &Permission) -> String {
    match &spec.qualifier {
        Some(qualifier) => format!("{}:{qualifier}/{}", spec.function_name, spec.statement_id),
        None => format!("{}/{}", spec.function_name, spec.statement_id),
    }
}

/// Calls AddPermission and reads the policy back, until it has the statement. Only the first refusal counts: a later
/// `ResourceConflictException` means that an earlier call took effect after all.
async fn add(aws: &Aws, want: &Permission) -> Result<(), AwsError> {
    let alone = aws.run.is_done(&created_key(&want.function_name))
        && aws.run.is_first_time(format!("lambda:AddPermission {}", want.function_name));
    once(|| send(aws, want), || async { Ok(LambdaPermission::read(aws, want, Trust::Resource).await?.map(|_| ())) })
        .await?;
    if alone {
        return Ok(());
    }
    let mut first = true;
    let condition = format!("statement {} in the policy of {}", want.statement_id, want.function_name);
    aws.until(&condition, VISIBLE_WITHIN, || {
        let again = !std::mem::take(&mut first);
        async move {
            if again {
                match send(aws, want).await {
                    Err(e) if e.is(&["ResourceConflictException"]) => {}
                    sent => sent?,
                }
            }
            Ok(match LambdaPermission::read(aws, want, Trust::Resource).await? {
                Some(_) => Poll::Ready(()),
                None => Poll::Pending("added, but not in the policy".into()),
            })
        }
    })
    .await
}

/// Sends AddPermission once: some emulators add a second statement of the same id.
async fn send(aws: &Aws, want: &Permission) -> Result<(), AwsError> {
    let call = aws
        .clients
        .lambda
        .add_permission()
        .function_name(&want.function_name)
        .statement_id(&want.statement_id)
        .action(&want.action)
        .principal(&want.principal)
        .set_source_arn(want.source_arn.clone())
        .set_source_account(want.source_account.clone())
        .set_function_url_auth_type(want.function_url_auth_type.as_deref().map(FunctionUrlAuthType::from))
        .set_invoked_via_function_url(want.invoked_via_function_url.then_some(true))
        .set_qualifier(want.qualifier.clone())
        .customize()
        .config_override(aws_sdk_lambda::config::Config::builder().retry_config(RetryConfig::disabled()));
    aws.call("lambda:AddPermission", call.send()).await.map(drop)
}

async fn remove(aws: &Aws, spec: &Permission) -> Result<(), AwsError> {
    let call = aws.clients.lambda.remove_permission().function_name(&spec.function_name);
    let call = call.statement_id(&spec.statement_id).set_qualifier(spec.qualifier.clone()).send();
    aws.find("lambda:RemovePermission", ABSENT, call).await.map(drop)
}

/// Returns the items of a list; a single value stands for a list of one.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(items) => (items.as_slice(), None),
        Value::Null => (&[][..], None),
        one => (&[][..], Some(one)),
    };
    list.iter().chain(one)
}

fn text(value: &Value) -> Option<String> {
    items(value).next().and_then(Value::as_str).map(str::to_owned)
}

/// Converts a statement as AWS stores it.
fn to_spec(spec: &Permission, statement: &Value) -> Permission {
    let principal = &statement["Principal"];
    let principal =
        ["Service", "AWS", "Federated"].iter().find_map(|kind| text(&principal[*kind])).or_else(|| text(principal));
    Permission {
        action: text(&statement["Action"]).unwrap_or_default(),
        principal: principal.map(account_id).unwrap_or_default(),
        source_arn: condition(statement, "aws:sourcearn"),
        source_account: condition(statement, "aws:sourceaccount"),
        function_url_auth_type: condition(statement, "lambda:functionurlauthtype"),
        invoked_via_function_url: condition(statement, "lambda:invokedviafunctionurl").is_some_and(|on| on == "true"),
        ..spec.clone()
    }
}

/// Converts the ARN of an account's root, as AWS stores an account id, back to the id.
fn account_id(principal: String) -> String {
    let account = principal.strip_suffix(":root").and_then(|arn| arn.rsplit(':').next());
    account.filter(|id| id.len() == 12).map(str::to_owned).unwrap_or(principal)
}

/// Finds the value of a condition key under any operator; keys are case-insensitive.
fn condition(statement: &Value, key: &str) -> Option<String> {
    let operators = statement["Condition"].as_object()?;
    operators
        .values()
        .filter_map(Value::as_object)
        .flatten()
        .find(|(k, _)| k.eq_ignore_ascii_case(key))
        .and_then(|(_, v)| text(v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> Permission {
        Permission {
            function_name: "f".into(),
            statement_id: "s".into(),
            action: "lambda:InvokeFunction".into(),
            principal: "apigateway.amazonaws.com".into(),
            source_arn: Some("arn:aws:execute-api:eu-west-1:1:api/*/POST/images".into()),
            source_account: Some("123456789012".into()),
            ..Permission::default()
        }
    }

    #[test]
    fn a_stored_statement_reads_as_what_was_added_whatever_the_case_of_its_condition_keys() {
        for (arn, account) in [("AWS:SourceArn", "AWS:SourceAccount"), ("aws:sourceArn", "aws:sourceaccount")] {
            let stored = json!({
                "Sid": "s", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn:f",
                "Principal": { "Service": "apigateway.amazonaws.com" },
                "Condition": { "ArnLike": { arn: spec().source_arn }, "StringEquals": { account: "123456789012" } },
            });
            assert_eq!(to_spec(&spec(), &stored), spec());
        }
    }

    #[test]
    fn the_two_statements_of_a_public_url_read_as_what_was_added() {
        for (action, key, value, operator) in [
            ("lambda:InvokeFunctionUrl", "lambda:FunctionUrlAuthType", "NONE", "StringEquals"),
            ("lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true", "Bool"),
        ] {
            let is_of_url = action == "lambda:InvokeFunctionUrl";
            let added = Permission {
                action: action.into(),
                principal: "*".into(),
                source_arn: None,
                source_account: None,
                function_url_auth_type: is_of_url.then(|| "NONE".into()),
                invoked_via_function_url: !is_of_url,
                ..spec()
            };
            let stored = json!({
                "Sid": "s", "Effect": "Allow", "Action": action, "Resource": "arn:f", "Principal": "*",
                "Condition": { operator: { key: value } },
            });
            assert_eq!(to_spec(&added, &stored), added);
            let open =
                json!({ "Sid": "s", "Effect": "Allow", "Action": action, "Resource": "arn:f", "Principal": "*" });
            assert_ne!(to_spec(&added, &open), added, "a statement that lost its condition lets more in");
        }
    }

    #[test]
    fn an_account_reads_as_its_id() {
        let stored = json!({ "Principal": { "AWS": "arn:aws:iam::123456789012:root" } });
        assert_eq!(to_spec(&spec(), &stored).principal, "123456789012");
        let stored = json!({ "Principal": { "AWS": "arn:aws:iam::123456789012:role/r" } });
        assert_eq!(to_spec(&spec(), &stored).principal, "arn:aws:iam::123456789012:role/r");
        assert_eq!(to_spec(&spec(), &json!({ "Principal": "*" })).principal, "*");
    }

    #[test]
    fn a_permission_for_somebody_else_has_another_statement_id() {
        let id = statement_id("f", "apigateway.amazonaws.com", "arn:api/*");
        assert_eq!(id, statement_id("f", "apigateway.amazonaws.com", "arn:api/*"));
        assert!(id.starts_with("apigateway-") && id.len() <= 100, "{id}");
        for other in [
            statement_id("g", "apigateway.amazonaws.com", "arn:api/*"),
            statement_id("f", "sns.amazonaws.com", "arn:api/*"),
            statement_id("f", "apigateway.amazonaws.com", "arn:other/*"),
        ] {
            assert_ne!(id, other);
        }
        let arn = statement_id("f", "arn:aws:iam::123456789012:role/r", "");
        assert!(arn.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{arn}");
    }
}
