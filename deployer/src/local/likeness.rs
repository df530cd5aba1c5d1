//! The Python files that start the emulator, and make it answer like AWS where a stack notices the difference.

use std::fs;
use std::path::PathBuf;

use super::LocalError;
use super::record::Directory;

/// The script that checks every request before the emulator handles it.
const GUARD: &str = "guard.py";
/// The variable that names the rules to turn off, separated by commas.
pub(super) const OFF_VARIABLE: &str = "DEPLOYER_LOCAL_OFF";
const RULES: &str = include_str!("likeness/rules.json");
const FILES: &[(&str, &str)] = &[
    (GUARD, include_str!("guard.py")),
    ("likeness/actions.py", include_str!("likeness/actions.py")),
    ("likeness/alarms.py", include_str!("likeness/alarms.py")),
    ("likeness/answers.py", include_str!("likeness/answers.py")),
    ("likeness/apis.py", include_str!("likeness/apis.py")),
    ("likeness/authorizers.py", include_str!("likeness/authorizers.py")),
    ("likeness/destinations.py", include_str!("likeness/destinations.py")),
    ("likeness/events.py", include_str!("likeness/events.py")),
    ("likeness/functions.py", include_str!("likeness/functions.py")),
    ("likeness/grants.py", include_str!("likeness/grants.py")),
    ("likeness/http_apis.py", include_str!("likeness/http_apis.py")),
    ("likeness/http_parts.py", include_str!("likeness/http_parts.py")),
    ("likeness/judgement.py", include_str!("likeness/judgement.py")),
    ("likeness/keys.py", include_str!("likeness/keys.py")),
    ("likeness/layers.py", include_str!("likeness/layers.py")),
    ("likeness/mail.py", include_str!("likeness/mail.py")),
    ("likeness/mocks.py", include_str!("likeness/mocks.py")),
    ("likeness/moves.py", include_str!("likeness/moves.py")),
    ("likeness/notifications.py", include_str!("likeness/notifications.py")),
    ("likeness/pages.py", include_str!("likeness/pages.py")),
    ("likeness/permissions.py", include_str!("likeness/permissions.py")),
    ("likeness/roles.py", include_str!("likeness/roles.py")),
    ("likeness/rules.json", RULES),
    ("likeness/rules.py", include_str!("likeness/rules.py")),
    ("likeness/subscriptions.py", include_str!("likeness/subscriptions.py")),
    ("likeness/tables.py", include_str!("likeness/tables.py")),
    ("likeness/topics.py", include_str!("likeness/topics.py")),
    ("likeness/urls.py", include_str!("likeness/urls.py")),
    ("likeness/websites.py", include_str!("likeness/websites.py")),
];

/// A behaviour of AWS that the files add to the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct LikenessRule {
    /// Lower case with hyphens, such as `topic-to-queue`. `DEPLOYER_LOCAL_OFF` turns the rule off by it.
    pub name: &'static str,
    /// One sentence without a full stop.
    pub summary: &'static str,
    /// AWS's document or model that describes the behaviour.
    pub source: &'static str,
}

/// Lists the rules, in the order of the table that the emulator's side reads, too.
pub fn rules() -> Vec<LikenessRule> {
    serde_json::from_str(RULES).expect("the table is a list of rules")
}

/// Returns the script that starts the emulator.
pub(super) fn guard(directory: &Directory) -> PathBuf {
    directory.at(GUARD)
}

/// Writes the files below a cloud's directory.
pub(super) fn write(directory: &Directory) -> Result<(), LocalError> {
    let package = directory.at("likeness");
    fs::create_dir_all(&package).map_err(LocalError::io("create", &package))?;
    for (name, text) in FILES {
        let path = directory.at(name);
        fs::write(&path, text).map_err(LocalError::io("write", &path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::Command;

    use super::{FILES, rules};

    #[test]
    fn every_rule_has_a_name_of_its_own_a_sentence_and_a_switch() {
        let names: BTreeSet<&str> = rules().iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), rules().len());
        for rule in rules() {
            let switch = format!("rules.on(\"{}\")", rule.name);
            assert!(FILES.iter().any(|(_, text)| text.contains(&switch)), "{switch}");
            assert!(rule.summary.starts_with(char::is_uppercase) && !rule.summary.ends_with('.'), "{}", rule.summary);
            assert!(!rule.source.is_empty(), "{}", rule.name);
        }
    }

    #[test]
    fn every_file_is_written_beside_the_guard() {
        let written: BTreeSet<&str> = FILES.iter().map(|(name, _)| *name).collect();
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/local/likeness");
        for entry in std::fs::read_dir(directory).unwrap() {
            let name = format!("likeness/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(written.contains(name.as_str()) || name.ends_with("__pycache__"), "{name}");
        }
    }

    /// Prints the state of each alarm, whose values are newest first and null without data.
    const ASK: &str = "
import json, sys
sys.path.append(sys.argv[1])
from likeness import judgement
for alarm in json.loads(sys.argv[2]):
    judged = judgement.judge(alarm, alarm['Values'])
    print(judged[0] if judged else 'unchanged')
";

    /// An alarm with the threshold 1, and the values of its periods.
    #[derive(serde::Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Alarm<'a> {
        comparison_operator: &'a str,
        threshold: f64,
        evaluation_periods: u32,
        datapoints_to_alarm: u32,
        treat_missing_data: &'a str,
        values: &'a [Option<f64>],
    }

    impl<'a> Alarm<'a> {
        fn over(periods: u32, values: &'a [Option<f64>]) -> Self {
            Self {
                comparison_operator: "GreaterThanThreshold",
                threshold: 1.0,
                evaluation_periods: periods,
                datapoints_to_alarm: periods,
                treat_missing_data: "missing",
                values,
            }
        }

        fn under(periods: u32, values: &'a [Option<f64>]) -> Self {
            Self { comparison_operator: "LessThanThreshold", ..Self::over(periods, values) }
        }
    }

    fn judge_all(alarms: &[Alarm]) -> Vec<String> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/local");
        let asked = serde_json::to_string(alarms).unwrap();
        let ran = Command::new("python3").args(["-I", "-B", "-c", ASK, directory, &asked]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    const HIGH: Option<f64> = Some(2.0);
    const LOW: Option<f64> = Some(0.0);

    /// The rows are those of "Configuring how CloudWatch alarms treat missing data", for two of three periods.
    #[test]
    fn an_alarm_treats_missing_data_as_it_asks() {
        for (values, expected) in [
            ([None, LOW, None, HIGH, None, HIGH], ["ALARM", "ALARM", "ALARM", "ALARM"]),
            ([None, None, None, None, None, LOW], ["OK", "OK", "ALARM", "OK"]),
            ([None, None, None, None, None, None], ["INSUFFICIENT_DATA", "unchanged", "ALARM", "OK"]),
            ([None, None, None, HIGH, None, None], ["ALARM", "unchanged", "ALARM", "OK"]),
            ([None, LOW, LOW, HIGH, HIGH, HIGH], ["OK", "OK", "OK", "OK"]),
        ] {
            let treatments = ["missing", "ignore", "breaching", "notBreaching"];
            let alarms = treatments.map(|treat_missing_data| Alarm {
                datapoints_to_alarm: 2,
                treat_missing_data,
                ..Alarm::over(3, &values)
            });
            assert_eq!(judge_all(&alarms), expected, "{values:?}");
        }
    }

    #[test]
    fn the_period_in_progress_counts_once_its_value_cannot_return_below_the_threshold() {
        let found = judge_all(&[
            Alarm::over(1, &[HIGH, LOW, LOW, LOW]),
            Alarm::over(1, &[LOW, HIGH, LOW, LOW]),
            Alarm::over(2, &[HIGH, LOW, LOW, LOW, LOW]),
            Alarm::over(2, &[HIGH, HIGH, LOW, LOW, LOW]),
            Alarm::under(1, &[LOW, HIGH, HIGH, HIGH]),
            Alarm::under(1, &[HIGH, LOW, HIGH, HIGH]),
        ]);
        assert_eq!(found, ["ALARM", "ALARM", "OK", "ALARM", "OK", "ALARM"]);
    }
}
