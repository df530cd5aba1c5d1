//! Writes the table of the models' constraints, and holds that it is whole.

mod dry;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use self::dry::Requests;
use self::parts::{Part, change, parts};
use super::{Limit, Limited, TABLE, lines};
use crate::aws::{Clients, Place, partition};
use crate::constraints::of_member;
use crate::graph::{Graph, Node, resolve};
use crate::kinds::{self, AnyKind, REGISTRY};
use crate::pipeline;
use crate::report::written;
use crate::spec::sections::SECTIONS;
use crate::spec::source::SourceText;
use crate::spec::variables::Inputs;

/// Properties that no request of a creation has, each with the reason.
#[rustfmt::skip]
const NOT_SENT: &[(&str, &str, &str)] = &[
    ("apigateway.rest_api", "duplicates", "found, never wanted"),
    ("apigateway.rest_api", "owner_address", "the tags have it"),
    ("apigateway.rest_api", "owner_stack", "the tags have it"),
    ("apigateway.rest_api", "parts", "a hint for the planner"),
    ("apigateway.rest_api", "unlisted_routes", "found, never wanted"),
    ("apigateway.rest_api", "unlisted_stages", "found, never wanted"),
    ("apigateway.rest_api", "unused_paths", "found, never wanted"),
    ("apigateway.route", "unlisted_settings", "found, never wanted"),
    ("apigateway.stage", "description", "no section sets it"),
    ("apigateway.stage", "rest_api_id", "an API that the run has not created is read first"),
    ("apigateway.stage", "unused_deployments", "found, never wanted"),
    ("apigatewayv2.api", "duplicates", "found, never wanted"),
    ("apigatewayv2.api", "owner_address", "the tags have it"),
    ("apigatewayv2.api", "owner_stack", "the tags have it"),
    ("apigatewayv2.api", "parts", "a hint for the planner"),
    ("apigatewayv2.api", "unlisted_routes", "found, never wanted"),
    ("apigatewayv2.api", "unlisted_stages", "found, never wanted"),
    ("apigatewayv2.api", "unused_authorizers", "found, never wanted"),
    ("apigatewayv2.api", "unused_integrations", "found, never wanted"),
    ("apigatewayv2.integration", "unlisted_settings", "found, never wanted"),
    ("apigatewayv2.route", "function", "a hint for `deployer verify`"),
    ("dynamodb.stream", "stream_view_type", "sent once the table is ACTIVE; the section has the list of views"),
    ("dynamodb.stream", "table_name", "sent once the table is ACTIVE; the table's own name is limited"),
    ("dynamodb.table", "contributor_insights", "sent once the table is ACTIVE; the section has the list of modes"),
    ("dynamodb.table", "point_in_time_recovery", "sent once the table is ACTIVE; the section has the range of days"),
    ("dynamodb.table", "time_to_live", "sent once the table is ACTIVE; the section limits the name"),
    ("lambda.event_source_mapping", "provisioned_poller_config", "no section sets it"),
    ("lambda.function", "code", "the zip itself is sent"),
    ("lambda.layer", "content", "the zip itself is sent"),
    ("lambda.permission", "invoked_via_function_url", "`true` is sent, and `false` is not"),
    ("lambda.permission", "qualifier", "no section sets it"),
    ("s3.bucket", "force_destroy", "only a deletion asks for it"),
    ("s3.bucket", "parts", "a hint for the reader"),
    ("s3.notification", "event_bridge", "sent as an empty element"),
    ("s3.notification", "keeps_event_bridge", "a hint for the deletion"),
    ("scheduler.schedule", "end_date", "sent as a number: `schedule::moment`"),
    ("scheduler.schedule", "start_date", "sent as a number: `schedule::moment`"),
];

/// Properties whose member is limited, and which are sent in another form. Each has a check of its own.
#[rustfmt::skip]
const CONVERTED: &[(&str, &str, &str)] = &[
    ("iam.role", "assume_role_policy", "a document: `policy::character`, `role::trust-size`"),
    ("iam.role", "inline_policies", "documents: `policy::character`, `role::policy-size`"),
    ("lambda.layer", "description", "sent with the stack's name: `layer::description`"),
    ("lambda.layer", "owner", "sent in the description: `layer::description`"),
    ("logs.log_group", "log_group_class", "the default is not sent; the schema has all values"),
    ("s3.bucket", "lifecycle_rules", "`enabled` is sent as a word"),
    ("s3.bucket", "versioning", "`true` is sent as a word"),
];

/// Members whose constraint is not taken from the model, each with the reason.
#[rustfmt::skip]
const LEFT_OUT: &[(&str, &str)] = &[
    ("entries/", "`bucket::event` has the events of a bucket"),
    ("filter_patterns/", "`function::filter` measures filter patterns"),
    ("tags/", "graph/limits.rs checks tags, once for all services"),
];

fn place() -> Place {
    Place { account: "123456789012".into(), region: "eu-west-1".into(), partition: "aws".into(), endpoint_url: None }
}

/// Returns the resources of each section's example, with every reference resolved.
fn examples() -> Vec<(&'static dyn AnyKind, Value)> {
    let mut found = Vec::new();
    for section in SECTIONS {
        let text = format!("stack: shop\nregion: eu-west-1\n\n{}", section.example());
        let loaded = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default()).expect("a sound example");
        let own = loaded.graph.nodes().filter(|node| !node.external);
        found.extend(own.map(|node| (node.kind, resolved(node, &loaded.graph))));
    }
    found
}

fn resolved(node: &Node, graph: &Graph) -> Value {
    let mut known = graph.predict_outputs(&place());
    for reference in resolve::list_placeholders(&node.resolve_spec(&known, &place())) {
        known.entry(reference.address).or_default().insert(reference.output, dry::ID.to_owned());
    }
    let mut spec = node.resolve_spec(&known, &place());
    if let Some(artifact) = node.kind.artifact() {
        spec[artifact.name] = artifact.value(dry::CODE);
    }
    spec
}

/// A value of a request: service, operation and member.
type Member = (&'static str, &'static str, String);

/// Sends the requests of creations.
struct Trial {
    clients: Arc<Clients>,
    requests: Requests,
    examples: Vec<(&'static dyn AnyKind, Value)>,
}

impl Trial {
    fn new() -> Self {
        let (clients, requests) = dry::clients();
        Self { clients, requests, examples: examples() }
    }

    fn of<'t>(&'t self, kind: &'t str) -> impl Iterator<Item = &'t Value> {
        self.examples.iter().filter(move |(own, _)| own.name() == kind).map(|(_, spec)| spec)
    }

    /// Creates a resource, after its parent, and returns every value of the requests.
    async fn send(&self, kind: &dyn AnyKind, spec: &Value) -> BTreeMap<Member, String> {
        let aws = dry::aws(&self.clients, &place());
        if let Some(parent) = kind.about().parent {
            let kind = kinds::find_registered(parent.kind);
            let created = kind.create(&aws, self.of(kind.name()).next().expect("an example of the parent"));
            let _ = created.await;
        }
        self.requests.take();
        // Some kinds go on to wait for a state that never comes.
        let _ = kind.create(&aws, spec).await;
        let (mut sent, mut seen) = (BTreeMap::new(), Vec::new());
        for request in self.requests.take() {
            if seen.contains(&request) {
                continue;
            }
            let number = seen.iter().filter(|other| other.operation == request.operation).count();
            let mut members = Vec::new();
            parts::flatten(&request.input, String::new(), &mut members);
            for (member, text) in members {
                sent.insert((request.service, request.operation, format!("{member} #{number}")), text);
            }
            seen.push(request);
        }
        sent
    }
}

/// The findings about the properties of a kind.
#[derive(Default)]
struct Traced {
    /// The members that have a property as it is: the property and the member.
    same: BTreeSet<(String, Member)>,
    /// The members that have it in another form.
    converted: BTreeSet<(String, Member)>,
}

/// Changes each part of a spec, and notes the members that change with it.
async fn trace(trial: &Trial, kind: &dyn AnyKind, spec: &Value, traced: &mut Traced) {
    let before = trial.send(kind, spec).await;
    let mut all = Vec::new();
    parts(spec, &[], &mut all);
    // Keys first: they show which objects are maps.
    all.sort_by_key(|(_, part)| *part != Part::Key);
    let mut maps: BTreeSet<Vec<String>> = BTreeSet::new();
    for (path, part) in all {
        let Some((changed, [was, is])) = change(spec, &path, part) else { continue };
        let behind = trial.send(kind, &changed).await;
        let different: Vec<_> = behind.iter().filter(|(at, text)| before.get(*at) != Some(*text)).collect();
        let entry = path.last().filter(|_| maps.contains(&path[..path.len() - 1])).map(String::as_str);
        let mut members = Vec::new();
        for ((service, operation, member), text) in different {
            let is_same = match part {
                Part::Key => *text == is || member.split(['.', ' ']).any(|step| step == is),
                _ => *text == is && before.get(&(*service, *operation, member.clone())) == Some(&was),
            };
            members.push((is_same, (*service, *operation, parts::plain(member, entry, &is))));
        }
        if part == Part::Key && members.iter().any(|(is_same, _)| *is_same) {
            maps.insert(path[..path.len() - 1].to_vec());
        }
        let property = parts::pattern(&path, &maps, part);
        for (is_same, member) in members {
            if is_same {
                traced.same.insert((property.clone(), member));
            } else if part == Part::Value {
                traced.converted.insert((property.clone(), member));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_table_of_the_properties_that_models_limit_is_up_to_date() {
    let trial = Trial::new();
    let source = crate::constraints::source();
    let mut table =
        format!("# Limits of AWS's service models on properties: kind, property, limit, member. From {source}.\n");
    let (mut not_sent, mut converted) = (BTreeSet::new(), BTreeSet::new());
    for kind in REGISTRY {
        let mut traced = Traced::default();
        for spec in trial.of(kind.name()) {
            trace(&trial, *kind, spec, &mut traced).await;
        }
        let top = |property: &str| property.split('/').next().unwrap_or_default().to_owned();
        let all = traced.same.iter().chain(&traced.converted);
        let sent: BTreeSet<String> = all.map(|(property, _)| top(property)).collect();
        not_sent
            .extend(kind.properties().iter().filter(|name| !sent.contains(**name)).map(|name| (kind.name(), *name)));
        let mut written = BTreeSet::new();
        for (property, (service, operation, member)) in &traced.same {
            let limit = of_member(service, operation, member);
            let is_left_out = LEFT_OUT.iter().any(|(left_out, _)| property.starts_with(left_out));
            if let Some(limit) = limit.filter(|limit| !is_left_out && written.insert((property, limit.clone()))) {
                writeln!(table, "{}\t{property}\t{limit}\t{operation} {member}", kind.name()).expect("a text");
            }
        }
        let is_traced = |property: &str| traced.same.iter().any(|(same, _)| same == property);
        for (property, (service, operation, member)) in &traced.converted {
            if !is_traced(property) && of_member(service, operation, member).is_some() {
                converted.insert((kind.name(), top(property)));
            }
        }
    }
    let listed: BTreeSet<_> = NOT_SENT.iter().map(|(kind, property, _)| (*kind, *property)).collect();
    assert_eq!(not_sent, listed, "set the property in the section's example, or give the reason in NOT_SENT");
    let listed: BTreeSet<_> = CONVERTED.iter().map(|(kind, name, _)| (*kind, (*name).to_owned())).collect();
    assert_eq!(converted, listed, "check the property in its section, and name the check in CONVERTED");
    written::hold("deployer/src/graph/constraints/table.tsv", &table);
}

#[test]
fn every_line_can_be_read_and_is_about_a_property() {
    let texts = [include_str!("table.tsv"), include_str!("by_hand.tsv")];
    for [kind, property, limit, advice] in texts.into_iter().flat_map(lines) {
        let kind = kinds::find(kind).unwrap_or_else(|| panic!("{kind} is a kind"));
        let name = property.split('/').next().unwrap_or_default();
        assert!(kind.properties().contains(&name), "{} {property}", kind.name());
        assert!(!advice.is_empty(), "{property}");
        let word = |limited: &Limited| match limited.limit {
            Limit::Constraint(_) => "",
            Limit::Region => "region",
            Limit::Account => "account",
        };
        let mut of_property = TABLE[kind.name()].iter().filter(|limited| limited.property == property);
        let is_read = of_property.any(|limited| word(limited) == if limit.starts_with('{') { "" } else { limit });
        assert!(is_read, "{property} {limit}");
    }
    let by_hand = include_str!("by_hand.tsv").lines().filter(|line| !line.starts_with('#'));
    by_hand.for_each(|line| assert_eq!(line.split('\t').count(), 5, "{line}: the source is missing"));
}

/// The models' patterns of ARNs name regions and partitions, and may lag behind new ones.
#[test]
fn the_arns_of_every_known_region_pass() {
    let sections = r#"
topics: { t: {} }
roles: { r: { trust: [lambda.amazonaws.com], managed_policy_arns: ["arn:${aws.partition}:iam::aws:policy/ReadOnlyAccess"] } }
queues: { q: { redrive: { max_receive_count: 3 } } }
functions:
  f:
    zip: f.zip
    role: "${roles.r.arn}"
    dead_letter: "${topics.t.arn}"
    layers: ["arn:${aws.partition}:lambda:${aws.region}:123456789012:layer:fonts:1"]
    kms_key_arn: "arn:${aws.partition}:kms:${aws.region}:123456789012:key/1"
    log_kms_key_arn: "arn:${aws.partition}:kms:${aws.region}:123456789012:key/1"
    events: [ { queue: q } ]
apis: { a: { routes: { "GET /": f } } }
alarms:
  a: { namespace: AWS/SQS, metric_name: Age, dimensions: { QueueName: "${queues.q.name}" }, statistic: Maximum, period: 60,
       comparison_operator: GreaterThanThreshold, threshold: 1, evaluation_periods: 1, alarm_actions: ["${functions.f.arn}"] }
"#;
    for region in partition::regions() {
        let text = format!("stack: s\nregion: {region}\n{sections}");
        let checked = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default());
        assert!(checked.is_ok(), "{region}: {:#?}", checked.err().map(|failure| failure.findings.errors()));
    }
}
