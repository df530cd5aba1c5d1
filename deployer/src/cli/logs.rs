//! `deployer logs` and `deployer trace`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::options::{Choice, Lines};
use super::run::Run;
use super::{Exit, INTERRUPTED, OK};
use crate::aws::Aws;
use crate::failure::Failure;
use crate::operate::logs::{Line, Reader, Wanted, holding};
use crate::operate::{Target, functions};
use crate::pipeline::{self, Loaded};
use crate::report::logs as form;
use crate::spec::nearest::{nearest, quoted};

/// The interval at which `--follow` polls.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(run: &Run, names: &[String], lines: Lines, pattern: Option<String>, follow: bool) -> Exit {
    let (loaded, aws) = reach(run, "logs").await?;
    let targets = chosen(functions(&loaded.graph, &aws.place), names)?;
    let width = widest(&targets);
    let mut reader = Reader::new(targets, Wanted { since: since(lines.since), pattern });
    let mut stop = run.stop.clone();
    loop {
        let read = tokio::select! {
            read = reader.next(&aws) => read,
            _ = stop.wait_for(|asked| *asked > 0) => return Ok(INTERRUPTED),
        };
        let read = read.map_err(|error| Failure::aws(&error, "", &loaded.document))?;
        show(run, &loaded, &read, width, form::line);
        if !follow {
            return Ok(OK);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.wait_for(|asked| *asked > 0) => return Ok(INTERRUPTED),
        }
    }
}

pub(super) async fn trace(run: &Run, id: &str, lines: Lines) -> Exit {
    let (loaded, aws) = reach(run, "trace").await?;
    let targets = chosen(functions(&loaded.graph, &aws.place), &[])?;
    let width = widest(&targets);
    let wanted = Wanted { since: since(lines.since), pattern: Some(holding(id)) };
    let mut reader = Reader::new(targets, wanted);
    let read = async { reader.next(&aws).await.map_err(|error| Failure::aws(&error, "", &loaded.document)) };
    let mut read = pipeline::unless_stopped(&run.stop, read).await?;
    // Not every endpoint takes the filter pattern literally.
    read.retain(|line| line.message.contains(id));
    let (Some(first), Some(last)) = (read.first(), read.last()) else {
        let message = format!("no function's log of the last {} s holds `{id}`", lines.since.as_secs());
        return Err(Failure::plain("trace::nothing", message, "look further back with `--since 1d`"));
    };
    let (start, took) = (first.at, (last.at - first.at) as f64 / 1000.0);
    show(run, &loaded, &read, width, |line, view| form::step(line, start, view));
    run.terminal.say(&format!("{} lines in {took:.3} s.", read.len()));
    Ok(OK)
}

async fn reach(run: &Run, operation: &str) -> Result<(Loaded, Aws), Failure> {
    let settings = run.settings(&Choice::default(), operation)?;
    let loaded = pipeline::load(&settings)?;
    let aws = pipeline::reach(&loaded, &settings, &run.stop).await?;
    Ok((loaded, aws))
}

fn show(run: &Run, loaded: &Loaded, lines: &[Line], width: usize, text: impl Fn(&Line, form::View<'_>) -> String) {
    let view = form::View { width, paint: run.terminal.out, secrets: loaded.document.secrets() };
    let one = |line: &Line| match run.terminal.json {
        true => format!("{}\n", form::as_json(line, view.secrets)),
        false => text(line, view),
    };
    let all: String = lines.iter().map(one).collect();
    if !all.is_empty() {
        run.terminal.data(&all);
    }
}

/// Returns the named functions; all of them if none is named.
pub(super) fn chosen(targets: Vec<Target>, names: &[String]) -> Result<Vec<Target>, Failure> {
    if targets.is_empty() {
        return Err(Failure::plain("function::none", "this stack has no functions", "add one under `functions:`"));
    }
    for name in names {
        if !targets.iter().any(|target| target.is_called(name)) {
            let known = || targets.iter().map(Target::name);
            let help = nearest(name, known())
                .map_or_else(|| format!("there are {}", quoted(known())), |meant| format!("did you mean `{meant}`?"));
            return Err(Failure::plain("function::unknown", format!("this stack has no function `{name}`"), help));
        }
    }
    let wanted = |target: &Target| names.is_empty() || names.iter().any(|name| target.is_called(name));
    Ok(targets.into_iter().filter(wanted).collect())
}

fn widest(targets: &[Target]) -> usize {
    targets.iter().map(|target| target.name().chars().count()).max().unwrap_or(0)
}

/// Returns the time that long ago, in milliseconds since 1970.
fn since(back: Duration) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.saturating_sub(back).as_millis()).unwrap_or(0)
}
