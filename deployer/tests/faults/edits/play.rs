//! Plays a story in an account, and compares the result with a fresh account to which only the last stack was applied.

use deployer::plan::{Action, Goal};
use deployer::spec::sections;
use serde_json::{Map, Value, json};

use super::story::{Step, Story};
use super::valid::text;
use crate::account::{Account, End, StatePlace};
use crate::holdings::{Holdings, differences};

/// How a story ended.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Fine,
    /// AWS or the deployer rightly rejects one of its stacks.
    Refused(String),
    Wrong(Trouble),
}

/// A failure: its kind, and its details.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    pub kind: String,
    pub why: String,
}

fn wrong<T>(kind: &str, why: impl Into<String>) -> Result<T, Verdict> {
    Err(Verdict::Wrong(Trouble { kind: kind.into(), why: why.into() }))
}

/// Plays a story to its end.
pub fn play(story: &Story) -> Verdict {
    lived(story).err().unwrap_or(Verdict::Fine)
}

fn lived(story: &Story) -> Result<(), Verdict> {
    let account = Account::new(StatePlace::S3);
    let (last, before) = story.steps.split_last().expect("a story has steps");
    for (number, step) in before.iter().enumerate() {
        apply(&account, step, &before[..number])?;
    }
    apply(&account, last, before)?;
    let settled = account.holdings();
    let fresh = fresh(last)?;
    as_fresh("after the edits", story, &settled, &fresh)?;
    empty_plan(&account, last, &[Action::Unchanged])?;
    // Parts of external resources have no ownership tags: without the state, the user must adopt them explicitly.
    let refers = elements(&last.stack).any(|(_, _, element)| element["external"] == true);
    if story.loses_state && !refers {
        account.forget_state();
        empty_plan(&account, last, &[Action::Unchanged, Action::Adopt])?;
        apply(&account, last, &[])?;
        as_fresh("after the state was lost", story, &account.holdings(), &fresh)?;
    }
    destroyed(&account, story)
}

fn run(account: &Account, stack: &Value, goal: Goal, step: Option<&Step>) -> End {
    let fault = step.and_then(|step| step.fault);
    let end = account.run(account.settings(&text(stack)), goal, fault).end;
    if fault.is_some() {
        account.unlock();
    }
    end
}

/// Applies a stack as its user would: first removes protection, and creates external resources.
fn apply(account: &Account, step: &Step, before: &[Step]) -> Result<(), Verdict> {
    let mut why = match run(account, &step.stack, Goal::Apply, Some(step)) {
        End::Done | End::Died => return Ok(()),
        End::Failed(why) => why,
    };
    if why.contains("plan::external-missing") {
        make_external(account, &step.stack)?;
        match run(account, &step.stack, Goal::Apply, Some(step)) {
            End::Done | End::Died => return Ok(()),
            End::Failed(again) => why = again,
        }
    }
    if why.contains("plan::protected") {
        let freed = before.last().map(|step| unprotected(&step.stack));
        for stack in freed.iter().chain([&unprotected(&step.stack), &step.stack]) {
            if let End::Failed(again) = run(account, stack, Goal::Apply, None) {
                why = again;
            } else {
                why.clear();
            }
        }
        if why.is_empty() {
            return Ok(());
        }
    }
    if ["plan::foreign", "plan::retained", "plan::protected"].iter().any(|code| why.contains(code)) {
        return Err(Verdict::Refused(why));
    }
    // The local AWS does not support this.
    if ["Unknown action", "a local AWS cannot"].iter().any(|text| why.contains(text)) {
        return Err(Verdict::Refused(why));
    }
    // If a fresh account rejects the stack, too, the edit is not at fault.
    fresh(step)?;
    wrong("an apply fails", why)
}

/// Returns the contents of a fresh account after this stack alone.
fn fresh(step: &Step) -> Result<Holdings, Verdict> {
    let account = Account::new(StatePlace::S3);
    make_external(&account, &step.stack)?;
    match run(&account, &step.stack, Goal::Apply, None) {
        End::Done => Ok(account.holdings()),
        End::Failed(why) => Err(Verdict::Refused(why)),
        End::Died => unreachable!("nothing kills it"),
    }
}

/// Creates the resources that this stack only refers to, through other stacks.
fn make_external(account: &Account, stack: &Value) -> Result<(), Verdict> {
    let mut outside = json!({ "stack": "outside-ACCOUNT", "region": "eu-west-1" });
    for (section, name, element) in elements(stack).filter(|(_, _, element)| element["external"] == true) {
        let kept = ["name", "zip", "fifo_queue", "fifo_topic", "trust", "assume_role_policy", "redrive"];
        let mut own: Map<String, Value> = element.as_object().cloned().unwrap_or_default();
        own.retain(|property, _| kept.contains(&property.as_str()));
        let fifo = if own.iter().any(|(property, value)| property.starts_with("fifo") && *value == true) {
            ".fifo"
        } else {
            ""
        };
        own.entry("name").or_insert_with(|| format!("e-ACCOUNT-{name}{fifo}").into());
        if section == "functions" {
            own.insert("zip".into(), "one.zip".into());
        }
        if section == "roles" && own.len() == 1 {
            own.insert("trust".into(), json!(["lambda.amazonaws.com"]));
        }
        outside[section][name] = own.into();
    }
    if outside.as_object().is_some_and(|parts| parts.len() == 2) {
        return Ok(());
    }
    // Resources that exist already are left alone. So each is applied separately, and the next apply reports a refusal.
    let sections: Vec<(String, Value)> =
        outside.as_object().into_iter().flatten().skip(2).map(|(s, e)| (s.clone(), e.clone())).collect();
    for (section, all) in sections {
        for (name, own) in all.as_object().into_iter().flatten() {
            let mut alone =
                json!({ "stack": format!("outside-{}-{name}", section.replace('_', "-")), "region": "eu-west-1" });
            alone[&section][name] = own.clone();
            account.apply_other(&text(&alone));
        }
    }
    Ok(())
}

fn elements(stack: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let sections = stack.as_object().into_iter().flatten();
    sections.flat_map(|(section, elements)| {
        elements.as_object().into_iter().flatten().map(move |(name, element)| (section, name, element))
    })
}

/// Returns a stack whose elements do not have `property`.
/// Returns a stack whose elements are not protected. Those of some sections are, unless they say otherwise.
fn unprotected(stack: &Value) -> Value {
    let mut stack = stack.clone();
    for (section, elements) in stack.as_object_mut().into_iter().flatten() {
        let by_default = sections::find(section).is_some_and(|section| section.about().protected);
        for element in elements.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Some(own) = element.as_object_mut() else { continue };
            own.shift_remove("protect");
            if by_default {
                own.insert("protect".to_owned(), false.into());
            }
        }
    }
    stack
}

/// Removes everything that does not belong to the last stack: resources that were external or retained at some time.
fn own(story: &Story, holdings: &Holdings) -> Holdings {
    let aside: Vec<String> = story
        .steps
        .iter()
        .flat_map(|step| elements(&step.stack))
        .filter(|(_, _, element)| element["external"] == true || element["retain"] == true)
        .map(|(_, name, element)| element["name"].as_str().map_or_else(|| format!("e-ACCOUNT-{name}"), str::to_owned))
        .collect();
    let mut own = holdings.clone();
    own.retain(|thing, _| !aside.iter().any(|name| thing.contains(name)));
    own
}

fn as_fresh(when: &str, story: &Story, settled: &Holdings, fresh: &Holdings) -> Result<(), Verdict> {
    let found = differences(&own(story, settled), &own(story, fresh));
    let Some(first) = found.first() else { return Ok(()) };
    // The kind names the subject, so that a smaller story is about the same failure.
    let about = first.split(' ').next().unwrap_or_default();
    wrong(&format!("{when}, {about}"), found.join("\n"))
}

fn empty_plan(account: &Account, last: &Step, allowed: &[Action]) -> Result<(), Verdict> {
    let plan = match account.plan(account.settings(&text(&last.stack)), Goal::Apply).0 {
        Ok(plan) => plan,
        Err(why) => return wrong("no second plan", why),
    };
    let mut kinds: Vec<&str> = Vec::new();
    let more: Vec<String> = plan
        .actions()
        .iter()
        .filter(|one| !allowed.contains(&one.action()) || !one.changes().is_empty())
        .inspect(|one| kinds.push(one.kind.name()))
        .map(|one| format!("{:?} {} ({:?}): {:?}", one.action(), one.address, one.reason, one.changes()))
        .collect();
    let Some(first) = kinds.first() else { return Ok(()) };
    wrong(&format!("the second plan is not empty, {first}"), more.join("\n"))
}

fn destroyed(account: &Account, story: &Story) -> Result<(), Verdict> {
    let last = &story.steps[story.steps.len() - 1].stack;
    let mut free = Step { stack: unprotected(last), fault: None };
    if free.stack != *last {
        apply(account, &free, &[])?;
    }
    free.stack = last.clone();
    if let End::Failed(why) = run(account, &unprotected(last), Goal::Destroy, None) {
        return wrong("destroy fails", why);
    }
    let left = own(story, &account.holdings());
    if !left.is_empty() {
        return wrong("destroy leaves something", left.keys().cloned().collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}
