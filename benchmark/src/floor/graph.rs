//! The resources of a case, each with the calls that create, read and delete it.

use serde_json::{Map, Value, json};

use crate::cases::Case;
use crate::http::{Request, json_rpc, query, rest};
use crate::{ACCOUNT, REGION};

/// One call and the calls that it waits for.
#[derive(Clone)]
pub struct Step {
    pub id: String,
    pub after: Vec<String>,
    pub missing_is_fine: bool,
    request: Request,
    /// Pairs of a name to keep and a member of the answer; `*` keeps every member.
    keep: Vec<(String, &'static str)>,
    sends_state: bool,
    /// A pointer into the answer, and the value that it must have before the step is finished.
    until: Option<(&'static str, &'static str)>,
}

impl Step {
    pub fn of(id: &str, after: &[&str], request: Request) -> Self {
        let after = after.iter().map(|id| (*id).to_owned()).collect();
        Self {
            id: id.to_owned(),
            after,
            request,
            keep: Vec::new(),
            missing_is_fine: false,
            sends_state: false,
            until: None,
        }
    }

    pub fn may_be_missing(mut self) -> Self {
        self.missing_is_fine = true;
        self
    }

    pub fn keeps(mut self, name: &str, member: &'static str) -> Self {
        self.keep.push((name.to_owned(), member));
        self
    }

    pub fn sends_state(mut self) -> Self {
        self.sends_state = true;
        self
    }

    /// Repeats the call until the answer has `value` at `pointer`.
    fn until(mut self, pointer: &'static str, value: &'static str) -> Self {
        self.until = Some((pointer, value));
        self
    }

    /// Tells whether an answer finishes the step.
    pub fn is_done(&self, answer: &Value) -> bool {
        self.until.is_none_or(|(pointer, value)| answer.pointer(pointer).and_then(Value::as_str) == Some(value))
    }

    /// Tells whether the request contains an id that only AWS assigns.
    pub fn needs_state(&self) -> bool {
        self.request.path.contains('{')
    }

    /// Returns the request with the ids known so far.
    pub fn request(&self, known: &Map<String, Value>) -> Request {
        let mut request = self.request.clone();
        if self.needs_state() {
            for (name, value) in known {
                request.path = request.path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or(""));
            }
        }
        if self.sends_state {
            request.body = Value::Object(known.clone()).to_string().into_bytes();
        }
        request
    }

    /// Extracts the values of an answer that later calls need.
    pub fn learn(&self, answer: &Value) -> Map<String, Value> {
        let mut learnt = Map::new();
        for (name, member) in &self.keep {
            match answer.as_object() {
                Some(all) if name == "*" => learnt.extend(all.clone()),
                _ => {
                    learnt.insert(name.clone(), answer[*member].clone());
                }
            }
        }
        learnt
    }
}

/// A resource, or a part of one that requires its own call.
struct Node {
    id: String,
    after: Vec<String>,
    create: Request,
    keep: Vec<(String, &'static str)>,
    read: Option<Request>,
    /// The call, and the deletions that it waits for. Parts of an API or a topic are deleted with it.
    delete: Option<(Request, Vec<String>)>,
}

pub struct Graph {
    nodes: Vec<Node>,
    changed: String,
}

impl Graph {
    pub fn creates(&self) -> Vec<Step> {
        let step = |node: &Node| {
            let after: Vec<&str> = node.after.iter().map(String::as_str).collect();
            Step { keep: node.keep.clone(), ..Step::of(&node.id, &after, node.create.clone()) }
        };
        self.nodes.iter().map(step).collect()
    }

    /// Returns, for each function, the repeated check whether it is Active.
    pub fn activations(&self) -> Vec<Step> {
        let functions = self.nodes.iter().filter(|node| node.id.starts_with("function "));
        let reads = functions.filter_map(|node| Some((node, node.read.clone()?)));
        let step = |(node, read): (&Node, Request)| Step::of(&format!("active {}", node.id), &[&node.id], read);
        reads.map(step).map(|step| step.until("/Configuration/State", "Active")).collect()
    }

    /// Returns the reads. Without ids from a state, resources that can only be read by such an id are left out.
    pub fn reads(&self, ids_known: bool) -> Vec<Step> {
        let reads = self.nodes.iter().filter_map(|node| Some((node, node.read.clone()?)));
        let steps = reads.map(|(node, read)| Step::of(&node.id, &[], read).may_be_missing());
        steps.filter(|step| ids_known || !step.needs_state()).collect()
    }

    pub fn deletes(&self) -> Vec<Step> {
        let deletes = self.nodes.iter().filter_map(|node| Some((node, node.delete.clone()?)));
        let step = |(node, (request, after)): (&Node, (Request, Vec<String>))| Step {
            after,
            ..Step::of(&node.id, &[], request)
        };
        deletes.map(step).collect()
    }

    pub fn change(&self) -> Request {
        let path = format!("/2015-03-31/functions/{}/configuration", self.changed);
        rest("lambda", "PUT", &path, &json!({"MemorySize": 256}))
    }
}

/// Builds the resources of a case; `code` is the functions' zip in base64.
pub fn graph(case: Case, code: &str) -> Graph {
    let nodes = match case {
        Case::Couch | Case::CouchCargo => couch(code),
        Case::Scaled(n) => (0..n).flat_map(|i| worker(&format!("scaled-{i}"), code)).collect(),
    };
    Graph { nodes, changed: case.changed_function().to_owned() }
}

fn ids(ids: &[String]) -> Vec<String> {
    ids.to_vec()
}

fn role(name: &str) -> [Node; 2] {
    let iam = |action: &str, more: &[(&str, &str)]| {
        query("iam", action, "2010-05-08", &[&[("RoleName", name)], more].concat())
    };
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Resource": "*", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "sqs:ReceiveMessage",
            "sqs:DeleteMessage", "sqs:GetQueueAttributes"]}]});
    let (role, inline) = (format!("role {name}"), format!("policy {name}"));
    let policy_name = [("PolicyName", "inline")];
    let document = policy.to_string();
    [
        Node {
            id: role.clone(),
            after: Vec::new(),
            create: iam("CreateRole", &[("AssumeRolePolicyDocument", &trust.to_string())]),
            keep: Vec::new(),
            read: Some(iam("GetRole", &[])),
            delete: Some((iam("DeleteRole", &[]), ids(&[inline.clone(), format!("function {name}")]))),
        },
        Node {
            id: inline,
            after: vec![role],
            create: iam("PutRolePolicy", &[policy_name[0], ("PolicyDocument", &document)]),
            keep: Vec::new(),
            read: Some(iam("GetRolePolicy", &policy_name)),
            delete: Some((iam("DeleteRolePolicy", &policy_name), Vec::new())),
        },
    ]
}

fn function(name: &str, code: &str) -> Node {
    let path = format!("/2015-03-31/functions/{name}");
    let body = json!({"FunctionName": name, "Role": format!("arn:aws:iam::{ACCOUNT}:role/{name}"), "Runtime": "python3.12",
        "Handler": "index.handler", "MemorySize": 512, "Timeout": 30, "Code": {"ZipFile": code}});
    Node {
        id: format!("function {name}"),
        after: vec![format!("role {name}")],
        create: rest("lambda", "POST", "/2015-03-31/functions", &body),
        keep: Vec::new(),
        read: Some(rest("lambda", "GET", &path, &Value::Null)),
        delete: Some((rest("lambda", "DELETE", &path, &Value::Null), Vec::new())),
    }
}

/// Builds a role with its policy, a queue, a function, the mapping between the two, and an alarm.
fn worker(name: &str, code: &str) -> Vec<Node> {
    let url = json!({"QueueUrl": format!("http://127.0.0.1/{ACCOUNT}/{name}")});
    let mut attributes = url.clone();
    attributes["AttributeNames"] = json!(["All"]);
    let queue = Node {
        id: format!("queue {name}"),
        after: Vec::new(),
        create: json_rpc(
            "sqs",
            "AmazonSQS.CreateQueue",
            &json!({"QueueName": name, "Attributes": {"VisibilityTimeout": "150"}}),
        ),
        keep: Vec::new(),
        read: Some(json_rpc("sqs", "AmazonSQS.GetQueueAttributes", &attributes)),
        delete: Some((json_rpc("sqs", "AmazonSQS.DeleteQueue", &url), Vec::new())),
    };
    let mappings = "/2015-03-31/event-source-mappings/";
    let one = format!("{mappings}{{mapping {name}}}");
    let body = json!({"EventSourceArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"), "FunctionName": name, "BatchSize": 5});
    let mapping = Node {
        id: format!("mapping {name}"),
        after: ids(&[format!("function {name}"), format!("policy {name}"), queue.id.clone()]),
        create: rest("lambda", "POST", mappings, &body),
        keep: vec![(format!("mapping {name}"), "UUID")],
        read: Some(rest("lambda", "GET", &one, &Value::Null)),
        delete: Some((rest("lambda", "DELETE", &one, &Value::Null), Vec::new())),
    };
    let mut function = function(name, code);
    let mut nodes: Vec<Node> = role(name).into();
    // The mapping is deleted before the resources that it joins.
    for node in nodes.iter_mut().filter(|node| node.id.starts_with("policy")).chain([&mut function]) {
        if let Some((_, after)) = &mut node.delete {
            after.push(mapping.id.clone());
        }
    }
    let mut queue = queue;
    if let Some((_, after)) = &mut queue.delete {
        after.push(mapping.id.clone());
    }
    nodes.extend([queue, function, mapping, alarm(name)]);
    nodes
}

fn alarm(name: &str) -> Node {
    let monitoring = |action: &str, parameters: &[(&str, &str)]| query("monitoring", action, "2010-08-01", parameters);
    let settings = [
        ("AlarmName", name),
        ("Namespace", "AWS/SQS"),
        ("MetricName", "ApproximateAgeOfOldestMessage"),
        ("ComparisonOperator", "GreaterThanThreshold"),
        ("Threshold", "30"),
        ("EvaluationPeriods", "1"),
        ("Period", "60"),
        ("Statistic", "Maximum"),
        ("Dimensions.member.1.Name", "QueueName"),
        ("Dimensions.member.1.Value", name),
    ];
    let named = [("AlarmNames.member.1", name)];
    Node {
        id: format!("alarm {name}"),
        after: Vec::new(),
        create: monitoring("PutMetricAlarm", &settings),
        keep: Vec::new(),
        read: Some(monitoring("DescribeAlarms", &named)),
        delete: Some((monitoring("DeleteAlarms", &named), Vec::new())),
    }
}

fn couch(code: &str) -> Vec<Node> {
    let mut nodes = worker("couch-worker", code);
    nodes.extend(role("couch-api"));
    nodes.push(function("couch-api", code));
    nodes.extend(api());
    nodes.extend(topic());
    nodes
}

fn part(id: &str, after: &[&str], create: Request, read: Option<Request>) -> Node {
    let after = after.iter().map(|id| (*id).to_owned()).collect();
    Node { id: id.to_owned(), after, create, keep: Vec::new(), read, delete: None }
}

fn api() -> Vec<Node> {
    let call = |method, path: &str, body| rest("apigateway", method, &format!("/restapis{path}"), &body);
    let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:couch-api");
    let uri = format!("arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations");
    let method = "/{api}/resources/{resource}/methods/POST";
    let integration = json!({"type": "AWS_PROXY", "httpMethod": "POST", "uri": uri});
    let permission =
        json!({"StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"});
    let policy = "/2015-03-31/functions/couch-api/policy";
    let null = Value::Null;
    let mut api =
        part("api", &[], call("POST", "", json!({"name": "couch"})), Some(call("GET", "/{api}", null.clone())));
    api.keep = vec![("api".to_owned(), "id"), ("root".to_owned(), "rootResourceId")];
    api.delete = Some((call("DELETE", "/{api}", null.clone()), Vec::new()));
    let path = call("POST", "/{api}/resources/{root}", json!({"pathPart": "generate-image"}));
    let mut resource =
        part("resource", &["api"], path, Some(call("GET", "/{api}/resources?embed=methods", null.clone())));
    resource.keep = vec![("resource".to_owned(), "id")];
    vec![
        api,
        resource,
        part("method", &["resource"], call("PUT", method, json!({"authorizationType": "NONE"})), None),
        part("integration", &["method"], call("PUT", &format!("{method}/integration"), integration), None),
        part(
            "stage",
            &["integration"],
            call("POST", "/{api}/deployments", json!({"stageName": "Prod"})),
            Some(call("GET", "/{api}/stages/Prod", null.clone())),
        ),
        part(
            "permission",
            &["function couch-api", "api"],
            rest("lambda", "POST", policy, &permission),
            Some(rest("lambda", "GET", policy, &null)),
        ),
    ]
}

fn topic() -> [Node; 2] {
    let arn = format!("arn:aws:sns:{REGION}:{ACCOUNT}:couch-alarm");
    let of = [("TopicArn", arn.as_str())];
    let sns = |action: &str, parameters: &[(&str, &str)]| query("sns", action, "2010-03-31", parameters);
    let mut topic =
        part("topic", &[], sns("CreateTopic", &[("Name", "couch-alarm")]), Some(sns("GetTopicAttributes", &of)));
    topic.delete = Some((sns("DeleteTopic", &of), Vec::new()));
    let mail = [of[0], ("Protocol", "email"), ("Endpoint", "someone@example.com")];
    [topic, part("subscription", &["topic"], sns("Subscribe", &mail), Some(sns("ListSubscriptionsByTopic", &of)))]
}
