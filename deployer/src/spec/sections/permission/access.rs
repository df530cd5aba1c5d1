//! Access to an element in one word: `{ allow: read_write, on: tables.orders }`.

use super::Permission;
use crate::spec::finding::{DocPath, Findings};
use crate::spec::nearest::quoted;
use crate::spec::sections::{find, reference};

/// Actions, and the ends of the ARNs that they are about: `/*` for the objects of a bucket.
type Grant = (&'static [&'static str], &'static [&'static str]);

/// A word of a section, and the actions behind it.
struct Access {
    section: &'static str,
    word: &'static str,
    grants: &'static [Grant],
}

const READ_TABLE: &[Grant] = &[
    (&["dynamodb:BatchGetItem", "dynamodb:DescribeTable", "dynamodb:GetItem"], &[""]),
    (&["dynamodb:Query", "dynamodb:Scan"], &["", "/index/*"]),
];
const WRITE_TABLE: Grant = (
    &[
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
    ],
    &[""],
);
const READ_BUCKET: &[Grant] = &[(&["s3:GetObject"], &["/*"]), (&["s3:ListBucket"], &[""])];
const WRITE_BUCKET: Grant = (&["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"], &["/*"]);

const ACCESS: &[Access] = &[
    Access { section: "buckets", word: "read", grants: READ_BUCKET },
    Access { section: "buckets", word: "write", grants: &[WRITE_BUCKET] },
    Access { section: "buckets", word: "read_write", grants: &[READ_BUCKET[0], READ_BUCKET[1], WRITE_BUCKET] },
    Access { section: "buses", word: "send", grants: &[(&["events:PutEvents"], &[""])] },
    Access { section: "functions", word: "invoke", grants: &[(&["lambda:InvokeFunction"], &[""])] },
    Access {
        section: "queues",
        word: "send",
        grants: &[(&["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"], &[""])],
    },
    Access {
        section: "queues",
        word: "receive",
        grants: &[(
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ReceiveMessage",
            ],
            &[""],
        )],
    },
    Access { section: "tables", word: "read", grants: READ_TABLE },
    Access { section: "tables", word: "write", grants: &[WRITE_TABLE] },
    Access { section: "tables", word: "read_write", grants: &[READ_TABLE[0], READ_TABLE[1], WRITE_TABLE] },
    Access { section: "topics", word: "publish", grants: &[(&["sns:Publish"], &[""])] },
];

/// Tells whether a permission allows access in words, and no actions.
pub(super) fn is_in_words(permission: &Permission) -> bool {
    let words = permission.allow.as_ref().map_or(&[][..], |allow| allow.list());
    !words.is_empty() && words.iter().all(|word| ACCESS.iter().any(|access| access.word == word))
}

/// Returns the actions and ARNs behind the words of a permission.
pub(super) fn expand(permission: &Permission) -> Vec<(Vec<&'static str>, Vec<String>)> {
    let words = permission.allow.as_ref().map_or(&[][..], |allow| allow.list());
    let mut all = Vec::new();
    for element in permission.on.list() {
        let of = list_of(element).filter(|access| words.iter().any(|word| access.word == word));
        for (actions, ends) in of.flat_map(|access| access.grants) {
            let arn = reference(element, "arn");
            let grant = (actions.to_vec(), ends.iter().map(|end| format!("{arn}{end}")).collect());
            if !all.contains(&grant) {
                all.push(grant);
            }
        }
    }
    all
}

/// Reports words that are not for the element.
pub(super) fn check(permission: &Permission, path: &DocPath, findings: &mut Findings) {
    let words = permission.allow.as_ref().map_or(&[][..], |allow| allow.list());
    for element in permission.on.list() {
        let known: Vec<&str> = list_of(element).map(|access| access.word).collect();
        if known.is_empty() {
            let help = "write an element such as `tables.orders`, or actions and ARNs: `{ allow: dynamodb:GetItem, on: \"${tables.orders.arn}\" }`";
            let message = format!("`{}` is access to an element, and `{element}` is none that has it", words[0]);
            findings.error("permission::access", path.then("on"), message).help(help);
            continue;
        }
        for word in words.iter().filter(|word| !known.contains(&word.as_str())) {
            findings
                .error("permission::access", path.then("allow"), format!("`{element}` has no access called `{word}`"))
                .help(format!("write {}", quoted(known.iter().copied())));
        }
    }
}

/// Lists the words for an element, by its address.
fn list_of(element: &str) -> impl Iterator<Item = &'static Access> {
    let section = find(element).filter(|_| element.contains('.')).map_or("", |section| section.name());
    ACCESS.iter().filter(move |access| access.section == section)
}
