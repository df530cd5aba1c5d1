//! Values as SAM, CloudFormation, the Serverless Framework and Terraform write them, and the form that `stack.yaml` has
//! for them.

use serde_json::Value;

/// Functions of CloudFormation that stand in place of a value.
const INTRINSIC: &[&str] = &["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::ImportValue", "Fn::Select", "Fn::If"];

/// Returns the form of another tool's reference, without `${` and `}`: `self:custom.table`, `AWS::Region`.
pub fn reference(inner: &str) -> Option<String> {
    let last = |text: &str| text.rsplit(['.', '/', '-', ':']).next().unwrap_or_default().to_owned();
    let variable = |text: &str| format!("declare it in `vars:`, and write `${{vars.{}}}`", last(text));
    // A fallback of the Serverless Framework stands behind a comma.
    let inner = inner.split(',').next().unwrap_or_default().trim_end();
    match inner.split_once(':') {
        Some(("AWS", ":Region")) | Some(("aws", "region")) => Some("write `${aws.region}`".to_owned()),
        Some(("AWS", ":AccountId")) | Some(("aws", "accountId")) => Some("write `${aws.account_id}`".to_owned()),
        Some(("AWS", ":Partition")) => Some("write `${aws.partition}`".to_owned()),
        Some(("AWS", ":StackName")) => Some("write the stack's name out".to_owned()),
        Some(("opt" | "self" | "sls" | "param", name)) if last(name) == "stage" => {
            Some("write `${env}`, the environment's name".to_owned())
        }
        Some(("opt" | "self", name)) if last(name) == "region" => Some("write `${aws.region}`".to_owned()),
        Some(("opt" | "self" | "sls" | "param", name)) => Some(variable(name)),
        Some(("env", name)) => Some(format!(
            "declare it in `vars:`, write `${{vars.{}}}`, and set DEPLOYER_VAR_{}",
            name.to_ascii_lowercase(),
            name.to_ascii_lowercase()
        )),
        Some(("ssm", path)) => Some(format!(
            "declare `vars: {{ {}: {{ from_ssm: {path} }} }}`, and write `${{vars.{}}}`",
            last(path),
            last(path)
        )),
        Some(("cf", name)) => Some(format!("an output of another stack is a variable here: {}", variable(name))),
        _ => match inner.split('.').collect::<Vec<_>>()[..] {
            ["var" | "local", name] => Some(format!("declare it in `vars:`, and write `${{vars.{name}}}`")),
            [resource, attribute] if [resource, attribute].iter().all(|part| part.starts_with(char::is_uppercase)) => {
                Some(format!(
                    "write `${{SECTION.NAME.{}}}`, such as `${{queues.jobs.arn}}`",
                    attribute.to_ascii_lowercase()
                ))
            }
            _ => None,
        },
    }
}

/// Returns the form of a map that stands in place of the property `name`'s value.
pub fn map(value: &Value, name: Option<&str>) -> Option<String> {
    let entries = value.as_object()?;
    if let Some(function) = entries.keys().find(|key| INTRINSIC.contains(&key.as_str())) {
        return Some(format!(
            "write `${{SECTION.NAME.OUTPUT}}`, such as `${{queues.jobs.arn}}`, or `${{vars.NAME}}`: `{function}` belongs to CloudFormation"
        ));
    }
    name.filter(|name| name.eq_ignore_ascii_case("variables"))
        .map(|name| format!("remove `{name}`, and write the entries one level higher"))
}

/// Returns the form of an action of IAM that stands where a permission belongs: `s3:GetObject`.
pub fn permission(text: &str) -> Option<String> {
    let (service, action) = text.split_once(':')?;
    let is_service =
        !service.is_empty() && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    (is_service && action.starts_with(|c: char| c.is_ascii_uppercase() || c == '*'))
        .then(|| format!("write `{{ allow: {text}, on: ARN }}`"))
}

/// Returns the form of an attribute of a table that stands as `{ name: id, type: S }`. `names` are the values that the
/// property `name` takes.
pub fn attribute<'a>(name: Option<&str>, value: &Value, mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    let named = ["name", "attribute_name", "attributename"];
    let is_name = name.is_some_and(|name| named.contains(&name.to_ascii_lowercase().as_str()));
    let attribute = value.as_str().filter(|_| is_name && names.all(|name| ["S", "N", "B"].contains(&name)))?;
    Some(format!("write the attribute's name and type: `{{ {attribute}: S }}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_of_other_tools_are_told_in_ours() {
        for (theirs, ours) in [
            ("self:custom.table", "declare it in `vars:`, and write `${vars.table}`"),
            ("self:provider.stage", "write `${env}`, the environment's name"),
            ("opt:region, 'eu-west-1'", "write `${aws.region}`"),
            ("AWS::Region", "write `${aws.region}`"),
            ("AWS::AccountId", "write `${aws.account_id}`"),
            ("env:HOME", "declare it in `vars:`, write `${vars.home}`, and set DEPLOYER_VAR_home"),
            ("ssm:/a/key", "declare `vars: { key: { from_ssm: /a/key } }`, and write `${vars.key}`"),
            ("local.size", "declare it in `vars:`, and write `${vars.size}`"),
            ("Jobs.Arn", "write `${SECTION.NAME.arn}`, such as `${queues.jobs.arn}`"),
        ] {
            assert_eq!(reference(theirs).as_deref(), Some(ours), "{theirs}");
        }
        for plain in ["queues.jobs", "aws.region", "HOME", "a:b"] {
            assert_eq!(reference(plain), None, "{plain}");
        }
    }

    #[test]
    fn values_of_other_tools_are_told_in_ours() {
        assert!(
            map(&json!({ "Ref": "Jobs" }), None).is_some_and(|help| help.contains("`Ref` belongs to CloudFormation"))
        );
        assert!(
            map(&json!({ "A": "b" }), Some("Variables")).is_some_and(|help| help.starts_with("remove `Variables`"))
        );
        assert_eq!(map(&json!({ "A": "b" }), Some("table")), None);
        assert_eq!(permission("s3:GetObject").as_deref(), Some("write `{ allow: s3:GetObject, on: ARN }`"));
        assert_eq!(permission("a: b"), None);
        let types = ["S", "N", "B"];
        let help = attribute(Some("name"), &json!("id"), types.into_iter());
        assert_eq!(help.as_deref(), Some("write the attribute's name and type: `{ id: S }`"));
        assert_eq!(attribute(Some("id"), &json!("X"), types.into_iter()), None);
    }
}
