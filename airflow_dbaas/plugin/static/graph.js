// A drawing of services, endpoints and what links them: sources at the left, what they lead to at the right.

import { svg } from "./elements.js";

const NODE = { width: 200, height: 52, port: 30 };
const GAP = { across: 270, down: 22 };
const EDGE = 8; // room for outlines at the drawing's rim
const LABEL = 170; // length of the straight beginning of a link, which bears its label

/** Which column each node stands in: one further right than whatever leads to it; a circle is cut where it closes. */
function columnsOf(nodes, edges) {
  const columns = new Map();
  const place = (key, path) => {
    if (columns.has(key)) return columns.get(key);
    const before = edges.filter((edge) => edge.to === key && edge.from !== key && !path.includes(edge.from));
    const column = Math.max(-1, ...before.map((edge) => place(edge.from, [...path, key]))) + 1;
    columns.set(key, column);
    return column;
  };
  for (const key of nodes.keys()) place(key, []);
  return columns;
}

function layOut(nodes, edges) {
  const columns = columnsOf(nodes, edges);
  const places = new Map();
  const bottoms = [];
  const middle = (key) => {
    const from = edges.filter((edge) => edge.to === key && places.has(edge.from)).map((edge) => places.get(edge.from).y);
    return from.length ? from.reduce((sum, y) => sum + y, 0) / from.length : 0;
  };
  for (let column = 0; column <= Math.max(...columns.values()); column += 1) {
    const here = [...nodes.keys()].filter((key) => columns.get(key) === column)
      .map((key, index) => ({ key, index, at: middle(key) })).sort((a, b) => a.at - b.at || a.index - b.index);
    let y = EDGE;
    for (const { key } of here) {
      const ports = Math.max(edges.filter((edge) => edge.from === key).length, edges.filter((edge) => edge.to === key).length);
      const height = Math.max(NODE.height, ports * NODE.port + 12);
      places.set(key, { x: EDGE + column * (NODE.width + GAP.across), y, height, column });
      y += height + GAP.down;
    }
    bottoms.push(y - GAP.down);
  }
  const height = Math.max(...bottoms);
  for (const place of places.values()) place.y += (height - bottoms[place.column]) / 2;
  return { places, height: height + EDGE, width: 2 * EDGE + bottoms.length * NODE.width + (bottoms.length - 1) * GAP.across };
}

/** The heights at which links leave or enter a node, in the order of the nodes at their other end. */
function portsOf(places, edges, end, other) {
  const heights = new Map();
  for (const [key, place] of places) {
    const mine = edges.filter((edge) => edge[end] === key).sort((a, b) => places.get(a[other]).y - places.get(b[other]).y);
    mine.forEach((edge, index) => heights.set(edge, place.y + place.height / 2 + (index - (mine.length - 1) / 2) * NODE.port));
  }
  return heights;
}

const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

function drawNode(node, place, tone) {
  const top = place.y + place.height / 2;
  return svg("g", { class: `node ${node.outside ? "outside" : ""}` },
    svg("title", {}, `${node.name}, ${node.type ?? ""}${node.state ? `, ${node.state}` : ""}`),
    svg("rect", { x: place.x, y: place.y, width: NODE.width, height: place.height, rx: 8 }),
    svg("text", { x: place.x + 14, y: top - 4, class: "name" }, short(node.name ?? "–", 24)),
    node.state ? svg("circle", { cx: place.x + 18, cy: top + 13, r: 4, class: tone }) : null,
    svg("text", { x: place.x + (node.state ? 28 : 14), y: top + 17, class: "kind" },
      short([node.type, node.state].filter(Boolean).join(" · "), 28)));
}

function drawLink(edge, from, start, to, end, tone) {
  const x = from.x + NODE.width;
  const straight = x + LABEL;
  const bend = Math.max(40, (to.x - straight) / 2);
  const words = short(`${edge.type ?? "link"} · ${edge.state ?? "unknown"}`, 26);
  return svg("g", { class: `link ${tone} ${edge.kind}` },
    svg("path", { d: `M${x},${start} H${straight} C${straight + bend},${start} ${to.x - bend},${end} ${to.x - 7},${end}` }),
    svg("path", { class: "tip", d: `M${to.x},${end} l-9,-5 v10 z` }),
    svg("text", { x: x + 8, y: start - 5 }, words));
}

/** The drawing. `edges` have `from`, `to` (keys of `nodes`), `kind`, `type` and `state`. */
export function drawGraph(nodes, edges, toneOf) {
  const { places, width, height } = layOut(nodes, edges);
  const starts = portsOf(places, edges, "from", "to");
  const ends = portsOf(places, edges, "to", "from");
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" },
    edges.map((edge) => drawLink(edge, places.get(edge.from), starts.get(edge), places.get(edge.to), ends.get(edge), toneOf(edge.state))),
    [...nodes].map(([key, node]) => drawNode(node, places.get(key), toneOf(node.state))));
}
