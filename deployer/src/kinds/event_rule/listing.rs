//! Reads many rules of a bus with one listing, which is worth it because all calls share EventBridge's rate.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::wire::{LiveRule, describe};
use super::{ABSENT, EventRule};
use crate::aws::gather::Bulk;
use crate::aws::{Aws, AwsError};

/// From this many rules of a bus on, its listing is tried before single calls.
pub(super) const FEW: usize = 4;
/// The most pages of a listing beyond those that the wanted rules fill. After them, single calls read the rest.
const IDLE_PAGES: usize = 2;
const PAGE: usize = 100;

/// Separates a rule's bus from its name in a key. Neither has it.
const APART: char = '|';

/// Reads a rule together with all rules that are asked for at the same time.
pub(super) async fn find(aws: &Aws, spec: &EventRule) -> Result<Option<LiveRule>, AwsError> {
    aws.gather::<Rules>(&format!("{}{APART}{}", spec.event_bus_name, spec.name)).await
}

struct Rules;

impl Bulk for Rules {
    type Item = LiveRule;

    async fn fetch(aws: Aws, keys: BTreeSet<String>) -> Result<BTreeMap<String, LiveRule>, AwsError> {
        let mut by_bus: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for key in &keys {
            let (bus, name) = key.split_once(APART).unwrap_or_default();
            by_bus.entry(bus).or_default().insert(name);
        }
        let all = by_bus.into_iter().map(|(bus, names)| of_bus(&aws, bus, names));
        Ok(try_join_all(all).await?.into_iter().flatten().collect())
    }
}

/// Reads the rules of these names on one bus.
async fn of_bus(aws: &Aws, bus: &str, names: BTreeSet<&str>) -> Result<BTreeMap<String, LiveRule>, AwsError> {
    let mut found = BTreeMap::new();
    let mut is_whole = false;
    if names.len() >= FEW {
        (found, is_whole) = list(aws, bus, &names).await?;
    }
    let rest = names.iter().filter(|name| !is_whole && !found.contains_key(**name));
    let read = rest.map(|name| async move {
        let spec = EventRule { event_bus_name: bus.to_owned(), name: (*name).to_owned(), ..EventRule::default() };
        Ok::<_, AwsError>(describe(aws, &spec).await?.map(|rule| ((*name).to_owned(), rule)))
    });
    found.extend(try_join_all(read).await?.into_iter().flatten());
    Ok(found.into_iter().map(|(name, rule)| (format!("{bus}{APART}{name}"), rule)).collect())
}

/// Calls ListRules for the common beginning of the names. Returns the wanted rules by name, and whether the listing was
/// read to its end.
async fn list(aws: &Aws, bus: &str, names: &BTreeSet<&str>) -> Result<(BTreeMap<String, LiveRule>, bool), AwsError> {
    let (mut found, mut token) = (BTreeMap::new(), None);
    let prefix = common_prefix(names).map(str::to_owned);
    for _ in 0..names.len().div_ceil(PAGE) + IDLE_PAGES {
        let call = aws.clients.events.list_rules().event_bus_name(bus).limit(PAGE as i32);
        let call = call.set_name_prefix(prefix.clone()).set_next_token(token).send();
        let Some(page) = aws.find("events:ListRules", ABSENT, call).await? else { return Ok((found, true)) };
        for rule in page.rules.unwrap_or_default() {
            let Some(name) = rule.name.filter(|name| names.contains(name.as_str())) else { continue };
            let live = LiveRule {
                event_pattern: rule.event_pattern,
                state: rule.state,
                description: rule.description,
                managed_by: rule.managed_by,
            };
            found.insert(name, live);
        }
        token = page.next_token;
        if token.is_none() {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// Returns the beginning that all names share; `None` if they share nothing.
fn common_prefix<'n>(names: &BTreeSet<&'n str>) -> Option<&'n str> {
    let (first, last) = (names.first()?, names.last()?);
    // The names are sorted, and names of rules are ASCII.
    let same = first.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    first.get(..same).filter(|prefix| !prefix.is_empty())
}
