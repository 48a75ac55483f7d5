import { element } from "./poll.js";

const $ = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en");
const time = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const amount = (value, currency) => (value === null || value === undefined ? "" : `${count.format(value)} ${currency ?? ""}`.trim());

// open shows one person on both sides: the organization beside the company, deals beside what is computed
// from them, and so on. Everything goes into the page as text, never as markup.
export async function open(id) {
  const answer = await fetch("person.json?id=" + encodeURIComponent(id)).catch(() => null);
  if (!answer?.ok) return;
  const both = await answer.json();
  $("records-title").textContent = `${both.person.name ?? ""} \u2013 person ${id}`;
  $("person-json").textContent = JSON.stringify(both.person, null, 2);
  $("contact-json").textContent = both.contact ? JSON.stringify(both.contact, null, 2) : none(both);
  $("pairs").replaceChildren(...pairs(both));
  $("records").showModal();
  $("records").scrollTop = 0;
}

const none = (both) => `None: ${both.why || "not there yet"}.`;

function pairs(both) {
  const r = both.related, a = both.contact?.attributes ?? {};
  const arrived = (name, attributes, ...more) => side(name, both.contact ? [...more, facts(pick(a, attributes))] : [text(none(both))]);
  return [
    side("Person", [facts({ "E-mail": first(both.person.emails), Phone: first(both.person.phones), Changed: both.person.update_time })]),
    arrived("Contact", ["FULLNAME", "SMS"], facts({ email: both.contact?.email, ext_id: both.contact?.ext_id })),
    side("Organization", r.organization ? [facts({
      Name: `${r.organization.name} (${r.organization.id})`, Address: r.organization.address, Employees: r.organization.employees,
      Website: r.organization.website, Persons: r.organization.people,
    })] : [text("None.")]),
    arrived("COMPANY and the Brevo company", /^COMPANY(?!_SIZE)/, ...company(r)),
    side("Deals", [
      rows(r.deals, (d) => [`${d.title}`, amount(d.value, d.currency), d.status === "open" ? d.stage : d.status]),
      facts({ "Won, by the company's rates": amount(Math.round(r.won * 100) / 100, r.currency) }),
    ]),
    arrived("LTV, counts and lists", /^LTV$|_DEALS$/, tags(r.lists)),
    side("Leads", [rows(r.leads, (l) => [l.title, amount(l.value?.amount, l.value?.currency), [...l.labels, l.source].join(", ")])]),
    arrived("List of leads", /^LEAD_(?!SOURCE)/, text(r.nurtured ? `On the list ${r.nurtured}.` : "Not on the list.")),
    side("Activities", [rows(r.activities, (c) => [c.subject, c.type, `${c.done ? "done" : "due"} ${c.due ?? ""}`])]),
    arrived("Events", [], rows(r.events, (e) => [e.name, time.format(e.date), brief(e.properties)])),
  ];
}

function company(r) {
  if (!r.company) return [text("No company yet.")];
  const c = r.company;
  const { name, ...rest } = c.attributes;
  const of = c.contacts === 1 ? "1 contact" : `${count.format(c.contacts)} contacts`;
  return [facts({ company: name, ...rest, linked: `${of}, ${c.linked ? "this one among them" : "not this one"}` })];
}

const first = (list) => (list?.find((e) => e.primary) ?? list?.[0])?.value;

function pick(attributes, wanted) {
  const names = Array.isArray(wanted) ? wanted : Object.keys(attributes).filter((name) => wanted.test(name)).sort();
  return Object.fromEntries(names.map((name) => [name, attributes[name]]));
}

// brief shows the first properties of an event.
function brief(properties) {
  if (!properties) return "";
  try {
    return Object.entries(JSON.parse(properties)).slice(0, 6).map(([name, value]) => `${name}: ${value}`).join(", ");
  } catch {
    return properties;
  }
}

function side(name, content) {
  const section = element("section");
  section.append(element("h3", "", name), ...content);
  return section;
}

const text = (content) => element("p", "", content);

function facts(values) {
  const list = element("dl");
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") continue;
    const content = element("dd", "", typeof value === "number" ? count.format(value) : value);
    content.dir = "auto";
    list.append(element("dt", "", name), content);
  }
  return list;
}

function rows(list, columns) {
  if (!list.length) return text("None.");
  const node = element("ul");
  node.append(...list.map((entry) => {
    const [name, value, more] = columns(entry);
    const item = element("li");
    item.append(element("b", "", name), element("i", "", value), element("span", "", more));
    return item;
  }));
  return node;
}

function tags(names) {
  const node = element("p", "lists");
  node.append(...names.map((name) => element("span", "", name)));
  return node;
}

$("close").addEventListener("click", () => $("records").close());
$("records").addEventListener("click", (event) => {
  if (event.target === $("records")) $("records").close();
});
