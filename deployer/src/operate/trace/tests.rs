use super::*;

/// Makes the lines of one stream, a millisecond apart.
fn stream_of(texts: &[&str]) -> Vec<LogLine> {
    let line = |(index, text): (usize, &&str)| LogLine {
        at: 1_000 + index as i64,
        function: "worker".to_owned(),
        message: (*text).to_owned(),
        stream: "s".to_owned(),
        id: format!("{index}"),
    };
    texts.iter().enumerate().map(line).collect()
}

fn invocations(texts: &[&str]) -> Vec<Invocation> {
    group(stream_of(texts))
}

/// Returns the ending of the only invocation among the lines, without its START.
fn ending(texts: &[&str]) -> Ending {
    let texts: Vec<&str> = ["START RequestId: r-1 Version: 7"].iter().chain(texts).copied().collect();
    let [invocation] = &invocations(&texts)[..] else { panic!("one invocation") };
    invocation.ending()
}

const END: &str = "END RequestId: r-1";
const REPORT: &str = "REPORT RequestId: r-1\tDuration: 2.1 ms\tMemory Size: 128 MB\tMax Memory Used: 33 MB\t";
const PANIC: &str = "thread 'main' panicked at worker/src/main.rs:7:63:";

#[test]
fn an_invocation_is_all_between_its_start_and_its_report() {
    let found = invocations(&[
        "INIT_START Runtime Version: provided:al2023.v1",
        "before any start",
        "START RequestId: r-1 Version: 7",
        PANIC,
        "cannot handle boom",
        END,
        REPORT,
        "between",
        "2026-12-01T00:00:00Z r-1 Task timed out after 3.00 seconds",
        "INIT_START Runtime Version: provided:al2023.v1",
        "START RequestId: r-2 Version: 7",
        "c-7",
    ]);
    let shown: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|i| (i.request_id.as_str(), i.lines.iter().map(|line| line.id.as_str()).collect::<Vec<_>>()))
        .collect();
    assert_eq!(shown, [("r-1", vec!["2", "3", "4", "5", "6", "8"]), ("r-2", vec!["10", "11"])]);
    assert_eq!(found[1].ending(), Ending::Open);
}

#[test]
fn an_invocation_in_json_is_found_by_lambdas_records() {
    let found = invocations(&[
        r#"{"time":"x","type":"platform.initStart","record":{}}"#,
        r#"{"time":"x","type":"platform.start","record":{"requestId":"r-1","version":"7"}}"#,
        r#"{"level":"INFO","message":"taken"}"#,
        "not JSON",
        r#"{"time":"x","type":"platform.runtimeDone","record":{"requestId":"r-1","status":"success"}}"#,
        r#"{"time":"x","type":"platform.report","record":{"requestId":"r-1","status":"success"}}"#,
        r#"{"level":"INFO","message":"after it"}"#,
    ]);
    assert_eq!((found.len(), found[0].lines.len()), (1, 5));
    assert_eq!(found[0].ending(), Ending::Ended);
}

#[test]
fn without_starts_an_invocation_begins_with_the_first_line_that_names_its_request() {
    let [one, two] = ["8286a188-ba32-4475-8077-530cd35c09a9", "0286a188-ba32-4475-8077-530cd35c09a0"];
    let line = |id: &str, text: &str| format!(r#"{{"level":"INFO","message":"{text}","requestId":"{id}"}}"#);
    let lines = [
        "starting".to_owned(),
        line(one, "taken m-7"),
        "thread 'main' panicked at src/main.rs:7:63:".to_owned(),
        line(two, "taken m-8"),
        "not JSON".to_owned(),
    ];
    let found = invocations(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let shown: Vec<_> = found.iter().map(|i| (i.request_id.as_str(), i.lines.len())).collect();
    assert_eq!(shown, [(one, 2), (two, 2)]);
}

#[test]
fn a_timeout_in_json_has_its_time() {
    let report = r#"{"time":"x","type":"platform.report","record":{"requestId":"r-1","metrics":{"durationMs":3000.0,"memorySizeMB":128,"maxMemoryUsedMB":33},"status":"timeout"}}"#;
    assert_eq!(ending(&[report]), Ending::TimedOut(Some("3.00 s".into())));
}

#[test]
fn lines_of_a_report_s_time_are_the_invocation_s() {
    let mut lines = stream_of(&["START RequestId: r-1 Version: 7", REPORT, "late", "later"]);
    lines[2].at = lines[1].at;
    assert_eq!(group(lines)[0].lines.len(), 3);
}

#[test]
fn an_ending_is_what_the_log_proves() {
    let killed = "RequestId: r-1 Error: Runtime exited with error: signal: killed\nRuntime.ExitError";
    let full = "REPORT RequestId: r-1\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t";
    for (texts, expected) in [
        (vec![END, REPORT], Ending::Ended),
        (vec!["ERROR worker: no such order", END, REPORT], Ending::Logged("worker: no such order".into())),
        (
            vec!["2026-12-01T00:00:00.123456Z ERROR worker: no such order", END, REPORT],
            Ending::Logged("worker: no such order".into()),
        ),
        (vec![r#"{"level":"ERROR","fields":{"message":"no"}}"#, END, REPORT], Ending::Logged("no".into())),
        (vec![PANIC, "boom", END, REPORT], Ending::Panicked("worker/src/main.rs:7:63".into())),
        (vec!["thread 'main' panicked at 'a, b', src/main.rs:7:63", END], Ending::Panicked("src/main.rs:7:63".into())),
        (
            vec![r#"{"level":"ERROR","message":"panicked at src/main.rs:7:63:\nboom"}"#, END],
            Ending::Panicked("src/main.rs:7:63".into()),
        ),
        (
            vec!["2026-12-01T00:00:00Z r-1 Task timed out after 3.00 seconds", END, REPORT],
            Ending::TimedOut(Some("3.00 s".into())),
        ),
        (vec![END, "REPORT RequestId: r-1\tStatus: timeout"], Ending::TimedOut(None)),
        (vec![killed, END, REPORT], Ending::Exited("signal: killed".into())),
        (vec![killed, END, full], Ending::OutOfMemory),
        (vec![END, full], Ending::Ended),
        (
            vec!["RequestId: r-1 Error: Runtime exited with error: exit status 1"],
            Ending::Exited("exit status 1".into()),
        ),
        (
            vec![END, "REPORT RequestId: r-1\tStatus: error\tError Type: Runtime.Unknown"],
            Ending::Failed(Some("Runtime.Unknown".into())),
        ),
        (vec!["working"], Ending::Open),
    ] {
        assert_eq!(ending(&texts), expected, "{texts:?}");
    }
}

#[test]
fn lambdas_records_decide_before_the_function_s_lines() {
    let report =
        |rest: &str| format!(r#"{{"time":"x","type":"platform.report","record":{{"requestId":"r-1",{rest}}}}}"#);
    let memory = r#""metrics":{"memorySizeMB":128,"maxMemoryUsedMB":128}"#;
    for (rest, expected) in [
        (r#""status":"success""#.to_owned(), Ending::Ended),
        (r#""status":"failure""#.to_owned(), Ending::Panicked("worker/src/main.rs:7:63".into())),
        (r#""status":"timeout""#.to_owned(), Ending::TimedOut(None)),
        (
            format!(r#""status":"error","errorType":"Runtime.ExitError",{memory}"#),
            Ending::Panicked("worker/src/main.rs:7:63".into()),
        ),
    ] {
        assert_eq!(ending(&[PANIC, &report(&rest)]), expected, "{rest}");
    }
    let full = report(&format!(r#""status":"error","errorType":"Runtime.ExitError",{memory}"#));
    assert_eq!(ending(&[&full]), Ending::OutOfMemory);
    let exited = report(r#""status":"error","errorType":"Runtime.ExitError""#);
    assert_eq!(ending(&[&exited]), Ending::Failed(Some("Runtime.ExitError".into())));
}

#[test]
fn text_of_strangers_is_no_sign_of_a_failure() {
    for text in [
        "order: thread 'main' panicked at src/main.rs:1:1:",
        "r-2 Task timed out after 3.00 seconds",
        "RequestId: r-2 Error: Runtime exited with error: signal: killed",
        "an ERROR in the middle",
        r#"{"level":"INFO","message":"panicked at src/main.rs:1:1:"}"#,
    ] {
        assert_eq!(ending(&[text, END, REPORT]), Ending::Ended, "{text}");
    }
}

#[test]
fn a_trace_has_whole_invocations_and_the_lines_outside_them() {
    let lines =
        stream_of(&["c-7 at init", "START RequestId: r-1 Version: 7", "c-7", END, "START RequestId: r-2 Version: 7"]);
    let matches = [lines[0].clone(), lines[2].clone()];
    let found = trace(lines, "c-7", &matches);
    assert_eq!(found.invocations.iter().map(|i| i.request_id.as_str()).collect::<Vec<_>>(), ["r-1"]);
    assert_eq!(found.loose, matches[..1]);
}
