//! The Python files that start the emulator, and make it answer like AWS where a stack notices the difference.

use std::fs;
use std::path::PathBuf;

use super::LocalError;
use super::record::Directory;

/// The script that checks every request before the emulator handles it.
const GUARD: &str = "guard.py";
const FILES: &[(&str, &str)] = &[
    (GUARD, include_str!("guard.py")),
    ("likeness/alarms.py", include_str!("likeness/alarms.py")),
    ("likeness/functions.py", include_str!("likeness/functions.py")),
    ("likeness/judgement.py", include_str!("likeness/judgement.py")),
    ("likeness/mail.py", include_str!("likeness/mail.py")),
    ("likeness/permissions.py", include_str!("likeness/permissions.py")),
];

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
    use std::process::Command;

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
