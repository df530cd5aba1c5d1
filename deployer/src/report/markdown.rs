//! Renders plans and outcomes as Markdown, for the pages of a CI run.

use std::fmt::Write as _;

use super::diagnostics;
use super::heading::Heading;
use super::paint::Paint;
use super::plan::{self as text, PlanView};
use super::shown::MaskedPlan;
use crate::execute::ExecutionOutcome;
use crate::failure::{Failure, refusals};
use crate::plan::{Cost, Plan, PlannedResource};
use crate::spec::document::Document;
use crate::spec::secrets::Secrets;
use crate::spec::visible;

/// Most characters of a line that a page shows without scrolling.
const WIDTH: usize = 110;
/// Bytes reserved for a fold's markup, and for the note that something was cut.
const FRAME: usize = 400;
/// A cut text with fewer bytes than this is not shown.
const LEAST: usize = 200;

/// A part of the page that is folded until the reader opens it.
struct Fold {
    title: String,
    text: String,
}

/// The head of a page about a plan.
#[derive(Clone, Copy)]
pub struct PageHead<'a> {
    pub title: &'a str,
    pub heading: &'a Heading,
    /// The reason for the plan.
    pub why: &'a str,
}

impl PageHead<'_> {
    fn text(&self, secrets: &Secrets) -> String {
        let [title, place, why] = [self.title, &self.heading.line(), self.why].map(|text| plain(&secrets.mask(text)));
        format!("## {title}\n\n{place}\n\n{why}\n\n")
    }
}

/// Renders a plan below its head: a fold for each element that changes, then drift and
/// notes. If `limit` bytes are not enough, cuts at a whole line and adds a note.
pub fn plan(plan: &Plan, cost: Cost, head: PageHead<'_>, secrets: &Secrets, limit: usize) -> String {
    let plan = &MaskedPlan::of(plan, secrets);
    let view = PlanView { paint: Paint { colour: false }, verbose: false, width: WIDTH, secrets };
    let mut out = head.text(secrets);
    let _ = writeln!(out, "**{}**\n", text::summary_line(plan, view).trim_end().replace('\n', " "));
    let mut folds = elements(plan, view);
    if !plan.output_changes().is_empty() {
        let title = format!("Outputs: {}", plan.output_changes().len());
        folds.push(Fold { title, text: text::outputs(plan, view, 0) });
    }
    if !plan.drift().is_empty() {
        let title = format!("Changed outside: {}", plan.drift().len());
        folds.push(Fold { title, text: text::drift_lines(plan, view) });
    }
    if !plan.notes().is_empty() {
        let mut lines = String::new();
        text::notes(&mut lines, plan, view);
        folds.push(Fold { title: format!("Notes: {}", plan.notes().len()), text: lines });
    }
    let last = format!("{}\n\n", text::cost_line(cost));
    add_folds(&mut out, &folds, limit.saturating_sub(last.len()));
    out + &last
}

/// Makes one fold for each element that changes.
fn elements(plan: &MaskedPlan, view: PlanView<'_>) -> Vec<Fold> {
    let changing = text::by_element(plan);
    changing.chunk_by(|a, b| a.element == b.element).map(|group| element(plan, group, view)).collect()
}

fn element(plan: &MaskedPlan, group: &[&PlannedResource], view: PlanView<'_>) -> Fold {
    let mut signs: Vec<&str> = Vec::new();
    let mut lines = String::new();
    for planned in group {
        let sign = text::sign(planned);
        if !signs.contains(&sign) {
            signs.push(sign);
        }
    }
    text::blocks_as_diff(&mut lines, plan, group, view);
    let name = group.first().map(|planned| planned.element.as_str()).unwrap_or_default();
    let resources = if group.len() == 1 { "resource" } else { "resources" };
    Fold { title: format!("{} {name}: {} {resources}", signs.join(" "), group.len()), text: lines }
}

fn add_folds(out: &mut String, folds: &[Fold], limit: usize) {
    for (at, fold) in folds.iter().enumerate() {
        let (title, text) = (html(&fold.title), visible::text(&fold.text));
        let room = limit.saturating_sub(out.len() + title.len() + FRAME);
        let kept = if text.len() <= room { &*text } else { whole_lines(&text, room) };
        let cut = kept.len() < text.len();
        if !cut || kept.len() >= LEAST {
            let _ = writeln!(out, "<details><summary>{title}</summary>\n\n{}\n</details>\n", code_block("diff", kept));
        }
        if cut {
            let left = folds.len() - at;
            let _ = writeln!(
                out,
                "*Too long for this page: {left} of {} parts are cut. The job's log has all.*\n",
                folds.len()
            );
            return;
        }
    }
}

/// Returns as many whole lines from the start as fit into `bytes`.
fn whole_lines(text: &str, bytes: usize) -> &str {
    let end = text.floor_char_boundary(bytes);
    &text[..text[..end].rfind('\n').map_or(0, |newline| newline + 1)]
}

/// Renders the outcome of a plan: counts, AWS's refusals and the stack's outputs.
pub fn outcome(outcome: &ExecutionOutcome, document: &Document, limit: usize) -> String {
    let secrets = document.secrets();
    let word = match outcome {
        o if o.interrupted => "Interrupted",
        o if !o.failed.is_empty() || o.state_error.is_some() || !o.not_started.is_empty() => "Failed",
        _ => "Done",
    };
    let (done, failed, not_started) = (outcome.done.len(), outcome.failed.len(), outcome.not_started.len());
    let mut out = format!("**{word}: {done} done, {failed} failed, {not_started} not started.**\n\n");
    let mut texts = Vec::new();
    if !outcome.failed.is_empty() {
        let findings = refusals(outcome, document);
        texts.push(diagnostics::text(&findings, document.source(), diagnostics::Style::default()));
    }
    if let Some(error) = &outcome.state_error {
        texts.push(format!("the state: {error}\n{}\n", error.help()));
    }
    if !outcome.unwatched.is_empty() {
        texts.push(format!("AWS goes on by itself with: {}\n", outcome.unwatched.join(", ")));
    }
    if !outcome.not_started.is_empty() {
        texts.push(format!("not started: {}\n", outcome.not_started.join(", ")));
    }
    if !outcome.state.outputs.is_empty() {
        texts.push(outcome.state.outputs.iter().map(|(name, value)| format!("{name} = {value}\n")).collect());
    }
    for text in texts {
        let text = visible::text(&secrets.mask(&text)).into_owned();
        let room = limit.saturating_sub(out.len() + FRAME);
        let _ =
            writeln!(out, "{}", code_block("text", if text.len() <= room { &text } else { whole_lines(&text, room) }));
    }
    out
}

/// Renders the reason why a run ended early.
pub fn failure(failure: &Failure, title: &str, secrets: Option<&Secrets>, limit: usize) -> String {
    let nowhere = crate::spec::source::SourceText::new("", "");
    let source = failure.source.as_ref().unwrap_or(&nowhere);
    let text = diagnostics::text(&failure.findings, source, diagnostics::Style::default());
    let text = secrets.map_or_else(|| text.clone(), |all| all.mask(&text).into_owned());
    let text = visible::text(&text);
    let room = limit.saturating_sub(title.len() * 2 + FRAME);
    format!(
        "## {}\n\n{}\n",
        plain(title),
        code_block("text", if text.len() <= room { &text } else { whole_lines(&text, room) })
    )
}

/// Renders a title and a sentence.
pub fn note(title: &str, sentence: &str) -> String {
    format!("## {}\n\n{}\n\n", plain(title), plain(sentence))
}

/// Renders a code block whose fence is longer than any in the text.
fn code_block(language: &str, text: &str) -> String {
    let text = &*visible::text(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_matches('\n'))
}

/// Escapes every character that has a meaning in Markdown.
fn plain(text: &str) -> String {
    let text = visible::line(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '!' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    break_links(&out)
}

fn html(text: &str) -> String {
    let text = visible::line(text);
    break_links(&text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// Breaks up everything that a forge would take for a mention, a reference or an address. A forge searches the text
/// that remains without Markdown's marks. So a branch's name cannot notify anybody.
fn break_links(text: &str) -> String {
    const APART: &str = "<!-- -->";
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        let rest = &text[at + c.len_utf8()..];
        let begins = match c {
            '@' => true,
            '#' | '!' | '%' | '$' => rest.starts_with(|next: char| next.is_ascii_alphanumeric()),
            ':' => rest.starts_with("//"),
            'w' | 'W' => rest.starts_with('.') && text[..at].to_ascii_lowercase().ends_with("ww"),
            '-' => {
                rest.starts_with(|next: char| next.is_ascii_digit()) && text[..at].to_ascii_lowercase().ends_with("gh")
            }
            _ => false,
        };
        if begins {
            out.push_str(APART);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Heading, PageHead, code_block, plan};
    use crate::kinds::KindRef;
    use crate::plan::{Change, Cost, DesiredSpec, Effect, Plan, PlannedResource, Reason};
    use crate::spec::secrets::Secrets;

    fn created(address: &str, element: &str, value: &str) -> PlannedResource {
        let change = Change::new("name", Value::Null, json!(value));
        let queue = KindRef::find("sqs.queue").expect("a kind");
        let effect = Effect::Create { wanted: DesiredSpec::default(), changes: vec![change] };
        PlannedResource::new(address, element, queue, effect, Reason::NotInAws)
    }

    fn rendered(actions: Vec<PlannedResource>, secrets: &Secrets, limit: usize) -> String {
        let cost = Cost { reads: 2, waves: 1, seconds: 0.5 };
        let value = Plan { actions, ..Plan::default() };
        let (owner, region, account) = ("shop".into(), "eu-west-1".into(), "123456789012".into());
        let heading = &Heading { owner, region, account, local: false };
        let head = PageHead { title: "shop: plan", heading, why: "the branch a_b is <new>" };
        plan(&value, cost, head, secrets, limit)
    }

    #[test]
    fn each_element_is_a_fold() {
        let actions = vec![
            created("queues.a", "queues.a", "a"),
            created("queues.a.dead_letters", "queues.a", "a-dead"),
            created("queues.b", "queues.b", "b"),
        ];
        insta::assert_snapshot!(rendered(actions, &Secrets::default(), 10_000), @r###"
        ## shop: plan

        shop · eu-west-1 · 123456789012

        the branch a\_b is \<new\>

        **Plan: 3 to create, 0 to update, 0 to replace, 0 to delete, 0 to adopt.**

        <details><summary>+ queues.a: 2 resources</summary>

        ```diff
        + queues.a  sqs.queue
            name: a
        + queues.a.dead_letters  sqs.queue
            name: a-dead
        ```

        </details>

        <details><summary>+ queues.b: 1 resource</summary>

        ```diff
        + queues.b  sqs.queue
            name: b
        ```

        </details>

        2 reads in 1 wave, 0.50 s
        "###);
    }

    #[test]
    fn nothing_to_do_is_said_in_one_line() {
        let text = rendered(Vec::new(), &Secrets::default(), 10_000);
        assert!(text.contains("**No changes. 0 resources match stack.yaml.**"), "{text}");
        assert!(!text.contains("<details>"));
    }

    #[test]
    fn a_secret_is_masked_everywhere() {
        let mut secrets = Secrets::default();
        secrets.add("hunter22");
        let text = rendered(vec![created("queues.a", "queues.hunter22", "x hunter22")], &secrets, 10_000);
        assert!(!text.contains("hunter22"), "{text}");
        assert_eq!(text.matches("(sensitive)").count(), 2, "{text}");
    }

    #[test]
    fn a_long_plan_is_cut_between_lines_with_a_note_and_stays_below_the_limit() {
        let many = |n: usize| (0..n).map(|i| created(&format!("queues.q{i}"), &format!("queues.q{i}"), "x")).collect();
        for limit in [1_500, 2_000, 2_001, 2_050, 5_000] {
            let text = rendered(many(200), &Secrets::default(), limit);
            assert!(text.len() <= limit, "{} > {limit}", text.len());
            assert!(text.contains("parts are cut"), "{text}");
            assert!(text.contains("2 reads in 1 wave"), "{text}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
            assert_eq!(text.matches("```").count(), 2 * text.matches("<details>").count());
        }
        let one: Vec<PlannedResource> = (0..200).map(|i| created(&format!("queues.q.{i}"), "queues.q", "x")).collect();
        let text = rendered(one, &Secrets::default(), 5_000);
        assert!(text.len() <= 5_000 && text.len() > 4_000, "{}", text.len());
        assert!(text.contains("1 of 1 parts are cut"), "{text}");
    }

    #[test]
    fn a_branch_name_mentions_nobody_and_links_to_nothing() {
        let text = super::note(
            "t",
            "the branch @org/team#12 of a@b.example, https://x.example, www.y.example, GH-7 is 50% done",
        );
        assert_eq!(
            text,
            "## t\n\nthe branch @<!-- -->org/team\\#<!-- -->12 of a@<!-- -->b.example, https:<!-- -->//x.example, \
             www<!-- -->.y.example, GH-<!-- -->7 is 50% done\n\n"
        );
    }

    #[test]
    fn a_text_cannot_end_its_code_block() {
        let text = code_block("diff", "a\n````\n</details>");
        assert_eq!(text, "`````diff\na\n````\n</details>\n`````\n");
    }
}
