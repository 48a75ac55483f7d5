const quick = 1000, slow = 5000;
const words = { starting: "Starting", running: "Running", done: "Done", failed: "Failed" };

export function element(tag, className, content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (content !== undefined && content !== null) node.textContent = content;
  return node;
}

export function state(name, lost) {
  const node = document.getElementById("state");
  node.dataset.state = lost ? "lost" : name;
  node.textContent = lost ? "No answer from the demo; trying again" : words[name] ?? name;
}

// poll asks for a view again and again, one request at a time; not while nobody looks. show returns the
// state of the run: what has ended is asked for less often.
export function poll(url, show) {
  let timer = 0;
  const ask = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    let wait = slow;
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(await answer.text());
      const name = show(await answer.json());
      if (name !== "done" && name !== "failed") wait = quick;
    } catch {
      state("", true);
    }
    timer = setTimeout(ask, wait);
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}
