//! Pictures of a stack, in every format.

use insta::assert_snapshot;
use serde_json::json;

use super::phenomena::SHOP;
use crate::plan::tests::world::{Stack, World};
use crate::plan::{Cost, Goal, Selection};
use crate::report::picture::{Mark, Page, Picture, dot, html, mermaid, svg};
use crate::report::shown::MaskedPlan;

/// Draws `text` with its plan, in a world where [`SHOP`] was applied and then changed outside.
fn draw_plan(text: &str) -> (Picture, String) {
    let mut world = World::applied(SHOP);
    world.edit("functions.draw", |spec| spec["memory_size"] = json!(1024));
    let stack = Stack::of(text, &[]);
    let plan = world.plan(&stack, Goal::Apply, &Selection::default()).unwrap();
    let secrets = stack.document.secrets();
    let picture = Picture::of("shop", &stack.graph, Some(&plan), secrets);
    let about = "eu-west-1".to_owned();
    let page = html(&Page {
        picture: &picture,
        about,
        plan: Some((&MaskedPlan::of(&plan, secrets), Cost::default())),
        secrets,
    });
    (picture, page)
}

fn plain() -> Picture {
    let stack = Stack::of(SHOP, &[]);
    Picture::of("shop", &stack.graph, None, stack.document.secrets())
}

/// Writes the arrows of a picture, one a line.
fn edges(picture: &Picture) -> String {
    let lines = picture.edges.iter().map(|edge| {
        let (from, to) = (&picture.nodes[edge.from].id, &picture.nodes[edge.to].id);
        format!("{from} → {to}: {}", edge.label)
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn things_flow_as_a_person_thinks_of_them() {
    let picture = plain();
    assert_snapshot!(edges(&picture), @r"
    alarms.oldest → topics.alarms: alarms
    apis.front → functions.draw: POST /draw
    functions.draw → buckets.pictures: PutObject
    queues.orders → alarms.oldest: watched
    queues.orders → functions.draw: messages
    topics.alarms → person.ops@example.com: e-mail
    ");
}

#[test]
fn an_alarm_points_to_the_function_that_it_notifies_and_not_to_one_that_it_watches() {
    let alarm = |name: &str, properties: &str| {
        format!(
            "  {name}: {{ namespace: AWS/Lambda, metric_name: Errors, statistic: Sum, period: 60s, evaluation_periods: 1, threshold: 1, comparison_operator: GreaterThanThreshold, {properties} }}\n"
        )
    };
    let (watching, notifying) =
        ("dimensions: { FunctionName: \"${functions.draw.name}\" }", "alarm_actions: [ \"${functions.draw.arn}\" ]");
    let alarms = [
        alarm("errors", watching),
        alarm("orders", notifying),
        alarm("own", &format!("{watching}, {notifying}")),
        alarm("later", "depends_on: [ functions.draw ]"),
    ];
    let text = format!("\nstack: shop\nfunctions: {{ draw: {{ zip: draw.zip }} }}\nalarms:\n{}", alarms.concat());
    let stack = Stack::of(&text, &[]);
    assert_snapshot!(edges(&Picture::of("shop", &stack.graph, None, stack.document.secrets())), @r"
    alarms.later → functions.draw: 
    alarms.orders → functions.draw: alarms
    alarms.own → functions.draw: alarms
    functions.draw → alarms.errors: watched
    functions.draw → alarms.own: watched
    ");
}

#[test]
fn each_form_draws_the_whole_stack() {
    let picture = plain();
    assert_snapshot!("mermaid", mermaid(&picture));
    assert_snapshot!("dot", dot(&picture));
    assert_snapshot!("svg", svg(&picture));
}

#[test]
fn a_plan_marks_the_elements_that_it_changes() {
    let wanted = SHOP
        .replace("orders: { visib", "orders: { name: shop-purchases, visib")
        .replace("\"POST /draw\": draw", "\"POST /draw\": draw, \"GET /drawn\": draw")
        .replace("topics:\n", "log_groups: { audit: { retention_in_days: 7 } }\ntopics:\n");
    let (picture, _) = draw_plan(&wanted);
    let mark = |id: &str| picture.nodes.iter().find(|node| node.id == id).map(|node| (node.mark, node.drift));
    assert_eq!(mark("queues.orders"), Some((Some(Mark::Replace), false)));
    assert_eq!(mark("functions.draw"), Some((Some(Mark::Update), true)));
    assert_eq!(mark("apis.front"), Some((Some(Mark::Update), false)));
    assert_eq!(mark("log_groups.audit"), Some((Some(Mark::Create), false)));
    assert_eq!(mark("buckets.pictures"), Some((Some(Mark::Unchanged), false)));
    assert_eq!(mark("person.ops@example.com"), Some((None, false)));
}

#[test]
fn what_leaves_the_stack_is_still_in_the_picture() {
    let wanted = "\nstack: shop\ntopics: { alarms: {} }\n";
    let (picture, _) = draw_plan(wanted);
    let gone: Vec<&str> =
        picture.nodes.iter().filter(|node| node.mark == Some(Mark::Delete)).map(|node| node.id.as_str()).collect();
    for id in ["queues.orders", "functions.draw", "apis.front", "alarms.oldest"] {
        assert!(gone.contains(&id), "{id}: {gone:?}");
    }
    let flows = |from: &str, to: &str| {
        picture.edges.iter().any(|edge| picture.nodes[edge.from].id == from && picture.nodes[edge.to].id == to)
    };
    assert!(
        flows("queues.orders", "alarms.oldest") && flows("queues.orders", "functions.draw"),
        "as long as they live"
    );
    assert!(!flows("alarms.oldest", "queues.orders") && flows("alarms.oldest", "topics.alarms"));
}

#[test]
fn the_page_loads_nothing_and_tells_no_secret() {
    let (_, page) = draw_plan(&SHOP.replace("tok-4711-4711", "tok-0815-0815"));
    assert!(!page.contains("0815") && !page.contains("4711"), "no secret");
    assert!(page.contains("default-src 'none'") && !page.contains("unsafe-eval"));
    let outside: Vec<&str> = page.match_indices("http").map(|(at, _)| &page[at..(at + 40).min(page.len())]).collect();
    let harmless = |text: &&str| text.starts_with("http://www.w3.org/") || text.starts_with("http-equiv");
    assert!(outside.iter().all(harmless), "{outside:?}");
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("memory_size: 1024 → 512  # undoes a change made outside"), "{page}");
}

#[test]
fn names_cannot_break_out_of_the_page() {
    let text = "\nstack: shop\nqueues: { \"a\": { tags: { x: \"</script><script>alert(1)</script>\" } } }\n";
    let stack = Stack::of(text, &[]);
    let plan = World::default().plan(&stack, Goal::Apply, &Selection::default()).unwrap();
    let secrets = stack.document.secrets();
    let picture = Picture::of("shop <b>", &stack.graph, Some(&plan), secrets);
    let page = html(&Page {
        picture: &picture,
        about: "<i>".into(),
        plan: Some((&MaskedPlan::of(&plan, secrets), Cost::default())),
        secrets,
    });
    assert!(!page.contains("<script>alert") && !page.contains("shop <b>") && !page.contains("<i>"));
    assert!(!mermaid(&picture).contains("<b>") && svg(&picture).contains("shop &lt;b&gt;"));
}

/// Finds Chromium under one of its names, if it is installed.
fn browser() -> Option<std::path::PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|at| names.map(|name| at.join(name))).find(|file| file.is_file())
}

/// Returns the page's DOM after its script ran in a real browser, opened at a fragment.
fn open_page(browser: &std::path::Path, page: &str, fragment: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let output = std::process::Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--dump-dom"])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .arg(format!("file://{}#{fragment}", file.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_browser_shows_the_details_of_the_element_that_the_address_names() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no chromium is installed");
        return;
    };
    let (_, page) = draw_plan(&SHOP.replace("POST /draw", "GET /drawn"));
    let id = page.split("href=\"#").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let shown = open_page(&browser, &page, id);
    assert!(shown.contains("class=\"js\""), "the script ran: {shown}");
    assert_eq!(shown.matches("aria-current=\"true\"").count(), 1, "one element is chosen");
    assert!(shown.contains(&format!("<section id=\"{id}\" class=\"on\"")), "its details are shown");
    let whole = open_page(&browser, &page, "");
    assert!(whole.contains("<section id=\"all\" class=\"on\""), "without one, the overview is");
}

/// Runs a script on a page in a real browser and returns its result as JSON.
fn run_script(browser: &std::path::Path, page: &str, script: &str) -> serde_json::Value {
    let at = page.find("script-src 'sha256-").unwrap();
    let end = page[at..].find(';').unwrap() + at;
    let open = format!("{}script-src 'unsafe-inline'{}", &page[..at], &page[end..]);
    let script =
        format!("<script>document.body.dataset.found = JSON.stringify((() => {{{script}}})())</script></body>");
    let shown = open_page(browser, &open.replace("</body>", &script), "");
    let found = shown.split("data-found=\"").nth(1).and_then(|rest| rest.split('"').next());
    let found = found.unwrap_or_else(|| panic!("no answer: {shown}")).replace("&quot;", "\"").replace("&amp;", "&");
    serde_json::from_str(&found).unwrap()
}

/// Builds a stack with long names and many edges, wider than any screen.
fn crowded_stack() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("\nstack: crowded\nbuckets: { customer-uploads-incoming: {} }\nqueues:\n");
    for n in 0..12 {
        let _ = writeln!(text, "  orders-that-wait-for-payment-{n}: {{ visibility_timeout: 180s }}");
    }
    text += "functions:\n";
    for n in 0..12 {
        let on = format!("${{queues.orders-that-wait-for-payment-{}.arn}}", (n + 1) % 12);
        let _ = writeln!(
            text,
            "  recommendation-engine-updater-{n}: {{ zip: a.zip, events: [ {{ queue: orders-that-wait-for-payment-{n} }} ], permissions: [ {{ allow: \"sqs:SendMessage\", on: \"{on}\" }}, {{ allow: [\"s3:PutObject\", \"s3:GetObjectTagging\", \"s3:DeleteObject\"], on: \"${{buckets.customer-uploads-incoming.arn}}/*\" }} ] }}"
        );
    }
    text
}

#[test]
fn a_browser_draws_no_word_cut_overlapped_or_too_small() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no chromium is installed");
        return;
    };
    let stack = Stack::of(&crowded_stack(), &[]);
    let secrets = stack.document.secrets();
    let picture = Picture::of("crowded", &stack.graph, None, secrets);
    assert!(picture.nodes.len() > 20 && picture.edges.len() > 30);
    let page = html(&Page { picture: &picture, about: String::new(), plan: None, secrets });
    let found = run_script(&browser, &page, include_str!("legible.js"));
    assert_eq!(found, json!([]));
}

#[test]
fn a_browser_follows_clicks_and_keys() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no chromium is installed");
        return;
    };
    let (_, page) = draw_plan(&SHOP.replace("POST /draw", "GET /drawn"));
    let script = "
        const said = [];
        const shown = () => [...document.querySelectorAll('section.on h2')].map((h) => h.textContent).join();
        const at = () => document.activeElement.getAttribute('aria-label').split(',')[0];
        const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const node = (name) => [...document.querySelectorAll('a.node')].find((a) => a.ariaLabel.startsWith(name + ','));
        said.push(shown());
        node('front').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true })); said.push(shown());
        press('Escape'); said.push(shown());
        node('front').focus(); press('ArrowRight'); said.push(at()); press(' '); said.push(shown());
        press('ArrowRight'); said.push(at()); press('ArrowLeft'); said.push(at());
        return said;";
    let found = run_script(&browser, &page, script);
    assert_eq!(found, json!(["Overview", "front", "Overview", "draw", "draw", "pictures", "draw"]));
}
