import { element } from "./poll.js";
import { open } from "./records.js";

const $ = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
const words = { starting: "Starting", running: "Running", done: "Done", failed: "Failed" };
const quick = 1000, slow = 5000;

// What is asked for. It is kept in the address so that a reload, or a link, shows the same.
const asked = new URLSearchParams(location.search);
const options = [...document.getElementsByName("show")];
const query = {
  q: asked.get("q") ?? "",
  show: options.find((o) => o.value === asked.get("show"))?.value ?? "all",
  page: Math.max(1, parseInt(asked.get("page"), 10) || 1),
};

function parameters() {
  const p = new URLSearchParams();
  if (query.q) p.set("q", query.q);
  if (query.show !== "all") p.set("show", query.show);
  if (query.page > 1) p.set("page", query.page);
  return p.toString();
}

// Polling: one request at a time, the next one after the answer; none while nobody looks.
let timer = 0, inFlight = null, wait = quick, failures = 0;

async function poll() {
  clearTimeout(timer);
  inFlight?.abort();
  if (document.hidden) return;
  const mine = (inFlight = new AbortController());
  try {
    const answer = await fetch("state.json?" + parameters(), { signal: mine.signal });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    failures = 0;
  } catch (problem) {
    if (mine.signal.aborted) return;
    failures++;
    $("state").dataset.state = "lost";
    text("state", "No answer from the demo; trying again");
  }
  timer = setTimeout(poll, failures ? slow : wait);
}

document.addEventListener("visibilitychange", poll);

// Everything from the accounts goes into the page as text, never as markup.
function text(id, value) {
  const node = $(id);
  if (node.textContent !== value) node.textContent = value;
}

const many = (n, one, more = one + "s") => `${count.format(n)} ${n === 1 ? one : more}`;

function show(state) {
  showProgress(state.progress, state.pipedrive.persons);
  showVendors(state.pipedrive, state.brevo);
  showRows(state.rows, state.progress.state, state.pipedrive.persons);
  wait = state.progress.state === "done" || state.progress.state === "failed" ? slow : quick;
}

function showProgress(p, persons) {
  $("state").dataset.state = p.state;
  text("state", words[p.state] ?? p.state);
  const seconds = p.elapsed / 1e9;
  const pace = [];
  if (seconds > 0) pace.push(seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`);
  if (p.per_second > 0) pace.push(`${count.format(Math.round(p.per_second))} a second`);
  text("pace", pace.join(", "));
  $("verdict").hidden = !p.verdict;
  text("verdict", p.verdict);

  const skipped = total(p.skipped), refused = total(p.refused);
  text("read", count.format(p.read));
  text("delivered", count.format(p.delivered));
  text("without-phone", p.without_phone ? `${count.format(p.without_phone)} without a phone` : "");
  text("skipped", count.format(skipped));
  text("refused", count.format(refused));
  reasons("skipped-reasons", p.skipped);
  reasons("refused-reasons", p.refused);

  // Persons that change during the run are settled more than once.
  const all = Math.max(persons, p.delivered + skipped + refused, 1);
  $("bar").setAttribute("aria-valuemax", all);
  $("bar").setAttribute("aria-valuenow", p.delivered + skipped + refused);
  $("bar-delivered").style.width = `${(100 * p.delivered) / all}%`;
  $("bar-rest").style.width = `${(100 * (skipped + refused)) / all}%`;
}

const total = (list) => (list ?? []).reduce((sum, r) => sum + r.count, 0);

function reasons(id, list) {
  const key = JSON.stringify(list ?? []);
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...(list ?? []).map((r) => {
    const item = element("li");
    item.append(element("b", "", count.format(r.count)), r.text);
    return item;
  }));
}

function showVendors(pipedrive, brevo) {
  facts("pipedrive-facts", [
    [many(pipedrive.persons, "person")],
    [many(pipedrive.calls, "call")],
    [many(pipedrive.tokens, "token") + " spent"],
    [`at most ${many(pipedrive.max_burst, "call")} in any 2\u00a0s`],
    limits(pipedrive.over),
  ]);
  facts("brevo-facts", [
    [many(brevo.contacts, "contact")],
    [many(brevo.calls, "call")],
    limits(brevo.over),
    brevo.resubscribed ? [`${many(brevo.resubscribed, "opt-out")} undone`, "broken"] : ["no opt-out undone", "kept"],
  ]);
}

const limits = (over) => (over ? [`${many(over, "call")} refused for a limit`, "broken"] : ["limits never exceeded", "kept"]);

function facts(id, list) {
  const key = JSON.stringify(list);
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...list.map(([content, kind]) => element("span", kind, content)));
}

// Rows are kept by person: a poll touches only those that changed, and only those light up.
const rows = new Map();
let rowsOf = null;

function showRows(page, state, persons) {
  const asked = `${query.q}\n${query.show}\n${page.page}`;
  if (asked !== rowsOf) rows.clear();
  const isNewView = asked !== rowsOf;
  rowsOf = asked;

  const nodes = page.items.map((item) => {
    const key = JSON.stringify(item);
    const known = rows.get(item.id);
    if (known?.key === key) return known.node;
    const contact = JSON.stringify(item.contact);
    const node = row(item, !isNewView && known !== undefined && item.contact !== null && known.contact !== contact);
    if (known?.node.contains(document.activeElement)) queueMicrotask(() => node.querySelector("button").focus());
    rows.set(item.id, { key, contact, node });
    return node;
  });
  const body = $("rows");
  if (nodes.length !== body.children.length || nodes.some((n, i) => n !== body.children[i])) body.replaceChildren(...nodes);

  query.page = page.page;
  const last = page.first + page.items.length - 1;
  const found = page.matches === page.known ? "" : " found";
  const soFar = page.known < persons ? " so far" : "";
  text("range", page.first ? `${count.format(page.first)}\u2013${count.format(last)} of ${count.format(page.matches)}${found}${soFar}` : "");
  $("previous").disabled = page.page <= 1;
  $("next").disabled = page.page >= page.pages;
  $("none").hidden = page.items.length > 0;
  text("none", nothing(state));
}

function nothing(state) {
  if (query.q) return "Nobody matches this search.";
  if (query.show === "opted-out") return state === "done" ? "Nobody has opted out." : "No contact of a person is on the blocklist yet.";
  if (query.show === "missing") return "Every person is in Brevo.";
  return "No persons yet.";
}

function row(item, isFresh) {
  const tr = document.createElement("tr");
  tr.dataset.id = item.id;
  const name = element("button", "name");
  name.type = "button";
  name.setAttribute("aria-haspopup", "dialog");
  name.append(clamp(item.name || "(no name)"));
  const person = element("th");
  person.scope = "row";
  person.append(name);
  if (item.odd?.length) person.append(element("div", "odd", item.odd.join("; ")));
  tr.append(element("td", "id", item.id), person, reach(item.email, item.phone), deals("won", item.won), deals("open", item.open));
  tr.append(...contactCells(item));
  if (isFresh) tr.querySelectorAll(".edge, .edge ~ td").forEach((cell) => cell.classList.add("fresh"));
  return tr;
}

function contactCells(item) {
  const c = item.contact;
  if (!c) {
    const empty = element("td", item.why ? "edge why" : "edge waiting", item.why || "waiting");
    empty.colSpan = 5;
    return [empty];
  }
  const name = element("td", "edge");
  name.append(clamp(c.name ?? ""));
  if (c.opted_out) name.append(element("span", "badge", "opted out \u2013 kept"));
  const lists = element("td", "lists");
  lists.append(...(c.lists ?? []).map((l) => element("span", "", l)));
  return [name, reach(c.email, c.phone), deals("won", c.won), deals("open", c.open), lists];
}

function clamp(content) {
  const node = element("span", "clamp", content);
  node.dir = "auto";
  node.title = content;
  return node;
}

function reach(email, phone) {
  const cell = element("td", "reach");
  const [local, ...domain] = (email ?? "").split("@");
  const address = element("div");
  if (domain.length) address.append(element("span", "part", local + "@"), element("span", "part", domain.join("@")));
  else address.append(local);
  cell.append(address, element("div", "second", phone));
  return cell;
}

function deals(label, n) {
  const cell = element("td", n ? "count" : "count zero", n ?? "");
  if (n !== null && n !== undefined) cell.dataset.label = label;
  return cell;
}

// What the visitor does.
function ask(change) {
  Object.assign(query, { page: 1 }, change);
  const p = parameters();
  history.replaceState(null, "", p ? "?" + p : location.pathname);
  poll();
}

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => ask({ q: $("search").value.trim() }), 150);
});
$("show").addEventListener("change", (event) => ask({ show: event.target.value }));
for (const [id, step] of [["previous", -1], ["next", 1]]) {
  $(id).addEventListener("click", () => {
    ask({ page: query.page + step });
    const top = document.querySelector(".tools").offsetTop;
    if (scrollY > top) scrollTo(0, top);
  });
}

document.addEventListener("keydown", (event) => {
  const free = !event.ctrlKey && !event.metaKey && !event.altKey && !$("records").open;
  if (event.key === "/" && free && document.activeElement !== $("search")) {
    event.preventDefault();
    $("search").focus();
  }
});

$("rows").addEventListener("click", (event) => {
  const tr = event.target.closest("tr");
  if (tr && getSelection().isCollapsed) open(tr.dataset.id);
});

$("search").value = query.q;
for (const option of options) option.checked = option.value === query.show;
poll();
