// The findings in a browser. Everything that AWS can name is text here: elements are made by `el`, and the page's
// policy refuses any other way from a string to markup. Views, filters and findings have addresses (`#findings?...`,
// `#<finding id>`), so that back, forward and sharing work.
"use strict";
(() => {
  const SEVERITIES = ["critical", "high", "medium", "low", "info"];
  const STATUSES = ["fail", "unknown", "waived", "pass", "not_applicable"];
  const STATUS_NAMES = ["fail", "unknown", "waived", "pass", "not applicable"];
  const VIEWS = ["overview", "findings", "unread", "about"];
  const GROUPS = { check: "Check", resource: "Resource", account: "Account", region: "Region", none: "None" };
  const FACETS = {
    severity: "Severity", status: "Status", account: "Account", region: "Region", service: "Service",
    framework: "Framework",
  };
  const FAMILIES = {
    owasp: "OWASP Serverless Top 10", wa: "AWS Well-Architected", lens: "Serverless Lens", practice: "Practices",
  };
  /** Between the members of a list that is one text, and between a tag's key and value; as in data.rs. */
  const MEMBER = "\u0002", VALUE = "\u0003";
  /** What `visible` in clean.rs writes for a character that does not show. */
  const SPELT_OUT = "⟨U+";
  /** Results no more than this are shown opened. */
  const FEW = 30;
  /** Rows that a printed page lists. */
  const PRINTED = 500;
  /** Choices in a filter beyond which one can narrow them down. */
  const MANY = 12;

  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const number = (n) => n.toLocaleString("en-US");
  const counted = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

  // --- Elements ------------------------------------------------------------------------------------

  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value === undefined || value === null || value === false) continue;
      if (typeof value === "function") node.addEventListener(key, value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  /** Text from outside, whose direction stays its own. */
  const bdi = (...children) => el("bdi", {}, ...children);

  /** Loud only for what fails. */
  const severityMark = (severity, fails) =>
    el("span", { class: `severity ${SEVERITIES[severity]}${fails ? "" : " muted"}` }, SEVERITIES[severity]);
  const severityOf = (row) => severityMark(rows.severity[row], rows.status[row] === 0);
  const statusMark = (status) => el("span", { class: `status ${STATUSES[status]}` }, STATUS_NAMES[status]);

  let saying = 0;
  /** Tells a screen reader, once things have settled. */
  function announce(text) {
    clearTimeout(saying);
    saying = setTimeout(() => { $("live").textContent = text; }, 350);
  }

  // --- Copying -------------------------------------------------------------------------------------

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyOldWay(text);
    }
  }

  /** Without permission for the clipboard, as in a frame. Outside an open dialog nothing can be selected. */
  function copyOldWay(text) {
    const area = el("textarea", { class: "sr", readonly: true, "aria-hidden": "true" });
    area.value = text;
    const focused = document.activeElement;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { done = false; }
    area.remove();
    focused?.focus?.();
    return done;
  }

  function copyButton(text, what) {
    const button = el("button", { type: "button", class: "copy", "aria-label": `Copy ${what}` }, "Copy");
    let back = 0;
    button.addEventListener("click", async () => {
      const done = await copy(text());
      button.textContent = done ? "Copied" : "Select it";
      button.classList.toggle("done", done);
      announce(done ? `Copied ${what}` : `Could not copy ${what}; select it by hand`);
      clearTimeout(back);
      back = setTimeout(() => {
        button.textContent = "Copy";
        button.classList.remove("done");
      }, 2000);
    });
    return button;
  }

  /** A command with its button; what holds characters that do not show is not offered for copying. */
  function snippet(pre, what) {
    const text = pre.textContent;
    const frame = el("div", { class: "snippet" });
    pre.replaceWith(frame);
    frame.append(pre);
    if (text.includes(SPELT_OUT)) {
      frame.append(el("p", { class: "dim" }, "It holds characters that do not show, so write it by hand."));
    } else {
      frame.append(copyButton(() => text, what));
    }
    return frame;
  }

  function command(text, what) {
    const pre = el("pre", { class: "command", tabindex: "0", "aria-label": what }, el("code", {}, text));
    // A frame of its own, so that `snippet` has something to replace it in.
    const holder = el("div", {}, pre);
    snippet(pre, what);
    if (/\{[a-z][a-z0-9_.]*\}/.test(text)) {
      holder.append(el("p", { class: "dim" }, "What stands in braces is yours to fill in: the value could do harm on a command line."));
    }
    return holder;
  }

  // --- Data ----------------------------------------------------------------------------------------

  function bytes(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const out = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
    return out;
  }

  function unfold(script) {
    const stream = new Blob([bytes(script.textContent)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(stream).text();
  }

  let meta = null;
  /** The list's columns over all blocks. */
  const rows = {
    n: 0, ids: "", check: null, status: null, severity: null, account: null, region: null, kind: null,
    name: [], id: [], arn: [], summary: [], tags: [], hay: [],
  };
  let factScripts = [];
  const factBlocks = new Map();

  async function load() {
    meta = JSON.parse(await unfold(document.querySelector('script[data-block="meta"]')));
    factScripts = [...document.querySelectorAll('script[data-block="facts"]')];
    const blocks = await Promise.all([...document.querySelectorAll('script[data-block="rows"]')].map(unfold));
    const parsed = blocks.map((text) => JSON.parse(text));
    rows.n = parsed.reduce((sum, block) => sum + block.check.length, 0);
    rows.ids = parsed.map((block) => block.ids).join("");
    for (const column of ["check", "account", "kind"]) rows[column] = new Uint16Array(rows.n);
    for (const column of ["status", "severity", "region"]) rows[column] = new Uint8Array(rows.n);
    let start = 0;
    for (const block of parsed) {
      for (const column of ["check", "account", "kind", "region"]) rows[column].set(block[column], start);
      for (const column of ["status", "severity"]) {
        const digits = block[column];
        for (let at = 0; at < digits.length; at++) rows[column][start + at] = digits.charCodeAt(at) - 48;
      }
      for (const column of ["name", "id", "arn", "summary", "tags"]) {
        const texts = block.texts, target = rows[column];
        for (const at of block[column]) target.push(texts[at]);
      }
      start += block.check.length;
    }
    for (const check of meta.checks) Object.assign(check, { id: check[0], ...check[1] });
  }

  const idOf = (row) => rows.ids.slice(row * 32, row * 32 + 32);

  /** The row of a finding's id; -1 for one that is not in this report. */
  function rowOf(id) {
    for (let at = rows.ids.indexOf(id); at >= 0; at = rows.ids.indexOf(id, at + 1)) {
      if (at % 32 === 0) return at / 32;
    }
    return -1;
  }

  /** Puts back what data.rs cut out: name, id, ARN, region, account. */
  function full(text, row) {
    if (!text.includes("\u0001")) return text;
    return text.replace(/\u0001([0-4])/g, (_, slot) => SLOTS[slot](row));
  }
  const SLOTS = [
    (row) => rows.name[row],
    (row) => full(rows.id[row], row),
    (row) => full(rows.arn[row], row),
    (row) => meta.regions[rows.region[row]],
    (row) => meta.accounts[rows.account[row]].id,
  ];

  const accountName = (number) => meta.accounts[number].name || meta.accounts[number].id;
  const tagsOf = (row) => (rows.tags[row] ? rows.tags[row].split(MEMBER).map((tag) => tag.split(VALUE)) : []);

  function nameOf(row) {
    const id = SLOTS[1](row);
    if (id === "*") return `every ${meta.types[rows.kind[row]]}`;
    return rows.name[row].trim() || id.trim() || SLOTS[2](row).trim() || "(unnamed)";
  }

  /** What a search looks through, beside check, account, region and type, which are looked at once for all. */
  function hay(row) {
    return (rows.hay[row] ??= [
      rows.name[row], SLOTS[1](row), SLOTS[2](row), full(rows.summary[row], row),
      rows.tags[row].replaceAll(VALUE, "=").replaceAll(MEMBER, "\n"), idOf(row),
    ].join("\n").toLowerCase());
  }

  async function factsOf(row) {
    const number = Math.floor(row / meta.block);
    if (!factBlocks.has(number)) {
      if (factBlocks.size > 16) factBlocks.clear();
      factBlocks.set(number, JSON.parse(await unfold(factScripts[number])));
    }
    const block = factBlocks.get(number);
    const fact = block.findings[row % meta.block];
    return { ...JSON.parse(block.shared[fact.shared]), ...fact, evidence: evidenceOf(block, fact, row), texts: block.texts };
  }

  function evidenceOf(block, fact, row) {
    const evidence = [];
    for (let at = 0; at < fact.evidence.length; at += 3) {
      const [field, value, source] = fact.evidence.slice(at, at + 3).map((text) => block.texts[text]);
      evidence.push({ field, value: full(value, row), source: source ? source.split(MEMBER) : [] });
    }
    return evidence;
  }

  // --- Filters and search --------------------------------------------------------------------------

  const state = {
    query: "", group: "check", filters: new Map(), toggled: new Set(),
    /** Rows that match, in the report's order: the worst first. */
    matched: [], groups: [],
  };

  function readState(parameters) {
    state.query = parameters.get("q") ?? "";
    state.group = Object.hasOwn(GROUPS, parameters.get("group")) ? parameters.get("group") : "check";
    state.filters = new Map();
    for (const facet of [...Object.keys(FACETS), "check"]) {
      const values = (parameters.get(facet) ?? "").split(",").filter(Boolean);
      if (values.length) state.filters.set(facet, new Set(values));
    }
  }

  function writeState() {
    const parameters = new URLSearchParams();
    if (state.query) parameters.set("q", state.query);
    if (state.group !== "check") parameters.set("group", state.group);
    for (const [facet, values] of state.filters) parameters.set(facet, [...values].join(","));
    // Commas separate values and colons families: both may stand in a fragment as they are.
    const text = parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
    return text ? `?${text}` : "";
  }

  /** `a "b c"` as two terms, in lower case. */
  const termsOf = (query) =>
    [...query.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map((match) => match[1] ?? match[2]);

  /** The frameworks' members that a check belongs to, with those above them. */
  function frameworksOf(check) {
    return (check.frameworks ??= new Set([
      ...check.practices.map((id) => `practice:${id}`),
      ...check.owasp_serverless.map((id) => `owasp:${id}`),
      ...check.serverless_lens.map((id) => `lens:${id}`),
      ...check.well_architected.flatMap((id) => {
        const question = id.split("-")[0];
        return [`wa:${id}`, `wa:${question}`, `wa:${question.replace(/\d+$/, "")}`];
      }),
    ]));
  }

  const serviceOf = (kind) => meta.types[kind].split(".")[0];

  /** For each facet, what a row's value must be. */
  const FACET_TESTS = {
    severity: (row, allowed) => allowed[rows.severity[row]],
    status: (row, allowed) => allowed[rows.status[row]],
    account: (row, allowed) => allowed[rows.account[row]],
    region: (row, allowed) => allowed[rows.region[row]],
    service: (row, allowed) => allowed[rows.kind[row]],
    framework: (row, allowed) => allowed[rows.check[row]],
    check: (row, allowed) => allowed[rows.check[row]],
  };
  const ALLOWED = {
    severity: (values) => SEVERITIES.map((name) => values.has(name)),
    status: (values) => STATUSES.map((name) => values.has(name)),
    account: (values) => meta.accounts.map((account) => values.has(account.id)),
    region: (values) => meta.regions.map((name) => values.has(name)),
    service: (values) => meta.types.map((_, kind) => values.has(serviceOf(kind))),
    framework: (values) => meta.checks.map((check) => [...values].some((value) => frameworksOf(check).has(value))),
    check: (values) => meta.checks.map((check) => values.has(check.id)),
  };

  /** A test of a row by all filters but one. */
  function byFilters(except) {
    const tests = [...state.filters]
      .filter(([facet]) => facet !== except)
      .map(([facet, values]) => [FACET_TESTS[facet], ALLOWED[facet](values)]);
    return (row) => tests.every(([test, allowed]) => test(row, allowed));
  }

  /** For each term, which checks, accounts, regions and types hold it. */
  function termTables(terms) {
    const has = (term, ...texts) => texts.some((text) => text.toLowerCase().includes(term));
    return terms.map((term) => ({
      term,
      check: meta.checks.map((check) => has(term, check.id, check.title, ...frameworksOf(check))),
      account: meta.accounts.map((account) => has(term, account.id, account.name)),
      region: meta.regions.map((name) => has(term, name)),
      kind: meta.types.map((name) => has(term, name)),
    }));
  }

  const inTables = (table, row) =>
    table.check[rows.check[row]] || table.account[rows.account[row]] || table.region[rows.region[row]] ||
    table.kind[rows.kind[row]];

  /** A test of a row by the search, by what the list's columns hold. */
  function bySearch() {
    const tables = termTables(termsOf(state.query));
    return (row) => tables.every((table) => inTables(table, row) || hay(row).includes(table.term));
  }

  let searching = 0;

  /** Applies filters and search; then looks into the evidence too, which takes longer. */
  function apply() {
    const fits = byFilters(), found = bySearch();
    state.matched = [];
    for (let row = 0; row < rows.n; row++) if (fits(row) && found(row)) state.matched.push(row);
    show();
    const turn = ++searching;
    if (state.query.trim().length >= 3 && factScripts.length) {
      searchEvidence(turn, fits).catch(() => progress(""));
    } else {
      progress("");
    }
  }

  async function searchEvidence(turn, fits) {
    // Typing goes first.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const tables = termTables(termsOf(state.query));
    const known = new Set(state.matched);
    let more = false;
    let reported = performance.now();
    for (let number = 0; number < factScripts.length; number++) {
      if (turn !== searching) return;
      const start = number * meta.block, end = Math.min(start + meta.block, rows.n);
      const open = [];
      for (let row = start; row < end; row++) if (!known.has(row) && fits(row)) open.push(row);
      if (!open.length) continue;
      const text = await unfold(factScripts[number]);
      const found = inEvidence(text, open, tables);
      if (turn !== searching) return;
      for (const row of found) known.add(row);
      more ||= found.length > 0;
      if (performance.now() - reported > 400) {
        reported = performance.now();
        progress(`searching the evidence: ${Math.round((100 * number) / factScripts.length)} %`);
        await new Promise((resolve) => setTimeout(resolve));
      }
    }
    progress("");
    if (more && turn === searching) {
      state.matched = [...known].sort((a, b) => a - b);
      show();
    }
  }

  /** The rows of a block whose evidence has the terms that their columns lack. */
  function inEvidence(text, open, tables) {
    const lower = text.toLowerCase();
    // Escaped in JSON, a term is not found in the text as it stands.
    const odd = (term) => term.includes("\\") || term.includes('"');
    if (!tables.some(({ term }) => odd(term) || lower.includes(term))) return [];
    const block = JSON.parse(text);
    return open.filter((row) => {
      const evidence = evidenceOf(block, block.findings[row % meta.block], row)
        .map((fact) => `${fact.field} ${fact.value} ${fact.source.join(" ")}`).join("\n").toLowerCase();
      return tables.every((table) =>
        inTables(table, row) || hay(row).includes(table.term) || evidence.includes(table.term));
    });
  }

  // --- Groups --------------------------------------------------------------------------------------

  let resources = null;
  /** A number for each resource; what names it is read from thousands of rows, so once and when needed. */
  function resourceOf(row) {
    if (!resources) {
      const known = new Map();
      resources = new Uint32Array(rows.n);
      for (let at = 0; at < rows.n; at++) {
        const key = [rows.kind[at], rows.account[at], rows.region[at], SLOTS[2](at), SLOTS[1](at)].join("\n");
        if (!known.has(key)) known.set(key, known.size);
        resources[at] = known.get(key);
      }
    }
    return resources[row];
  }

  const GROUP_KEYS = {
    check: (row) => rows.check[row], resource: resourceOf, account: (row) => rows.account[row],
    region: (row) => rows.region[row], none: () => 0,
  };

  function group() {
    const groups = new Map();
    const keyOf = GROUP_KEYS[state.group];
    for (const row of state.matched) {
      const key = keyOf(row);
      let found = groups.get(key);
      if (!found) groups.set(key, (found = { key, rows: [], worst: 9, counts: [0, 0, 0, 0, 0] }));
      found.rows.push(row);
      found.counts[rows.status[row]]++;
      // What fails comes before what is unknown, and that before what is neither.
      const rank = rows.severity[row] + (rows.status[row] === 0 ? 0 : rows.status[row] === 1 ? 10 : 20);
      if (found.rows.length === 1 || rank < found.worst) found.worst = rank;
    }
    return [...groups.values()].sort((a, b) => a.worst - b.worst || b.rows.length - a.rows.length || a.rows[0] - b.rows[0]);
  }

  const isOpen = (found) =>
    (state.matched.length <= FEW || state.groups.length === 1) !== state.toggled.has(`${state.group} ${found.key}`);

  // --- The list: only what is on the screen has elements ---------------------------------------------

  let list = null, heights = { head: 56, row: 50 };
  /** What the list shows, one after the other: a group, or a row of it. */
  let items = [], tops = new Float64Array(1);
  const nodes = new Map();

  function show() {
    state.groups = group();
    const total = state.matched.length;
    // What is hidden has no place on the screen, so nothing of it is drawn.
    list.hidden = total === 0;
    flatten();
    const what = state.group === "none" || !total ? "" : `, ${groupCount(state.groups.length)}`;
    $("count").replaceChildren(el("b", {}, counted(total, "finding", "findings")), what);
    announce(`${counted(total, "finding", "findings")}${what}`);
    $("nothing").hidden = total > 0;
    $("spread").hidden = state.group === "none" || state.groups.length < 2;
    $("spread").textContent = state.groups.some(isOpen) ? "Close all groups" : "Open all groups";
    showFilters();
  }

  const groupCount = (n) => ({
    check: counted(n, "check", "checks"), resource: counted(n, "resource", "resources"),
    account: counted(n, "account", "accounts"), region: counted(n, "region", "regions"),
  })[state.group];

  function flatten() {
    items = [];
    for (const found of state.groups) {
      if (state.group !== "none") items.push({ found });
      if (state.group === "none" || isOpen(found)) for (const row of found.rows) items.push({ found, row });
    }
    tops = new Float64Array(items.length + 1);
    items.forEach((item, at) => {
      tops[at + 1] = tops[at] + (item.row === undefined ? heights.head : heights.row);
    });
    for (const node of nodes.values()) node.remove();
    nodes.clear();
    list.style.height = `${tops[items.length]}px`;
    draw();
  }

  /** The item at this distance from the list's top. */
  function itemAt(distance) {
    let low = 0, high = Math.max(0, items.length - 1);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= distance) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function draw() {
    if (!list || !list.offsetParent || !items.length) return;
    const above = -list.getBoundingClientRect().top;
    const margin = 600;
    const first = itemAt(above - margin), last = itemAt(above + innerHeight + margin);
    const wanted = new Set();
    for (let at = first; at <= last; at++) wanted.add(at);
    for (const [at, node] of nodes) {
      // What has the focus stays: taking it away would throw the reader back to the top.
      if (wanted.has(at) || node.contains(document.activeElement)) continue;
      node.remove();
      nodes.delete(at);
    }
    let next = list.firstElementChild;
    for (let at = first; at <= last; at++) {
      let node = nodes.get(at);
      if (!node) nodes.set(at, (node = draught(at)));
      while (next && Number(next.dataset.at) < at) next = next.nextElementSibling;
      if (next === node) next = next.nextElementSibling;
      else list.insertBefore(node, next);
    }
  }

  function draught(at) {
    const item = items[at];
    const head = item.row === undefined;
    const node = el("li", {
      class: head ? "head" : state.group === "none" ? "row" : "row below", "aria-setsize": items.length, "aria-posinset": at + 1, "data-at": at,
    }, head ? headOf(item.found) : linkOf(item.row));
    node.style.transform = `translateY(${tops[at]}px)`;
    return node;
  }

  function headOf(found) {
    const open = isOpen(found);
    const [name, sub] = groupName(found);
    return el("button", { type: "button", "aria-expanded": String(open), click: () => toggle(found) },
      el("span", { class: "caret", "aria-hidden": "true" }),
      severityMark(found.worst % 10, found.worst < 10),
      el("span", { class: "cell name", title: name }, bdi(marked(name)), sub && el("span", { class: "sub" }, bdi(marked(sub)))),
      el("span", { class: "n" }, countsOf(found)));
  }

  /** The name of a group, and what else there is to say of it. */
  function groupName(found) {
    const row = found.rows[0];
    return {
      check: () => [meta.checks[found.key].title, meta.checks[found.key].id],
      resource: () => [nameOf(row), `${meta.types[rows.kind[row]]} · ${accountName(rows.account[row])} · ${meta.regions[rows.region[row]]}`],
      account: () => [accountName(found.key), `${meta.accounts[found.key].id} · score ${meta.accounts[found.key].score}`],
      region: () => [meta.regions[found.key], ""],
    }[state.group]();
  }

  /** `12`, or in words where not all of them fail. */
  function countsOf(found) {
    const present = STATUS_NAMES.map((name, status) => [found.counts[status], name]).filter(([count]) => count);
    const [[count, name], ...rest] = present;
    return [number(count), el("small", {}, ` ${name}${rest.map(([n, other]) => `, ${number(n)} ${other}`).join("")}`)];
  }

  function linkOf(row) {
    const check = meta.checks[rows.check[row]];
    const summary = full(rows.summary[row], row) || check.title;
    const name = nameOf(row), region = meta.regions[rows.region[row]], account = accountName(rows.account[row]);
    const status = el("span", { class: "end" }, rows.status[row] === 0 ? el("span", { class: "sr" }, "fail") : statusMark(rows.status[row]));
    const cell = (text, kind) => el("span", { class: `cell ${kind}`, title: text }, bdi(marked(text)));
    const href = `#${idOf(row)}${writeState()}`;
    if (state.group === "check") {
      return el("a", { href }, cell(name, "name"), cell(summary, "sum dim"), cell(account, "dim opt"), cell(region, "dim opt"), status);
    }
    const [where, also] = state.group === "resource" ? [summary, region] : [name, state.group === "account" ? region : account];
    const tail = state.group === "resource" ? [cell(where, "sum dim"), cell(account, "dim opt"), cell(also, "dim opt")]
      : [cell(where, "sum"), cell(summary, "dim opt"), cell(also, "dim opt")];
    return el("a", { href, class: "titled" }, severityOf(row), cell(check.title, "name"), tail, status);
  }

  /** The text with what was searched for marked in it. */
  function marked(text) {
    const terms = termsOf(state.query);
    const lower = text.toLowerCase();
    if (!terms.length || lower.length !== text.length) return [text];
    const parts = [];
    let at = 0;
    while (at < text.length) {
      const hits = terms.map((term) => [lower.indexOf(term, at), term.length]).filter(([hit]) => hit >= 0);
      if (!hits.length) break;
      const [hit, length] = hits.reduce((a, b) => (b[0] < a[0] ? b : a));
      parts.push(text.slice(at, hit), el("mark", {}, text.slice(hit, hit + length)));
      at = hit + length;
    }
    return [...parts, text.slice(at)];
  }

  function toggle(found) {
    const key = `${state.group} ${found.key}`;
    if (!state.toggled.delete(key)) state.toggled.add(key);
    flatten();
    focusItem(items.findIndex((item) => item.found === found && item.row === undefined));
    $("spread").textContent = state.groups.some(isOpen) ? "Close all groups" : "Open all groups";
  }

  function spread() {
    const open = state.groups.some(isOpen);
    for (const found of state.groups) {
      if (isOpen(found) !== open) continue;
      const key = `${state.group} ${found.key}`;
      if (!state.toggled.delete(key)) state.toggled.add(key);
    }
    show();
  }

  function focusItem(at) {
    if (at < 0 || at >= items.length) return;
    const top = list.getBoundingClientRect().top + tops[at];
    const room = stickyHeight();
    if (top < room || top + heights.head > innerHeight) scrollBy(0, top - Math.max(room, innerHeight / 3));
    draw();
    nodes.get(at)?.firstElementChild.focus({ preventScroll: true });
  }

  const stickyHeight = () => 70 + (getComputedStyle($("tools")).position === "sticky" ? $("tools").offsetHeight : 0);

  function listKeys(event) {
    const node = event.target.closest("li");
    if (!node || event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(node.dataset.at), item = items[at];
    const head = item.row === undefined;
    const go = {
      ArrowDown: () => focusItem(at + 1), ArrowUp: () => focusItem(at - 1),
      Home: () => focusItem(0), End: () => focusItem(items.length - 1),
      ArrowRight: () => head && !isOpen(item.found) && toggle(item.found),
      ArrowLeft: () => (head ? isOpen(item.found) && toggle(item.found)
        : focusItem(items.findIndex((other) => other.found === item.found && other.row === undefined))),
    }[event.key];
    if (!go) return;
    event.preventDefault();
    go();
  }

  // --- Search box, filters, grouping ---------------------------------------------------------------

  function build() {
    list = el("ul", { class: "list panel", "aria-label": "Findings", keydown: listKeys });
    $("explorer").replaceChildren(
      el("div", { class: "tools", id: "tools", role: "search" },
        el("div", { class: "search" },
          el("input", {
            type: "search", id: "search", placeholder: "Search names, ARNs, tags, evidence, checks…", autocomplete: "off",
            spellcheck: "false", "aria-label": "Search the findings", "aria-controls": "list", input: typed,
          }),
          el("kbd", { "aria-hidden": "true" }, "/")),
        el("div", { class: "bar" },
          el("div", { class: "facets" }, Object.keys(FACETS).map(facetMenu)),
          el("fieldset", { class: "groups" }, el("legend", {}, "Group by"),
            Object.entries(GROUPS).map(([value, name]) => el("label", {},
              el("input", { type: "radio", name: "group", value, change: () => change(() => { state.group = value; }) }),
              el("span", {}, name))))),
        el("div", { class: "active", id: "active" })),
      el("p", { class: "count-line" }, el("span", {}, el("span", { id: "count" }), " ", el("span", { id: "progress", class: "dim" })),
        el("button", { type: "button", class: "linkish", id: "spread", click: spread }, "Open all groups")),
      list,
      el("div", { id: "nothing", class: "panel nothing", hidden: true }, el("b", {}, "No finding matches"),
        "Try fewer words or filters. Verdicts that this report does not list cannot be found in it."),
    );
    list.id = "list";
    measure();
    addEventListener("scroll", onFrame(draw), { passive: true });
    addEventListener("resize", onFrame(() => { measure(); flatten(); }));
    document.addEventListener("click", (event) => {
      for (const open of document.querySelectorAll(".facet[open]")) if (!open.contains(event.target)) open.open = false;
    });
  }

  function onFrame(work) {
    let waits = false;
    return () => {
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => { waits = false; work(); });
    };
  }

  function measure() {
    const style = getComputedStyle(root);
    heights = { head: parseFloat(style.getPropertyValue("--head")), row: parseFloat(style.getPropertyValue("--row")) };
  }

  function progress(text) {
    $("progress").textContent = text && `· ${text}`;
  }

  let typing = 0;
  function typed(event) {
    state.query = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(() => {
      go(`#findings${writeState()}`, true);
      apply();
    }, rows.n > 20000 ? 160 : 60);
  }

  /** Changes filters or grouping as one step that `back` undoes. */
  function change(how) {
    how();
    go(`#findings${writeState()}`, false);
    apply();
  }

  function facetMenu(facet) {
    const menu = el("div", { class: "menu", role: "group", "aria-label": FACETS[facet] });
    return el("details", {
      class: "facet", "data-facet": facet,
      toggle: (event) => event.target.open && fillMenu(facet, menu),
      keydown: (event) => {
        if (event.key !== "Escape" || !event.currentTarget.open) return;
        event.stopPropagation();
        event.currentTarget.open = false;
        event.currentTarget.querySelector("summary").focus();
      },
    }, el("summary", {}, FACETS[facet]), menu);
  }

  function fillMenu(facet, menu) {
    for (const other of document.querySelectorAll(".facet[open]")) if (other.dataset.facet !== facet) other.open = false;
    const choices = choicesOf(facet);
    const lines = [];
    let family = "";
    for (const choice of choices) {
      if (choice.family && choice.family !== family) {
        family = choice.family;
        lines.push(el("p", {}, family));
      }
      const box = el("input", { type: "checkbox", value: choice.value, change: (event) => choose(facet, choice.value, event.target.checked) });
      box.checked = state.filters.get(facet)?.has(choice.value) ?? false;
      lines.push(el("label", { "data-text": `${choice.label} ${choice.value}`.toLowerCase() }, box,
        el("span", { class: "label" }, bdi(choice.label)), el("span", { class: "n" }, number(choice.n))));
    }
    menu.replaceChildren(choices.length > MANY && el("input", {
      type: "search", class: "narrow", placeholder: "Narrow down…", "aria-label": `Narrow down ${FACETS[facet]}`,
      input: (event) => {
        const term = event.target.value.toLowerCase();
        for (const line of lines) line.hidden = line.localName === "p" ? Boolean(term) : !line.dataset.text.includes(term);
      },
    }) || "", ...lines);
    if (!choices.length) menu.replaceChildren(el("p", {}, "Nothing to choose from"));
  }

  function choose(facet, value, chosen) {
    change(() => {
      const values = state.filters.get(facet) ?? new Set();
      if (chosen) values.add(value);
      else values.delete(value);
      if (values.size) state.filters.set(facet, values);
      else state.filters.delete(facet);
    });
  }

  /** What a facet can be, with how many rows would show. */
  function choicesOf(facet) {
    const counts = new Map();
    const fits = byFilters(facet), found = bySearch();
    const valuesOf = {
      severity: (row) => [SEVERITIES[rows.severity[row]]], status: (row) => [STATUSES[rows.status[row]]],
      account: (row) => [meta.accounts[rows.account[row]].id], region: (row) => [meta.regions[rows.region[row]]],
      service: (row) => [serviceOf(rows.kind[row])], framework: (row) => frameworksOf(meta.checks[rows.check[row]]),
    }[facet];
    for (let row = 0; row < rows.n; row++) {
      if (!fits(row) || !found(row)) continue;
      for (const value of valuesOf(row)) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    for (const value of state.filters.get(facet) ?? []) if (!counts.has(value)) counts.set(value, 0);
    const choices = [...counts].map(([value, n]) => ({ value, n, label: labelOf(facet, value), family: (facet === "framework" && FAMILIES[value.split(":")[0]]) || "" }));
    const order = { severity: SEVERITIES, status: STATUSES }[facet];
    if (order) return choices.sort((a, b) => order.indexOf(a.value) - order.indexOf(b.value));
    if (facet !== "framework") return choices.sort((a, b) => b.n - a.n || (a.value < b.value ? -1 : 1));
    const families = Object.values(FAMILIES);
    return choices.sort((a, b) => families.indexOf(a.family) - families.indexOf(b.family) || a.value.localeCompare(b.value, "en", { numeric: true }));
  }

  function labelOf(facet, value) {
    if (facet === "status") return STATUS_NAMES[STATUSES.indexOf(value)] ?? value;
    if (facet === "account") {
      const account = meta.accounts.find((known) => known.id === value);
      return account?.name ? `${account.name} ${value}` : value;
    }
    if (facet === "framework") {
      const id = value.slice(value.indexOf(":") + 1);
      const title = meta.titles[value];
      return title ? `${id} ${title}` : id;
    }
    if (facet === "check") return meta.checks.find((check) => check.id === value)?.title ?? value;
    return value;
  }

  function showFilters() {
    const search = $("search");
    if (search.value !== state.query) search.value = state.query;
    for (const radio of document.querySelectorAll(".groups input")) radio.checked = radio.value === state.group;
    for (const facet of document.querySelectorAll(".facet")) {
      const n = state.filters.get(facet.dataset.facet)?.size ?? 0;
      facet.classList.toggle("on", n > 0);
      facet.querySelector("summary").textContent = n ? `${FACETS[facet.dataset.facet]}: ${n}` : FACETS[facet.dataset.facet];
    }
    const chips = [...state.filters].flatMap(([facet, values]) => [...values].map((value) => {
      const label = labelOf(facet, value);
      return el("button", { type: "button", class: "chip", "aria-label": `Remove filter ${label}`, click: () => choose(facet, value, false) }, bdi(label));
    }));
    if (chips.length) {
      chips.push(el("button", { type: "button", class: "linkish", click: () => change(() => { state.filters.clear(); state.query = ""; }) }, "Clear all"));
    }
    $("active").replaceChildren(...chips);
    $("active").hidden = !chips.length;
  }

  // --- One finding ---------------------------------------------------------------------------------

  const sheet = el("dialog", { class: "sheet", "aria-labelledby": "sheet-title" });
  let opened = { row: -1, here: false, left: false };

  function openSheet(id, here) {
    const row = rowOf(id);
    // A step to the next finding keeps what the first one knew of the way back.
    opened = { row, here: sheet.open ? opened.here : here, left: false };
    fillSheet(id, row);
    root.classList.add("sheet-open");
    if (!sheet.open) sheet.showModal();
    sheet.querySelector(".body").scrollTop = 0;
    $("sheet-title").focus();
  }

  /** Goes back to where the sheet was opened from: once, however many events say that it closes. */
  function closeSheet() {
    if (opened.left) return;
    opened.left = true;
    if (opened.here) history.back();
    else go(`#findings${writeState()}`, false, true);
  }

  function shutSheet() {
    if (!root.classList.contains("sheet-open")) return;
    root.classList.remove("sheet-open");
    sheet.close();
    const at = items.findIndex((item) => item.row === opened.row);
    if (root.dataset.view === "findings" && at >= 0) focusItem(at);
  }

  function step(by) {
    const order = items.filter((item) => item.row !== undefined).map((item) => item.row);
    const rowsInOrder = order.includes(opened.row) ? order : state.groups.flatMap((found) => found.rows);
    const at = rowsInOrder.indexOf(opened.row);
    return { at, n: rowsInOrder.length, target: at < 0 ? undefined : rowsInOrder[at + by] };
  }

  function fillSheet(id, row) {
    const { at, n } = step(0);
    const mover = (by, text) => {
      const { target } = step(by);
      return el("button", {
        type: "button", class: "quiet", disabled: target === undefined,
        click: () => go(`#${idOf(target)}${writeState()}`, true, true),
      }, text);
    };
    const grip = el("div", { class: "grip" },
      el("span", { class: "where" }, at < 0 ? "" : `${number(at + 1)} of ${number(n)}`),
      mover(-1, "Previous"), mover(1, "Next"),
      el("button", { type: "button", class: "quiet", click: closeSheet }, "Close"));
    const body = el("div", { class: "body" });
    sheet.replaceChildren(grip, body);
    if (row < 0) {
      body.append(el("h2", { id: "sheet-title", tabindex: "-1" }, "No such finding"),
        el("p", {}, "This report has no finding with the id ", el("code", {}, id),
          ". It may be mended, or of a status that the report does not list."));
      return;
    }
    body.append(...headOfSheet(row));
    const place = el("div", {}, el("p", { class: "dim" }, "…"));
    body.append(place);
    factsOf(row).then((facts) => opened.row === row && place.replaceChildren(...detailsOf(row, facts)))
      .catch(() => place.replaceChildren(el("p", { class: "note warn" }, "The details of this finding could not be unfolded: the file is damaged.")));
  }

  const copyable = (text, what) =>
    el("span", { class: "copyable" }, bdi(text), !text.includes(SPELT_OUT) && copyButton(() => text, what));

  function headOfSheet(row) {
    const check = meta.checks[rows.check[row]];
    const arn = SLOTS[2](row), id = SLOTS[1](row), account = meta.accounts[rows.account[row]];
    const summary = full(rows.summary[row], row);
    const facts = [
      ["Resource", bdi(nameOf(row))], ["Type", bdi(meta.types[rows.kind[row]])],
      id !== "*" && id !== rows.name[row] && id && id !== arn && ["Id", copyable(id, "id")],
      arn !== "*" && arn && ["ARN", copyable(arn, "ARN")],
      ["Account", [bdi(accountName(rows.account[row])), account.name ? ` ${account.id}` : ""]],
      ["Region", meta.regions[rows.region[row]]],
      rows.tags[row] && ["Tags", el("span", { class: "chips" }, tagsOf(row).map(([key, value]) => el("code", {}, bdi(key), " = ", bdi(value ?? ""))))],
      ["Check", [el("code", {}, check.id), " ", el("a", { href: `#findings?check=${check.id}` }, "all findings of it")]],
      ["Finding", copyable(idOf(row), "finding id")],
    ].filter(Boolean);
    return [
      el("p", { class: "marks" }, severityOf(row), statusMark(rows.status[row])),
      el("h2", { id: "sheet-title", tabindex: "-1" }, bdi(check.title)),
      summary && el("p", { class: "message" }, bdi(summary)),
      el("dl", { class: "facts" }, facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    ].filter(Boolean);
  }

  function detailsOf(row, facts) {
    const texts = facts.texts;
    const parts = [];
    const more = [`${facts.confidence} confidence`];
    if (facts.first_seen !== undefined) more.push(`first seen ${texts[facts.first_seen]}`);
    sheet.querySelector(".marks").append(more.join(" · "));
    if (facts.waiver) parts.push(waiverOf(facts.waiver));
    if (facts.gaps?.length) parts.push(...gapsOf(facts.gaps));
    if (facts.evidence.length) parts.push(el("h3", {}, "What it rests on"), evidenceTable(facts.evidence));
    if (facts.risk) parts.push(el("h3", {}, "Why it matters"), el("p", {}, bdi(full(facts.risk, row))));
    parts.push(...fixOf(row, facts));
    parts.push(...frameworksList(facts));
    if (facts.references.length) {
      parts.push(el("h3", {}, "References"), el("ul", { class: "refs" }, facts.references.map((url) => el("li", {}, link(full(url, row))))));
    }
    return parts;
  }

  const waiverOf = (waiver) => el("p", { class: "note" }, el("b", {}, `Waived until ${waiver.expires}`),
    waiver.owner && [" by ", bdi(waiver.owner)], ": ", bdi(waiver.reason), waiver.ticket && [" (", bdi(waiver.ticket), ")"]);

  function gapsOf(gaps) {
    const actions = [...new Set(gaps.filter((gap) => gap.reason === "access denied").map((gap) => gap.iam_action).filter(Boolean))];
    return [
      el("h3", {}, "What could not be read"),
      el("ul", {}, gaps.map((gap) => el("li", {}, el("code", {}, bdi(gap.operation || gap.iam_action)), ` ${gap.reason}`, gap.code && [" ", el("span", { class: "dim" }, bdi(gap.code))]))),
      actions.length > 0 && [el("p", { class: "dim" }, "Grant to the scanning role:"), command(actions.join("\n"), "IAM actions to grant")],
    ].flat().filter(Boolean);
  }

  const evidenceTable = (evidence) => el("div", { class: "panel scroll" },
    el("table", { class: "evidence" },
      el("thead", { class: "sr" }, el("tr", {}, el("th", { scope: "col" }, "Fact"), el("th", { scope: "col" }, "Value"))),
      el("tbody", {}, evidence.map((fact) => el("tr", {},
        el("th", { scope: "row" }, bdi(fact.field === "summary" ? "in short" : fact.field.replace(/^resource\./, "")),
          fact.source.length > 0 && el("small", {}, fact.source.map((name, at) => [at ? ", " : "", bdi(name)]))),
        el("td", {}, bdi(fact.value)))))));

  function fixOf(row, facts) {
    const parts = [];
    if (facts.cli) parts.push(el("p", { class: "kind" }, "AWS CLI"), command(full(facts.cli, row), "command"));
    if (facts.terraform) parts.push(el("p", { class: "kind" }, "Terraform"), command(full(facts.terraform, row), "Terraform snippet"));
    if (facts.console) parts.push(el("p", { class: "kind" }, "Console"), el("p", {}, bdi(full(facts.console, row))));
    return parts.length ? [el("h3", {}, "How to mend it"), ...parts] : [];
  }

  function frameworksList(facts) {
    const chip = (value) => el("a", { class: "chip", href: `#findings?framework=${encodeURIComponent(value)}` }, bdi(labelOf("framework", value)));
    const families = [["wa", facts.well_architected], ["owasp", facts.owasp_serverless], ["lens", facts.serverless_lens], ["practice", facts.practices]]
      .filter(([, ids]) => ids.length);
    if (!families.length) return [];
    return [el("h3", {}, "Keyed to"), ...families.map(([family, ids]) =>
      el("div", {}, el("p", { class: "kind" }, FAMILIES[family]), el("p", { class: "chips" }, ids.map((id) => chip(`${family}:${id}`)))))];
  }

  /** An address is a link only where it leads to the web. */
  function link(address) {
    let url = null;
    try { url = new URL(address); } catch { url = null; }
    if (!url || !["https:", "http:"].includes(url.protocol)) return bdi(address);
    return el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, bdi(address));
  }

  // --- Addresses -----------------------------------------------------------------------------------

  let address = location.hash;

  /** Goes to an address: as a new step of the history, or in place of the present one. */
  function go(hash, replace, routes) {
    address = hash;
    try {
      history[replace ? "replaceState" : "pushState"](null, "", hash);
    } catch {
      // A frame without an address of its own: only this page knows where it is.
    }
    if (routes) route();
  }

  function parse(hash) {
    const [target, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
    let name = target;
    try { name = decodeURIComponent(target); } catch { name = target; }
    return { target: name || "overview", parameters: new URLSearchParams(query) };
  }

  let booted = false;

  function route() {
    const { target, parameters } = parse(address);
    const finding = /^[0-9a-f]{32}$/.test(target);
    if (finding) {
      if (!booted || [...parameters].length) restate(parameters);
      if (!booted) view("findings");
      return openSheet(target, booted);
    }
    if (VIEWS.includes(target)) {
      view(target);
      if (target === "findings") restate(parameters);
      return shutSheet();
    }
    shutSheet();
    const place = $(target);
    const section = place?.closest(".view");
    if (section) {
      view(section.id);
      place.scrollIntoView();
    }
  }

  /** Takes the filters from an address, where they differ. */
  function restate(parameters) {
    const before = writeState();
    readState(parameters);
    if (before !== writeState() || !booted) apply();
    else draw();
  }

  function view(name) {
    const changed = root.dataset.view !== name;
    root.dataset.view = name;
    for (const anchor of document.querySelectorAll("nav a")) {
      if (anchor.hash === `#${name}`) anchor.setAttribute("aria-current", "page");
      else anchor.removeAttribute("aria-current");
    }
    if (!changed) return;
    draw();
    if (!booted) return;
    scrollTo(0, 0);
    const heading = $(name).querySelector("h1, h2");
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }

  // --- Colours, printing, keys ---------------------------------------------------------------------

  function theme() {
    const dark = $("dark"), button = $("theme");
    const system = matchMedia("(prefers-color-scheme: dark)");
    const isDark = () => (dark.media === "screen" ? true : dark.media === "not all" ? false : system.matches);
    const tell = () => {
      button.setAttribute("aria-pressed", String(isDark()));
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", "Dark mode");
    };
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      dark.media = next === "dark" ? "screen" : "not all";
      try { localStorage.setItem("posture-theme", next); } catch { /* kept for this visit */ }
      tell();
    });
    system.addEventListener("change", tell);
    button.hidden = false;
    tell();
  }

  /** A list of which only the visible part exists cannot be printed: a table takes its place. */
  function printable() {
    document.querySelector(".printed")?.remove();
    if (!list) return;
    let left = PRINTED;
    const bodies = [];
    for (const found of state.groups) {
      if (left <= 0) break;
      const shown = found.rows.slice(0, left);
      left -= shown.length;
      bodies.push(el("tbody", {}, state.group !== "none" && printedHead(found), shown.map(printedRow)));
    }
    const cut = state.matched.length > PRINTED;
    list.after(el("table", { class: "printed" },
      el("caption", {}, cut ? `The first ${number(PRINTED)} of ${number(state.matched.length)} findings` : ""),
      el("thead", {}, el("tr", {}, ["Finding", "Where", "Facts"].map((name) => el("th", { scope: "col" }, name)))), bodies));
  }

  const printedHead = (found) => el("tr", { class: "group" }, el("th", { colspan: 3, scope: "rowgroup" },
    severityMark(found.worst % 10, found.worst < 10), " ", bdi(groupName(found)[0]), " ", el("span", { class: "dim" }, countsOf(found))));

  const printedRow = (row) => el("tr", {},
    el("td", {}, state.group === "check" ? [] : [severityOf(row), " ", bdi(meta.checks[rows.check[row]].title), " "], bdi(nameOf(row))),
    el("td", {}, bdi(accountName(rows.account[row])), " ", meta.regions[rows.region[row]]),
    el("td", {}, el("div", { class: "clamp" }, rows.status[row] === 0 ? [] : `${STATUS_NAMES[rows.status[row]]}: `, bdi(full(rows.summary[row], row)))));

  function keys(event) {
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key !== "/" || typing || sheet.open || event.ctrlKey || event.metaKey || !list) return;
    event.preventDefault();
    if (root.dataset.view !== "findings") go(`#findings${writeState()}`, false, true);
    $("search").focus();
  }

  // --- Start ---------------------------------------------------------------------------------------

  async function start() {
    theme();
    for (const pre of document.querySelectorAll("pre.command")) snippet(pre, pre.getAttribute("aria-label").toLowerCase());
    // The present is at the right.
    for (const trend of document.querySelectorAll(".trend")) trend.scrollLeft = trend.scrollWidth;
    document.body.append(sheet);
    sheet.addEventListener("cancel", (event) => { event.preventDefault(); closeSheet(); });
    // A browser may close a dialog whatever the page says. The event comes late: the sheet may be open again.
    sheet.addEventListener("close", () => !sheet.open && root.classList.contains("sheet-open") && closeSheet());
    sheet.addEventListener("click", (event) => event.target === sheet && closeSheet());
    addEventListener("beforeprint", printable);
    addEventListener("afterprint", () => document.querySelector(".printed")?.remove());
    document.addEventListener("keydown", keys);
    const first = parse(address).target;
    view(VIEWS.includes(first) ? first : /^[0-9a-f]{32}$/.test(first) ? "findings" : $(first)?.closest(".view")?.id ?? "overview");
    $("loading").hidden = false;
    try {
      await load();
    } catch {
      $("loading").textContent = "The findings could not be unfolded. This needs a browser of 2023 or later (DecompressionStream); below are the checks that fail.";
      $("loading").classList.add("warn");
      addEventListener("hashchange", () => {
        const { target } = parse(location.hash);
        if (VIEWS.includes(target)) view(target);
      });
      return;
    }
    build();
    // Some steps raise both events, some only one.
    const moved = () => {
      if (location.hash === address) return;
      address = location.hash;
      route();
    };
    addEventListener("hashchange", moved);
    addEventListener("popstate", moved);
    address = location.hash;
    readState(new URLSearchParams());
    if (!/^#?(findings|[0-9a-f]{32})/.test(address)) apply();
    route();
    booted = true;
    root.dataset.ready = "true";
    warm(0);
  }

  /** Makes what a search reads, a little at a time, so that the first search is as fast as the next. */
  function warm(from) {
    const end = Math.min(from + 2000, rows.n);
    for (let row = from; row < end; row++) hay(row);
    if (end < rows.n) setTimeout(() => warm(end), 30);
  }

  start();
})();
