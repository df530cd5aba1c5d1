//! Calls of AWS's API that Scheduler makes: its universal targets.
//!
//! Source: EventBridge Scheduler User Guide, "Using universal targets in EventBridge Scheduler".

/// Services whose name in the SDK differs from the prefix of their actions in IAM.
const PREFIXES: &[(&str, &str)] = &[
    ("apigatewayv2", "apigateway"),
    ("applicationautoscaling", "application-autoscaling"),
    ("cloudwatchlogs", "logs"),
    ("cognitoidentity", "cognito-identity"),
    ("cognitoidentityprovider", "cognito-idp"),
    ("configservice", "config"),
    ("costexplorer", "ce"),
    ("databasemigration", "dms"),
    ("directoryservice", "ds"),
    ("docdb", "rds"),
    ("efs", "elasticfilesystem"),
    ("elasticloadbalancingv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("emrserverless", "emr-serverless"),
    ("eventbridge", "events"),
    ("neptune", "rds"),
    ("opensearch", "es"),
    ("rdsdata", "rds-data"),
    ("redshiftdata", "redshift-data"),
    ("sesv2", "ses"),
    ("sfn", "states"),
];

/// The first words of calls that only read. Scheduler does not make them.
const READS: &[&str] = &[
    "batchget", "describe", "get", "head", "list", "lookup", "poll", "query", "read", "receive", "scan", "search",
    "select", "view",
];

fn parts(call: &str) -> (&str, &str) {
    call.split_once(':').unwrap_or((call, ""))
}

/// Returns the ARN of the call as a target: `arn:aws:scheduler:::aws-sdk:dynamodb:updateTable`.
pub(super) fn arn(call: &str) -> String {
    let (service, action) = parts(call);
    let mut letters = action.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let action: String = first.into_iter().chain(letters).collect();
    format!("arn:${{aws.partition}}:scheduler:::aws-sdk:{service}:{action}")
}

/// Returns the IAM action that the call most likely needs: `dynamodb:UpdateTable`.
pub(super) fn action(call: &str) -> String {
    let (service, action) = parts(call);
    let prefix = PREFIXES.iter().find(|(sdk, _)| *sdk == service).map_or(service, |(_, prefix)| prefix);
    let mut letters = action.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let action: String = first.into_iter().chain(letters).collect();
    format!("{prefix}:{action}")
}

/// Tells whether a call only reads.
pub(super) fn is_read(call: &str) -> bool {
    let lower = parts(call).1.to_ascii_lowercase();
    READS.iter().any(|read| lower.starts_with(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_an_arn_and_an_action() {
        assert_eq!(arn("dynamodb:UpdateTable"), "arn:${aws.partition}:scheduler:::aws-sdk:dynamodb:updateTable");
        assert_eq!(action("dynamodb:updateTable"), "dynamodb:UpdateTable");
        assert_eq!(action("sfn:startExecution"), "states:StartExecution");
        assert!(is_read("dynamodb:getItem") && is_read("ec2:DescribeInstances") && !is_read("ec2:stopInstances"));
    }

    #[test]
    fn every_prefix_is_one_of_iam() {
        for (service, prefix) in PREFIXES {
            let unknown = crate::actions::unknown(&format!("{prefix}:*"));
            assert_eq!(unknown, None, "{service}");
        }
    }
}
