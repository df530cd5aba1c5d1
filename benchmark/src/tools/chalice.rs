//! Chalice: creates API and functions through the SDK, one call after another. It creates no queue, alarm or topic, so
//! these exist beforehand; it has no plan.

use std::fs;
use std::io;
use std::process::Command;

use serde_json::{Value, json};

use super::{Place, Tool};
use crate::cases::{Case, Operation};
use crate::cloud::Counts;
use crate::http::json_rpc;
use crate::machine::first_line;

pub struct Chalice;

impl Tool for Chalice {
    fn key(&self) -> &'static str {
        "chalice"
    }

    fn title(&self) -> &'static str {
        "Chalice"
    }

    fn version(&self) -> Result<String, String> {
        let line = first_line("chalice", &["--version"]).ok_or("`pip install chalice` to measure it")?;
        Ok(line.split([' ', ',']).nth(1).unwrap_or(&line).to_owned())
    }

    fn makes(&self, case: Case) -> Counts {
        Counts { alarms: 0, topics: 0, subscriptions: 0, ..case.counts() }
    }

    fn leaves(&self, case: Case) -> Counts {
        Counts { queues: case.counts().queues, ..Counts::default() }
    }

    fn changed_function(&self, case: Case) -> &'static str {
        if case == Case::Couch { "bench-dev" } else { "bench-dev-worker0" }
    }

    fn write(&self, place: &Place, memory_mib: u64) -> io::Result<()> {
        let workers = workers(place.case);
        let mut app = "from chalice import Chalice\n\napp = Chalice(app_name='bench')\n".to_owned();
        let mut functions = json!({});
        for (i, queue) in workers.iter().enumerate() {
            app.push_str(&format!(
                "\n\n@app.on_sqs_message(queue='{queue}', batch_size=5, name='worker{i}')\ndef worker{i}(event):\n    pass\n"
            ));
            let memory = if i == 0 && place.case != Case::Couch { memory_mib } else { 512 };
            functions[format!("worker{i}")] =
                json!({ "iam_policy_file": "worker.json", "autogen_policy": false, "lambda_memory_size": memory });
        }
        if place.case == Case::Couch {
            app.push_str("\n\n@app.route('/generate-image', methods=['POST'])\ndef generate():\n    return {}\n");
            functions["api_handler"] = json!({ "lambda_memory_size": memory_mib });
        }
        let stage = json!({ "api_gateway_stage": "Prod", "autogen_policy": false, "iam_policy_file": "worker.json",
                            "lambda_functions": functions });
        let config = json!({ "version": "2.0", "app_name": "bench", "stages": { "dev": stage } });
        let actions = json!([
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes"
        ]);
        let statements = json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        fs::create_dir_all(place.directory.join(".chalice"))?;
        let write = |name: &str, text: String| fs::write(place.directory.join(name), text);
        write("app.py", app)?;
        write("requirements.txt", String::new())?;
        write(".chalice/config.json", config.to_string())?;
        write(".chalice/worker.json", Value::to_string(&policy))
    }

    fn prepare(&self, place: &Place) -> Result<(), String> {
        for queue in workers(place.case) {
            place.cloud.ask(&json_rpc("sqs", "AmazonSQS.CreateQueue", &json!({ "QueueName": queue })))?;
        }
        Ok(())
    }

    fn command(&self, operation: Operation, _place: &Place) -> Option<Command> {
        let verb = match operation {
            Operation::Plan | Operation::ApplyActive | Operation::NoopPlan => return None,
            Operation::Destroy => "delete",
            _ => "deploy",
        };
        let mut command = Command::new("chalice");
        command.arg(verb);
        Some(command)
    }

    fn expected(&self, operation: Operation) -> Option<&'static str> {
        Some(if operation == Operation::Destroy { "Deleting function" } else { "Resources deployed" })
    }
}

fn workers(case: Case) -> Vec<String> {
    (0..case.copies().unwrap_or(1)).map(|i| format!("bench-{i}")).collect()
}
