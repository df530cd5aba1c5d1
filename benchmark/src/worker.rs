//! Measures the worker that receives messages itself (`benchmark/python/worker.py`), and compares its price with the function's.

use std::path::Path;

use serde_json::{Value, json};

use crate::functions::python;

/// Runs `worker.py` with the worker of the directory `built`, and returns its measurements.
pub fn measure(built: &Path) -> Result<Value, String> {
    python(["worker.py".as_ref(), built.join("image-worker-poll").as_os_str()])
}

/// Adds a fact for each number of messages at a time to `section`.
pub fn add_facts(section: &mut Value, measured: &Value) {
    for (size, rows) in measured.as_object().into_iter().flatten() {
        for row in rows.as_array().into_iter().flatten() {
            let name = format!("worker, {} messages at a time, model 3 s, pictures of {size}", row["concurrency"]);
            let measured = format!("{} a minute, {} MiB", row["pictures_a_minute"], row["peak_mib"]);
            // 20 a minute for each concurrent message would mean no time beyond the model's own.
            let goal = row["concurrency"].as_u64().map(|places| format!("≥ {} a minute", places * 18));
            section[name] = json!({ "measured": measured, "goal": goal });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Holds the prices of a processor in eu-west-1 in USD: AWS's price lists of AWSLambda, published on 2026-10-01, and of
    /// AmazonECS as read on 2026-05-01.
    struct Processor {
        name: &'static str,
        lambda_gb_s: f64,
        fargate_vcpu_h: f64,
        fargate_gb_h: f64,
    }

    const PROCESSORS: [Processor; 2] = [
        Processor { name: "x86", lambda_gb_s: 1.66667e-5, fargate_vcpu_h: 0.04048, fargate_gb_h: 0.004445 },
        Processor { name: "ARM", lambda_gb_s: 1.33334e-5, fargate_vcpu_h: 0.03238, fargate_gb_h: 0.00356 },
    ];
    const LAMBDA_REQUEST: f64 = 2e-7;
    /// Memory of the function in stack.yaml.
    const FUNCTION_GB: f64 = 0.5;
    /// The smallest task of Fargate.
    const TASK_VCPU: f64 = 0.25;
    const TASK_GB: f64 = 0.5;

    impl Processor {
        fn task_hour(&self) -> f64 {
            TASK_VCPU * self.fargate_vcpu_h + TASK_GB * self.fargate_gb_h
        }

        /// Returns the price of one picture that takes `seconds`, in a batch of `batch` pictures that costs as much as
        /// one.
        fn picture(&self, seconds: f64, batch: f64) -> f64 {
            (FUNCTION_GB * seconds * self.lambda_gb_s + LAMBDA_REQUEST) / batch
        }

        /// Returns the number of pictures an hour from which on the task costs less than the function.
        fn break_even(&self, seconds: f64, batch: f64) -> f64 {
            self.task_hour() / self.picture(seconds, batch)
        }
    }

    #[test]
    fn the_document_s_prices_follow_from_the_price_lists() {
        let document = fs::read_to_string(xtask::cargo::root().join("docs/worker.md")).unwrap();
        for processor in PROCESSORS {
            let hour = format!("| {} | ${:.4} |", processor.name, processor.task_hour());
            assert!(document.contains(&hour), "{hour}");
            for seconds in [3.0, 6.0] {
                let [one, five] = [1.0, 5.0].map(|batch| processor.break_even(seconds, batch).round());
                let row = format!("| {} | {seconds} s | {one} | {five} |", processor.name);
                assert!(document.contains(&row), "{row}");
            }
        }
    }

    #[test]
    fn a_measurement_becomes_a_fact_with_its_goal() {
        let mut section = json!({});
        let row = json!({"concurrency": 10, "pictures_a_minute": 191, "peak_mib": 22.8});
        add_facts(&mut section, &json!({"0.8 MB": [row]}));
        let fact = &section["worker, 10 messages at a time, model 3 s, pictures of 0.8 MB"];
        assert_eq!(*fact, json!({"measured": "191 a minute, 22.8 MiB", "goal": "≥ 180 a minute"}));
    }
}
