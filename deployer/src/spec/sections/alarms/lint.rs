//! Checks of an alarm against the topics that it publishes to.

use crate::kinds::Kind;
use crate::kinds::sns_topic::SnsTopic;
use crate::spec::document::Document;
use crate::spec::finding::Findings;
use crate::spec::sections::keys::has_own_key;
use crate::spec::sections::{Resource, Resources};

/// Reports an alarm that cannot publish to an encrypted topic: CloudWatch needs the key policy's permission.
pub(super) fn topic_key(document: &Document, all: &Resources<'_>, alarm: &Resource, findings: &mut Findings) {
    let mut seen = Vec::new();
    for property in ["alarm_actions", "ok_actions", "insufficient_data_actions"] {
        for topic in alarm.spec[property].as_array().into_iter().flatten().filter_map(|arn| all.resolve(arn)) {
            if topic.kind != SnsTopic::NAME || !has_own_key(topic) || seen.contains(&&topic.address) {
                continue;
            }
            seen.push(&topic.address);
            findings
                .warning(
                    "alarm::topic-key",
                    document.find_text(&alarm.element, &format!("{}.arn", topic.element)),
                    format!("the alarm cannot publish to `{}`: its key `alias/aws/sns` lets no other service use it", topic.address),
                )
                .help("take a key of your own for the topic, whose policy lets `cloudwatch.amazonaws.com` use it, or none");
        }
    }
}
