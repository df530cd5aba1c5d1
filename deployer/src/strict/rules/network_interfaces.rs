//! The network interfaces of functions in a VPC.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, ready};
use serde_json::Value;

use super::super::call::{DESCRIBE_INTERFACES, FunctionName, last};
use super::super::documents::allow;
use super::super::place::Key;
use super::super::{About, Answer, Call, Place, Refusal, Rule, facts};
use crate::aws::policy;
use crate::mutex::lock;

/// The time from the last user's leaving to the deletion. AWS documents up to 20 minutes.
const DELETES: Duration = Duration::from_secs(60);
/// The status of an answer to a caller without permission.
const DENIED: u16 = 403;

/// Lists an interface for each pair of a subnet and security groups that functions or versions use. Lambda deletes it
/// after the last of them, if its role still allows that.
#[derive(Default)]
pub struct NetworkInterfaces {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The networks of functions (`draw`) and of published versions (`draw:7`).
    users: BTreeMap<Key, Network>,
    interfaces: Vec<Interface>,
    /// Counts the interfaces, for their ids.
    created: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Network {
    subnets: BTreeSet<String>,
    groups: BTreeSet<String>,
    /// The name of the function's role.
    role: String,
}

#[derive(Debug, Clone)]
struct Interface {
    id: String,
    account: String,
    region: String,
    subnet: String,
    groups: BTreeSet<String>,
    /// The function for which it was created.
    function: String,
    /// The role of its last user.
    role: String,
    /// When the last user left.
    unused: Option<Duration>,
    /// Lambda could not delete it.
    stays: bool,
}

impl Rule for NetworkInterfaces {
    fn about(&self) -> About {
        About {
            name: "network-interfaces",
            summary: "functions and versions in a VPC share an interface for each subnet and set of groups, which Lambda \
                      deletes 60 s after the last of them with the permissions of its role",
            source: "Lambda Developer Guide, \"Giving Lambda functions access to resources in an Amazon VPC\"; \
                     aws/serverless-application-model#1169",
        }
    }

    fn before<'a>(&'a self, call: &'a Call, place: Place<'a>) -> BoxFuture<'a, Option<Refusal>> {
        async move {
            // Deletions that were due before the role changes.
            if call.service == "IAM" || call.is("EC2", &[DESCRIBE_INTERFACES]) {
                self.delete_unused(place).await;
            }
            None
        }
        .boxed()
    }

    fn after<'a>(&'a self, call: &'a Call, answer: &'a mut Answer, place: Place<'a>) -> BoxFuture<'a, ()> {
        match call.service {
            "Lambda" if answer.is_success() => lock(&self.known).learn(call, answer, place),
            "EC2" => self.show(call, answer, place),
            _ => {}
        }
        ready(()).boxed()
    }
}

impl NetworkInterfaces {
    async fn delete_unused(&self, place: Place<'_>) {
        let is_due = |interface: &Interface| {
            !interface.stays
                && interface.is_in(place)
                && interface.unused.is_some_and(|since| place.is_over(since, DELETES))
        };
        let due: Vec<_> = lock(&self.known).interfaces.iter().filter(|one| is_due(one)).cloned().collect();
        for interface in due {
            let arn = format!("arn:aws:ec2:{}:{}:network-interface/{}", place.region, place.account, interface.id);
            let policies = facts::policies_of_role(place, &interface.role).await.unwrap_or_default();
            let may = allow(&policies, "ec2:DeleteNetworkInterface", &arn);
            let all = &mut lock(&self.known).interfaces;
            all.retain(|one| !may || one.id != interface.id);
            all.iter_mut().filter(|one| one.id == interface.id).for_each(|one| one.stays = true);
        }
    }

    /// Adds the interfaces to EC2's own. An emulator without EC2 has none, and callers without permission see none.
    fn show(&self, call: &Call, answer: &mut Answer, place: Place<'_>) {
        if answer.status == DENIED {
            return;
        }
        let known = lock(&self.known);
        let shown = known.interfaces.iter().filter(|one| one.is_in(place) && one.passes(&call.input));
        let items: String = shown.map(Interface::xml).collect();
        let others = answer.xml("networkInterfaceSet").filter(|_| answer.is_success()).unwrap_or_default();
        let body = format!(
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet>{others}{items}</networkInterfaceSet>\
             </DescribeNetworkInterfacesResponse>"
        );
        answer.status = 200;
        answer.set_body(body);
    }
}

impl Known {
    fn learn(&mut self, call: &Call, answer: &Answer, place: Place<'_>) {
        let function = call.function();
        let own = place.key(function.name);
        match call.operation {
            "CreateFunction" | "UpdateFunctionConfiguration" => {
                let mut network = self.users.remove(&own).unwrap_or_default();
                network.change(call);
                if !network.subnets.is_empty() {
                    self.users.insert(own.clone(), network);
                }
            }
            "DeleteFunction" => self.remove(function, place),
            "UpdateFunctionCode" => {}
            _ => return,
        }
        let version = answer.json()["Version"].as_str().map(str::to_owned);
        if let (true, Some(version), Some(network)) =
            (call.input["Publish"] == true, version, self.users.get(&own).cloned())
        {
            self.users.insert(place.key(&format!("{}:{version}", function.name)), network);
        }
        self.attach(place);
    }

    /// Removes a function with all its versions, or one version.
    fn remove(&mut self, function: FunctionName<'_>, place: Place<'_>) {
        self.users.retain(|key, _| {
            let user = FunctionName::of(&key.2);
            let is_here = key.0 == place.account && key.1 == place.region && user.name == function.name;
            !(is_here && (function.qualifier.is_none() || user.qualifier == function.qualifier))
        });
    }

    /// Creates the interfaces that users need, and notes which ones nobody uses.
    fn attach(&mut self, place: Place<'_>) {
        let users = self.users.iter().filter(|(key, _)| key.0 == place.account && key.1 == place.region);
        let users: Vec<(String, Network)> = users.map(|(key, network)| (key.2.clone(), network.clone())).collect();
        for interface in self.interfaces.iter_mut().filter(|one| one.is_in(place) && one.unused.is_none()) {
            match users.iter().find(|(_, network)| interface.serves(network)) {
                Some((_, network)) => interface.role.clone_from(&network.role),
                None => interface.unused = Some(place.now),
            }
        }
        for (name, network) in users {
            for subnet in &network.subnets {
                let known = self
                    .interfaces
                    .iter_mut()
                    .find(|one| one.is_in(place) && one.subnet == *subnet && one.groups == network.groups);
                if let Some(interface) = known {
                    (interface.unused, interface.stays) = (None, false);
                    continue;
                }
                self.created += 1;
                self.interfaces.push(Interface {
                    id: format!("eni-{:017x}", self.created),
                    account: place.account.to_owned(),
                    region: place.region.to_owned(),
                    subnet: subnet.clone(),
                    groups: network.groups.clone(),
                    function: FunctionName::of(&name).name.to_owned(),
                    role: network.role.clone(),
                    unused: None,
                    stays: false,
                });
            }
        }
    }
}

impl Network {
    fn change(&mut self, call: &Call) {
        let vpc = &call.input["VpcConfig"];
        let set =
            |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        if vpc["SubnetIds"].is_array() {
            self.subnets = set(&vpc["SubnetIds"]);
            self.groups = set(&vpc["SecurityGroupIds"]);
        }
        if call.input["Role"].is_string() {
            last(call.text("Role")).clone_into(&mut self.role);
        }
    }
}

impl Interface {
    fn is_in(&self, place: Place<'_>) -> bool {
        self.account == place.account && self.region == place.region
    }

    fn serves(&self, network: &Network) -> bool {
        network.subnets.contains(&self.subnet) && network.groups == self.groups
    }

    fn description(&self) -> String {
        format!("AWS Lambda VPC ENI-{}-{}", self.function, self.id)
    }

    /// Tells whether it passes the filters of a listing that it has a value for.
    fn passes(&self, filters: &Value) -> bool {
        filters.as_object().into_iter().flatten().all(|(name, values)| {
            let has = |own: &str| {
                values.as_array().into_iter().flatten().filter_map(Value::as_str).any(|one| policy::matches(one, own))
            };
            match name.as_str() {
                "description" => has(&self.description()),
                "subnet-id" => has(&self.subnet),
                "group-id" => self.groups.iter().any(|group| has(group)),
                "network-interface-id" => has(&self.id),
                _ => true,
            }
        })
    }

    fn xml(&self) -> String {
        let status = if self.unused.is_some() { "available" } else { "in-use" };
        let mut groups = String::new();
        for group in &self.groups {
            let _ = write!(groups, "<item><groupId>{group}</groupId></item>");
        }
        format!(
            "<item><networkInterfaceId>{}</networkInterfaceId><subnetId>{}</subnetId><description>{}</description>\
             <status>{status}</status><interfaceType>lambda</interfaceType><groupSet>{groups}</groupSet></item>",
            self.id,
            self.subnet,
            self.description(),
        )
    }
}
