//! Orders the nodes and finds circles.
//!
//! A resource usually waits for the resources that it refers to: AWS looks for them, or the resource is of little use
//! without them. In a circle, it need not wait for a reference in a text that AWS does not look into
//! ([`References::loose`](crate::kinds::References::loose)): two functions may have each other's ARN in their
//! environment. Only the value must be known, so a reference to an output that AWS assigns still waits.

use std::collections::{BTreeMap, BTreeSet};

use super::resolve::{self, KnownOutputs};
use super::{Node, TextLocator, predict_outputs};
#[cfg(doc)]
use crate::kinds::Kind;
use crate::spec::finding::Findings;
use crate::spec::template;

/// Orders dependencies before dependents. Breaks a circle at its loosest reference, or reports it.
pub(super) fn order(
    nodes: &mut BTreeMap<String, Node>,
    names: &dyn TextLocator,
    findings: &mut Findings,
) -> Vec<String> {
    let mut known = None;
    loop {
        let (order, stuck) = sorted(nodes);
        let Some(circle) = circle(nodes, &stuck) else { return order };
        let known = known.get_or_insert_with(|| predict_outputs(|| nodes.values(), &resolve::nowhere()));
        let Some((from, to)) = loosest(nodes, &circle, known) else {
            report_all(nodes, stuck, names, findings);
            return order;
        };
        if let Some(node) = nodes.get_mut(&from) {
            node.dependencies.remove(&to);
            node.by_name.remove(&to);
        }
    }
}

/// Sorts the nodes topologically. Returns the order, and the nodes that are in a circle or wait for one.
fn sorted(nodes: &BTreeMap<String, Node>) -> (Vec<String>, BTreeSet<String>) {
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in nodes.values() {
        let known = node.dependencies.iter().filter(|d| nodes.contains_key(*d));
        waiting.insert(&node.address, known.clone().count());
        for dependency in known {
            dependents.entry(dependency).or_default().push(&node.address);
        }
    }
    let mut ready: BTreeSet<&str> = waiting.iter().filter(|(_, n)| **n == 0).map(|(a, _)| *a).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(address) = ready.pop_first() {
        waiting.remove(address);
        order.push(address.to_owned());
        for dependent in dependents.get(address).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(dependent) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(dependent);
                }
            }
        }
    }
    (order, waiting.into_keys().map(str::to_owned).collect())
}

/// Finds a reference of a circle that need not wait. Prefers one by which AWS takes only the name; then takes one in a
/// text.
fn loosest(nodes: &BTreeMap<String, Node>, circle: &[String], known: &KnownOutputs) -> Option<(String, String)> {
    let steps = || circle.iter().enumerate().map(|(at, from)| (&nodes[from], &circle[(at + 1) % circle.len()]));
    let free = |(node, to): &(&Node, &String)| {
        node.loose.contains(*to) && !node.depends_on.contains(*to) && is_known(node, to, known)
    };
    let by_name = steps().find(|step| free(step) && step.0.by_name.contains(step.1));
    let step = by_name.or_else(|| steps().find(free));
    step.map(|(node, to)| (node.address.clone(), to.clone()))
}

/// Tells whether every output of `of` that a node refers to can be computed.
fn is_known(node: &Node, of: &str, known: &KnownOutputs) -> bool {
    let wanted =
        template::references(&node.spec).into_iter().map(|(_, wanted)| wanted).filter(|wanted| wanted.address == of);
    wanted
        .into_iter()
        .all(|wanted| known.get(of).and_then(|outputs| outputs.get(&wanted.output)).is_some_and(|text| is_whole(text)))
}

/// Tells whether a text has no unknown part.
fn is_whole(text: &str) -> bool {
    !resolve::is_unknown(&text.into())
}

/// Follows dependencies from one stuck node until one of them repeats.
fn circle(nodes: &BTreeMap<String, Node>, stuck: &BTreeSet<String>) -> Option<Vec<String>> {
    let mut path: Vec<&String> = vec![stuck.first()?];
    loop {
        let node = &nodes[*path.last()?];
        let next = node.dependencies.iter().find(|d| stuck.contains(*d))?;
        if let Some(at) = path.iter().position(|seen| *seen == next) {
            return Some(path.drain(at..).cloned().collect());
        }
        path.push(next);
    }
}

/// Reports circles until the remaining stuck nodes have none.
fn report_all(
    nodes: &BTreeMap<String, Node>,
    mut stuck: BTreeSet<String>,
    names: &dyn TextLocator,
    findings: &mut Findings,
) {
    loop {
        // A node that waits for no stuck node is in no further circle.
        let free = |address: &&String| !nodes[*address].dependencies.iter().any(|d| stuck.contains(d));
        let freed: Vec<String> = stuck.iter().filter(free).cloned().collect();
        if !freed.is_empty() {
            stuck.retain(|address| !freed.contains(address));
            continue;
        }
        let Some(circle) = circle(nodes, &stuck) else { return };
        report(nodes, &circle, names, findings);
        let elements: BTreeSet<&str> = circle.iter().map(|address| nodes[address].element.as_str()).collect();
        stuck.retain(|address| !elements.contains(nodes[address].element.as_str()));
    }
}

fn report(nodes: &BTreeMap<String, Node>, circle: &[String], names: &dyn TextLocator, findings: &mut Findings) {
    // Points at a reference between two elements, not at one between an element's own parts.
    let next = |at: usize| &circle[(at + 1) % circle.len()];
    let leaves = |at: &usize| nodes[&circle[*at]].element != nodes[next(*at)].element;
    let at = (0..circle.len()).find(leaves).unwrap_or_default();
    let element = &nodes[&circle[at]].element;
    let exact = names.place_of(element, next(at));
    let path =
        if exact.0.len() > 2 { exact } else { names.place_of(element, &format!("{}.arn", nodes[next(at)].element)) };
    if findings.0.iter().any(|known| known.code == "stack::cycle" && known.path == path) {
        return; // A name that is made of itself goes round through the parts of its element, too.
    }
    let waits = path.0.get(2).is_some_and(|property| property == "depends_on");
    let help = if waits {
        "remove one of them from `depends_on`"
    } else {
        "write one of the names out instead of referring to it"
    };
    let all: Vec<&str> = circle[at..].iter().chain(&circle[..=at]).map(String::as_str).collect();
    findings.error("stack::cycle", path, format!("these wait for each other: {}", all.join(" → "))).help(help);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::aws::Place;
    use crate::graph::resolve;
    use crate::pipeline::{self, LoadedStack};
    use crate::spec::source::SourceText;
    use crate::spec::variables::Inputs;

    fn load_stack(sections: &str) -> Result<LoadedStack, Vec<String>> {
        let text = format!("stack: s\nregion: eu-west-1\n{sections}");
        let checked = pipeline::check(SourceText::new("stack.yaml", text), &Inputs::default());
        checked.map_err(|failure| failure.findings.0.into_iter().map(|finding| finding.message).collect())
    }

    fn sound(sections: &str) -> LoadedStack {
        load_stack(sections).unwrap_or_else(|said| panic!("{said:?}"))
    }

    fn place() -> Place {
        Place { account: "123456789012".into(), region: "eu-west-1".into(), ..resolve::nowhere() }
    }

    #[test]
    fn functions_may_name_each_other_in_their_environment() {
        let stack = sound(
            "functions:\n  a: { zip: f.zip, environment: { OTHER: \"${functions.b.arn}\" } }\n  b: { zip: f.zip, environment: { OTHER: \"${functions.a.arn}\", URL: \"${queues.q.url}\" } }\nqueues: { q: {} }\n",
        );
        let known = stack.graph.predict_outputs(&place());
        for (one, other) in [("functions.a", "s-b"), ("functions.b", "s-a")] {
            let spec = stack.graph.node(one).unwrap().resolve_spec(&known, &place());
            let arn = format!("arn:aws:lambda:eu-west-1:123456789012:function:{other}");
            assert_eq!(spec["environment"]["OTHER"], json!(arn));
        }
        // A resource outside the circle is still a dependency.
        assert!(stack.graph.node("functions.b").unwrap().dependencies.contains("queues.q"));
        let waits = |one: &str, other: &str| stack.graph.node(one).unwrap().dependencies.contains(other);
        assert_ne!(waits("functions.a", "functions.b"), waits("functions.b", "functions.a"));
    }

    #[test]
    fn policies_may_name_each_others_resources() {
        let statement = |action: &str, of: &str| {
            format!(
                "{{ Version: \"2012-10-17\", Statement: [ {{ Effect: Allow, Principal: {{ Service: sns.amazonaws.com }}, Action: \"{action}\", Resource: \"*\", Condition: {{ ArnEquals: {{ \"aws:SourceArn\": \"${{{of}.arn}}\" }} }} }} ] }}"
            )
        };
        for sections in [
            // A queue and its topic.
            format!("queues: {{ q: {{ policy: {} }} }}\ntopics: {{ t: {{ policy: {}, subscriptions: [ {{ sqs: q }} ] }} }}\n", statement("sqs:SendMessage", "topics.t"), statement("sns:Publish", "queues.q")),
            // A bucket and a queue.
            format!("queues: {{ q: {{ policy: {} }} }}\nbuckets: {{ b: {{ name: sofas-1, policy: {} }} }}\n", statement("sqs:SendMessage", "buckets.b"), statement("s3:PutObject", "queues.q")),
            // A function that calls itself, and one that its own role names.
            "functions: { f: { zip: f.zip, permissions: [ { allow: \"lambda:InvokeFunction\", on: \"${functions.f.arn}\" } ] } }\n".to_owned(),
            // A role that only one function may assume.
            "roles: { r: { assume_role_policy: { Version: \"2012-10-17\", Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: \"sts:AssumeRole\", Condition: { ArnEquals: { \"aws:SourceArn\": \"${functions.f.arn}\" } } } ] } } }\nfunctions: { f: { zip: f.zip, role: \"${roles.r.arn}\" } }\n".to_owned(),
            // A queue whose consumer has its URL, and whose policy names the consumer.
            format!("queues: {{ q: {{ visibility_timeout: 60s, policy: {} }} }}\nfunctions: {{ f: {{ zip: f.zip, environment: {{ QUEUE: \"${{queues.q.url}}\" }}, events: [ {{ queue: q }} ] }} }}\n", statement("sqs:SendMessage", "functions.f")),
        ] {
            let stack = sound(&sections);
            let known = stack.graph.predict_outputs(&place());
            for node in stack.graph.nodes() {
                assert!(!resolve::is_unknown(&node.resolve_spec(&known, &place())), "{} in {sections}", node.address);
            }
            assert!(stack.graph.nodes().count() > 1);
        }
    }

    #[test]
    fn true_waits_are_circles() {
        for sections in [
            // Only AWS knows the id of the API that the function serves.
            "functions: { f: { zip: f.zip, environment: { URL: \"${apis.a.url}\" } } }\napis: { a: { routes: { \"GET /\": f } } }\n",
            // Two roles whose trust policies need each other to exist.
            "roles:\n  a: { assume_role_policy: { Version: \"2012-10-17\", Statement: [ { Effect: Allow, Principal: { AWS: \"${roles.b.arn}\" }, Action: \"sts:AssumeRole\" } ] } }\n  b: { assume_role_policy: { Version: \"2012-10-17\", Statement: [ { Effect: Allow, Principal: { AWS: \"${roles.a.arn}\" }, Action: \"sts:AssumeRole\" } ] } }\n",
            // Dead-letter queues must exist.
            "queues:\n  a: { redrive: { max_receive_count: 3, dead_letter_target_arn: \"${queues.b.arn}\" } }\n  b: { redrive: { max_receive_count: 3, dead_letter_target_arn: \"${queues.a.arn}\" } }\n",
            // Explicit dependencies.
            "queues:\n  a: { depends_on: [queues.b] }\n  b: { depends_on: [queues.a] }\n",
            // Names derived from each other have no value.
            "queues:\n  a: { name: \"${queues.b.name}-x\" }\n  b: { name: \"${queues.a.name}-y\" }\n",
        ] {
            let said = load_stack(sections).err().unwrap_or_default();
            assert!(said.iter().any(|message| message.contains("wait for each other")), "{sections} {said:?}");
        }
    }
}
