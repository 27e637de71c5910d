// The three sections of the page, made from what the server tells.

import { airflowLink, badge, el, toneOf } from "./elements.js";
import { drawGraph } from "./graph.js";

const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

const clock = (moment) => new Date(moment).toLocaleTimeString();

function problems(data, ...places) {
  const found = data.problems.filter((problem) => places.includes(problem.place));
  if (!found.length) return null;
  return el("ul", { class: "problems" }, found.map((it) =>
    el("li", {}, `${it.service ? `${it.service}: ` : ""}${it.place} `
      + `${it.as_of ? `are from ${clock(it.as_of)}` : "cannot be shown"}. ${it.text}`)));
}

/** How far the questions are that are asked service by service, where they take longer than a moment. */
function turns(data, ...places) {
  const told = places.map((place) => {
    const { services, asked, oldest } = data.turns[place];
    if (asked < services) return `${place}: ${asked} of ${count(services, "service")} checked so far.`;
    return oldest ? `${place}: ${count(services, "service")} checked in turns; the oldest answer is from ${clock(oldest)}.` : "";
  });
  const text = told.filter(Boolean).join(" ");
  return text ? el("p", { class: "hint turns" }, text) : null;
}

function notifications(service) {
  if (!service.notifications.length) return el("span", { class: "faint" }, "none");
  return el("ul", {}, service.notifications.map((it) => {
    const tone = { notice: "plain", warning: "busy", error: "bad" }[it.level] ?? "busy";
    return el("li", {}, badge(it.level ?? "notice", tone), " ", it.message);
  }));
}

export function showServices(data) {
  const missing = problems(data, "services");
  if (!data.services.length) return [missing, el("p", { class: "hint" }, "There are no services in this zone.")];
  const columns = ["Service", "Type", "Plan", "State", "Zone", "Notifications"];
  const row = (service) => {
    const cells = [service.type, service.plan, badge(service.state), service.zone, notifications(service)];
    return el("tr", {}, el("th", { scope: "row" }, service.name),
      cells.map((cell, index) => el("td", { "data-label": columns[index + 1] }, cell ?? "–")));
  };
  return [missing, el("table", {},
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, data.services.map(row)))];
}

const OUTCOMES = {
  running: ["busy", "running"],
  replicating: ["good", "copied, in sync"],
  done: ["good", "done"],
  troubled: ["bad", "in trouble; may recover"],
  failed: ["bad", "failed"],
};
const COPIED = ["done", "syncing"];

function database(found) {
  const known = ["running", "syncing", "done", "failed"].includes(found.status) ? found.status : "waiting";
  const full = COPIED.includes(found.status);
  const bar = el("span", {
    class: `bar ${known}`, role: "progressbar", "aria-label": `${found.name}`, "aria-valuetext": found.status ?? "unknown",
    "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": full ? 1 : null,
  }, el("span"));
  return el("li", {},
    el("span", { class: "name" }, found.name ?? "–"), bar,
    el("span", { class: "status" }, found.status ?? "unknown"),
    el("span", { class: "method faint" }, found.method ?? ""),
    found.error ? el("span", { class: "error" }, found.error) : null);
}

function migration(found) {
  const [tone, words] = OUTCOMES[found.outcome];
  const copied = found.databases.filter((it) => COPIED.includes(it.status)).length;
  const task = found.started_by;
  return el("article", { "data-outcome": found.outcome },
    el("h3", {}, `into ${found.service}`, " ", badge(words, tone)),
    el("p", { class: "faint" },
      found.databases.length ? `${copied} of ${count(found.databases.length, "database")} copied` : "no database named yet",
      found.method ? ` · by ${found.method}` : "", found.as_of ? ` · as of ${clock(found.as_of)}` : ""),
    el("p", {}, "Started by ", task
      ? airflowLink(task.page, `${task.dag_id}, task ${task.task_id}`)
      : el("span", { class: "faint" }, "no known task"), task ? el("span", { class: "faint" }, `, run ${task.run_id}`) : null),
    found.error ? el("p", { class: "error" }, found.error) : null,
    found.databases.length ? el("ul", { class: "databases" }, found.databases.map(database)) : null);
}

export function showMigrations(data) {
  const shown = data.migrations.length
    ? el("div", { class: "cards" }, data.migrations.map(migration))
    : el("p", { class: "hint" }, data.turns.migrations.asked < data.turns.migrations.services
      ? "No migration is known yet." : "No service is being migrated into.");
  return [problems(data, "migrations"), turns(data, "migrations"), shown];
}

function nodesOf(data) {
  const nodes = new Map();
  for (const it of data.services) nodes.set(`service ${it.name}`, { name: it.name, type: it.type, state: it.state });
  for (const it of data.endpoints) nodes.set(`endpoint ${it.id}`, { name: it.name, type: `${it.type} endpoint`, outside: true });
  return nodes;
}

export function showLinks(data) {
  const nodes = nodesOf(data);
  const edges = data.links.map((link) => {
    const edge = { ...link, from: `service ${link.source}`, to: link.kind === "attachment" ? `endpoint ${link.target}` : `service ${link.target}` };
    for (const [key, name] of [[edge.from, link.source], [edge.to, link.target_name ?? link.target]]) {
      // An end that is not in this zone's lists is drawn all the same.
      if (!nodes.has(key)) nodes.set(key, { name: name ?? "–", type: "not listed", outside: link.kind === "attachment" });
    }
    return edge;
  });
  const list = [problems(data, "endpoints", "attachments"), turns(data, "attachments")].filter(Boolean);
  if (!edges.length) return [...list, el("p", { class: "hint" }, "Nothing is linked.")];
  const line = (edge) => el("li", {},
    `${nodes.get(edge.from).name} → ${nodes.get(edge.to).name}: ${edge.type ?? "unknown type"} ${edge.kind}, `, badge(edge.state));
  const linked = new Set(edges.flatMap((edge) => [edge.from, edge.to]));
  const alone = nodes.size - linked.size;
  return [...list,
    // The same twice: the drawing for wide screens, the list for narrow ones and for screen readers.
    el("div", { class: "graph", tabindex: 0, role: "group", "aria-label": "Graph of the links; the list below has the same content" },
      drawGraph(new Map([...nodes].filter(([key]) => linked.has(key))), edges, toneOf)),
    el("ul", { class: "links" }, edges.map(line)),
    alone ? el("p", { class: "faint" }, `${count(alone, "service or endpoint is", "services and endpoints are")} not linked.`) : null];
}
