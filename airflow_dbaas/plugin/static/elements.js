// Making elements. Whatever comes from the server becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

export const el = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

/** A link to one of Airflow's own pages; `path` is relative to Airflow's address. */
export function airflowLink(path, text) {
  const href = new URL(`../${path}`, window.location).href;
  const made = el("a", { href, "data-key": href }, text);
  made.addEventListener("click", (event) => {
    if (window.parent === window || event.button) return;
    // Airflow's frame may neither move the page around it nor open another. A link of that page's own may.
    event.preventDefault();
    const outside = window.parent.document.createElement("a");
    outside.href = href;
    if (event.ctrlKey || event.metaKey || event.shiftKey) outside.target = "_blank";
    outside.click();
  });
  return made;
}

// What the API's states mean to a person: good, busy, bad, or off. Others are shown without a colour.
const TONES = {
  good: ["running", "active", "done", "enabled"],
  busy: ["rebuilding", "rebalancing", "starting", "syncing", "replicating"],
  bad: ["failed", "error", "troubled"],
  off: ["poweroff", "inactive", "disabled"],
};

export function toneOf(state) {
  return Object.keys(TONES).find((tone) => TONES[tone].includes(state)) ?? "plain";
}

export const badge = (text, tone = toneOf(text)) => el("span", { class: `badge ${tone}` }, text ?? "unknown");
