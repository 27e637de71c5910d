// Asks the server while somebody looks, and keeps what is there when no answer comes.

import "./theme.js";
import { airflowLink, el } from "./elements.js";
import { showLinks, showMigrations, showServices } from "./show.js";

const PERIOD = 10_000;
const UNFINISHED_PERIOD = 3_000; // while there are services that were not looked at yet
const PATIENCE = 40_000;
const CHOICE = "exoscale-dbaas-connection";
const SECTIONS = { services: showServices, migrations: showMigrations, links: showLinks };

const at = (id) => document.getElementById(id);
const shown = new Map(); // what each section was last made from
let connection = null;
let last = null; // when an answer last came
let timer = null;
let unfinished = false;
let asking = null;

async function ask(path, signal) {
  let answer;
  try {
    answer = await fetch(path, { headers: { Accept: "application/json" }, signal, redirect: "error" });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "Airflow's API server takes too long to answer." : "Airflow's API server cannot be reached.");
  }
  if (answer.status === 401) throw new Error("Your Airflow session has expired. Reload the page to log in again.");
  if (answer.status === 403) throw new Error("Airflow does not let you read this connection, or DAGs.");
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail ?? `Airflow's API server answered ${answer.status}.`);
  return body;
}

function tell(...content) {
  const alert = at("alert");
  const text = content.map((it) => it.textContent ?? it).join("");
  // Said once, not every ten seconds.
  if (alert.textContent !== text) alert.replaceChildren(...content);
}

const clock = (date) => date.toLocaleTimeString();

function show(data) {
  for (const [id, make] of Object.entries(SECTIONS)) {
    const source = JSON.stringify([data.services, data.endpoints, data[id], data.problems, data.turns]);
    if (shown.get(id) === source) continue;
    shown.set(id, source);
    const focused = document.activeElement?.dataset.key;
    at(id).replaceChildren(...make(data).filter(Boolean));
    const again = focused && [...at(id).querySelectorAll("[data-key]")].find((it) => it.dataset.key === focused);
    if (again) again.focus();
  }
}

function clear() {
  shown.clear();
  for (const id of Object.keys(SECTIONS)) at(id).replaceChildren();
  last = null;
  at("when").textContent = "Loading…";
}

async function refresh() {
  clearTimeout(timer);
  if (asking) asking.abort();
  const mine = new AbortController();
  asking = mine;
  let trouble = null;
  try {
    if (connection === null && !(await choose())) return;
    const path = `api/connections/${encodeURIComponent(connection)}`;
    const data = await ask(path, AbortSignal.any([mine.signal, AbortSignal.timeout(PATIENCE)]));
    last = new Date(data.at);
    unfinished = Object.values(data.turns).some((it) => it.asked < it.services);
    show(data);
  } catch (error) {
    trouble = error;
  }
  if (asking !== mine) return; // a later question has taken over
  asking = null;
  at("main").setAttribute("aria-busy", "false");
  at("when").textContent = last ? `Refreshed at ${clock(last)}` : "";
  tell(...(trouble ? [trouble.message, last ? ` The data is from ${clock(last)}.` : ""] : []));
  again();
}

function again() {
  clearTimeout(timer);
  if (at("repeat").checked && !document.hidden && !asking) timer = setTimeout(refresh, unfinished ? UNFINISHED_PERIOD : PERIOD);
}

async function choose() {
  const { connections, default: usual } = await ask("api/connections", AbortSignal.timeout(PATIENCE));
  if (!connections.length) {
    at("when").textContent = "";
    asking = null;
    at("services").replaceChildren(
      el("p", { class: "hint" }, "There is no connection of type exoscale that you may read. Create one in Airflow, under ",
        airflowLink("connections", "Admin › Connections"), ", with API key, API secret and zone, or on the command line:"),
      el("pre", {}, el("code", {}, `airflow connections add ${usual} --conn-type exoscale \\\n`
        + "    --conn-login EXO… --conn-password … --conn-extra '{\"zone\": \"ch-gva-2\"}'")));
    tell();
    again();
    return false;
  }
  const kept = localStorage.getItem(CHOICE);
  connection = [kept, usual].find((it) => connections.includes(it)) ?? connections[0];
  at("connection").replaceChildren(...connections.map((id) => el("option", { value: id }, id)));
  at("connection").value = connection;
  at("choice").hidden = false;
  at("services").replaceChildren();
  return true;
}

at("connection").addEventListener("change", () => {
  connection = at("connection").value;
  localStorage.setItem(CHOICE, connection);
  clear();
  refresh();
});
at("refresh").addEventListener("click", refresh);
at("repeat").addEventListener("change", () => (at("repeat").checked ? refresh() : again()));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (at("repeat").checked) refresh();
});
refresh();
