const $ = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const quick = 1000, slow = 5000;

let picked = parseInt(new URLSearchParams(location.search).get("deal"), 10) || 0;
let dragged = 0; // the deal under the pointer; the board stands still meanwhile

// Polling: one request at a time, the next one after the answer; none while nobody looks.
let timer = 0, inFlight = null, failures = 0;

async function poll() {
  clearTimeout(timer);
  inFlight?.abort();
  if (document.hidden) return;
  const mine = (inFlight = new AbortController());
  try {
    const answer = await fetch("board.json" + (picked ? "?deal=" + picked : ""), { signal: mine.signal });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    failures = 0;
    say("");
  } catch (problem) {
    if (mine.signal.aborted) return;
    failures++;
    say("No answer from the demo; trying again");
  }
  timer = setTimeout(poll, failures ? slow : quick);
}

document.addEventListener("visibilitychange", poll);

// Everything from the accounts goes into the page as text, never as markup.
function text(id, value) {
  const node = $(id);
  if (node.textContent !== value) node.textContent = value;
}

function element(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== undefined && content !== null) node.textContent = content;
  return node;
}

let refused = "";
function say(problem) {
  $("state").dataset.state = problem || refused ? "lost" : "";
  text("state", problem || refused);
}

function show(view) {
  if (!dragged) showBoard(view);
  showPicked(view.picked);
  showEvents(view.events, view.total);
}

let boardOf = "";
function showBoard(view) {
  const key = JSON.stringify([view.pipeline, view.stages, picked]);
  if (key === boardOf) return;
  boardOf = key;
  const focused = document.activeElement?.dataset?.deal;
  text("board-name", view.pipeline ? `Pipedrive: ${view.pipeline}` : "Pipedrive");
  $("board").replaceChildren(...view.stages.map(stage));
  if (focused) document.querySelector(`.card[data-deal="${focused}"]`)?.focus();
}

function stage(s) {
  const column = element("div", "stage");
  column.dataset.stage = s.id;
  const name = element("h3", "", s.name);
  name.append(element("span", "", s.deals.length));
  const cards = element("ul", "cards");
  cards.append(...s.deals.map(card));
  column.append(name, cards);
  return column;
}

function card(d) {
  const node = element("li", d.id === picked ? "card picked" : "card");
  node.dataset.deal = d.id;
  node.draggable = true;
  node.tabIndex = 0;
  const title = element("b", "", d.title || "(no title)");
  title.dir = "auto";
  const person = element("span", "", d.person || "no person");
  person.dir = "auto";
  node.append(title, person, element("span", "", `${count.format(d.value ?? 0)} ${d.currency ?? ""}`));
  return node;
}

let contactOf = "";
function showPicked(p) {
  $("picked-nobody").hidden = Boolean(p);
  $("picked-somebody").hidden = !p;
  if (!p) return;
  text("picked-name", p.person || `Deal ${p.deal}`);
  text("picked-email", p.contact?.email ?? "");
  text("picked-why", p.contact ? "" : p.why ? `Not in Brevo: ${p.why}` : "Not in Brevo yet");
  const lists = p.contact?.lists ?? [];
  const key = JSON.stringify([p.deal, lists]);
  if (key === contactOf) return;
  const same = contactOf && JSON.parse(contactOf)[0] === p.deal ? JSON.parse(contactOf)[1] : lists;
  contactOf = key;
  $("picked-lists").replaceChildren(...lists.map((l) => element("span", same.includes(l) ? "" : "fresh", l)));
}

// Events are kept by number: those that come while the page is open light up.
const events = new Map();
let newest = -1;
function showEvents(list, total) {
  $("no-events").hidden = list.length > 0;
  text("events-name", total > list.length ? `Newest of ${count.format(total)} events` : "Newest events");
  const nodes = list.map((e) => {
    const known = events.get(e.number);
    const node = known ?? event(e, newest >= 0 && e.number > newest);
    node.classList.toggle("picked", e.picked);
    events.set(e.number, node);
    return node;
  });
  newest = Math.max(newest, total);
  for (const number of events.keys()) if (!list.some((e) => e.number === number)) events.delete(number);
  const shown = $("events").children;
  if (nodes.length !== shown.length || nodes.some((n, i) => n !== shown[i])) $("events").replaceChildren(...nodes);
}

function event(e, isFresh) {
  const node = element("li", isFresh ? "fresh" : "");
  node.dataset.event = e.number;
  const when = element("time", "", clock.format(e.date));
  when.dateTime = new Date(e.date).toISOString();
  node.append(when, element("b", "", e.name), element("span", "", e.whose), element("span", "properties", e.properties));
  return node;
}

// What the visitor does.
function pick(deal) {
  picked = deal;
  history.replaceState(null, "", "?deal=" + deal);
}

async function move(deal, to) {
  const node = document.querySelector(`.card[data-deal="${deal}"]`);
  const column = document.querySelector(`.stage[data-stage="${to}"] .cards`);
  pick(deal);
  boardOf = "";
  if (!node || !column || column.contains(node)) return poll();
  column.prepend(node); // at once; the next poll shows what Pipedrive made of it
  const answer = await fetch("move.json", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ deal, stage: to }),
  }).catch(() => null);
  refused = answer?.ok ? "" : `The deal was not moved: ${answer ? await answer.text() : "no answer"}`;
  poll();
}

const over = (column) => document.querySelectorAll(".stage").forEach((s) => s.classList.toggle("over", s === column));

$("board").addEventListener("dragstart", (e) => {
  const node = e.target.closest(".card");
  if (!node) return;
  dragged = Number(node.dataset.deal);
  e.dataTransfer.effectAllowed = "move";
  e.dataTransfer.setData("text/plain", String(dragged));
  node.classList.add("dragged");
});
$("board").addEventListener("dragover", (e) => {
  const column = dragged ? e.target.closest(".stage") : null;
  over(column);
  if (!column) return;
  e.preventDefault();
  e.dataTransfer.dropEffect = "move";
});
$("board").addEventListener("drop", (e) => {
  const column = e.target.closest(".stage");
  const deal = dragged;
  dragged = 0;
  if (!column || !deal) return;
  e.preventDefault();
  over(null);
  move(deal, Number(column.dataset.stage));
});
document.addEventListener("dragend", () => {
  dragged = 0;
  over(null);
  document.querySelector(".dragged")?.classList.remove("dragged");
});

$("board").addEventListener("click", (e) => {
  const node = e.target.closest(".card");
  if (!node) return;
  pick(Number(node.dataset.deal));
  poll();
});
$("board").addEventListener("keydown", (e) => {
  const node = e.target.closest(".card");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
  if (!node || (!step && e.key !== "Enter")) return;
  e.preventDefault();
  const columns = [...document.querySelectorAll(".stage")];
  const to = columns[columns.indexOf(node.closest(".stage")) + (step ?? 0)];
  if (to) move(Number(node.dataset.deal), Number(to.dataset.stage)).then(() => node.isConnected && node.focus());
});

poll();
