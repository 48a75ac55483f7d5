import { element, poll, state } from "./poll.js";

const count = new Intl.NumberFormat("en");
const money = (n, unit) => new Intl.NumberFormat("en", { style: "currency", currency: unit, maximumFractionDigits: 0 }).format(n);
const cells = new Map();

poll("kinds.json", (view) => {
  state(view.state);
  const verdict = document.getElementById("verdict");
  verdict.hidden = !view.verdict;
  verdict.textContent = view.verdict;
  const key = JSON.stringify(view.kinds);
  const table = document.getElementById("kinds");
  if (table.dataset.key === key) return view.state;
  table.dataset.key = key;
  for (const body of [...table.tBodies]) body.remove();
  table.append(...view.kinds.map(group));
  return view.state;
});

function group(kind) {
  const body = element("tbody");
  body.dataset.kind = kind.number;
  body.append(...kind.lines.map((line, at) => {
    const row = element("tr");
    if (at === 0) {
      const head = element("th", "", `${kind.number}. ${kind.from}`);
      head.scope = "rowgroup";
      head.rowSpan = kind.lines.length;
      head.append(element("small", "", `become ${kind.to.toLowerCase()}`));
      row.append(head);
    }
    row.append(...figure(line.from, `${kind.number} ${at} from`, ""), ...figure(line.to, `${kind.number} ${at} to`, "edge"));
    return row;
  }));
  return body;
}

// A number that has changed since the last answer is lit up.
function figure(f, key, className) {
  const n = element("td", `n ${className}`), what = element("td", className ? "what to" : "what", f?.what);
  if (!f) return [n, what];
  n.textContent = f.unit ? money(f.n, f.unit) : count.format(f.n);
  n.classList.toggle("zero", f.n === 0);
  n.classList.toggle("fresh", cells.has(key) && cells.get(key) !== f.n);
  cells.set(key, f.n);
  return [n, what];
}
