//! Compares two plans with one entry per address each.

use std::collections::{BTreeMap, BTreeSet};

/// The entries of an address in an earlier and a later plan.
pub(super) enum Pair<'a, T> {
    Gone(&'a T),
    New(&'a T),
    Both(&'a T, &'a T),
}

/// Iterates over the keys of both maps, in order.
pub(super) fn pairs<'a, T>(
    then: &'a BTreeMap<String, T>,
    now: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a str, Pair<'a, T>)> {
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    keys.into_iter().filter_map(|key| {
        let pair = match (then.get(key), now.get(key)) {
            (Some(then), Some(now)) => Pair::Both(then, now),
            (Some(then), None) => Pair::Gone(then),
            (None, now) => Pair::New(now?),
        };
        Some((key.as_str(), pair))
    })
}

/// Lists the keys whose entries differ, or that only one of the maps has.
pub(super) fn differing<'a, T: PartialEq>(
    then: &'a BTreeMap<String, T>,
    now: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = &'a str> {
    let differs = |pair: &Pair<'_, T>| !matches!(pair, Pair::Both(then, now) if then == now);
    pairs(then, now).filter(move |(_, pair)| differs(pair)).map(|(key, _)| key)
}

/// Lists the differences in stack, account and region of two plans: the name and both values.
pub(super) fn places<'a>(
    then: [&'a str; 3],
    now: [&'a str; 3],
) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
    let all = ["stack", "account", "region"].into_iter().zip(then).zip(now);
    all.map(|((what, then), now)| (what, then, now)).filter(|(_, then, now)| then != now)
}
