// The graph: entities as boxes, an edge for each relation between two of them, whatever number of facts state it.
const HEIGHT = 30;
const FEW = 40; // edges whose labels are shown unasked
const LABEL_PARTS = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];
let graphCanvas = null;

function drawGraph() {
  const { view } = state;
  graphCanvas ??= makeCanvas(byId("graph"), document.querySelector('[data-for="graph"]'));
  graphCanvas.touched = false;
  graphCanvas.layer.replaceChildren();
  view.boxes = view.nodes.map((node, index) => node.at && nodeBox(node, index));
  view.edges = edges(view).map(edgeElement);
  graphCanvas.layer.append(...view.edges.map((edge) => edge.element), ...view.boxes.filter(Boolean).map((box) => box.element));
  graphCanvas.bounds = bounds(view.boxes.filter(Boolean));
  const degree = new Map();
  for (const end of view.facts.flatMap((fact) => [fact.subject, fact.object])) degree.set(end, (degree.get(end) ?? 0) + 1);
  graphCanvas.middle = view.boxes.filter(Boolean).reduce((best, box) => (degree.get(box.index) > degree.get(best?.index) || !best ? box : best), null) ?? { x: 0, y: 0 };
  graphCanvas.grab = (target) => {
    const box = view.boxes[target.closest(".node")?.dataset.index];
    return box && ((x, y) => moveBox(box, x, y));
  };
  byId("graph").classList.toggle("few", view.edges.length <= FEW);
  graphCanvas.fit();
  paintGraph();
}

function edges(view) {
  const groups = new Map();
  view.facts.forEach((fact, index) => {
    if (!view.boxes[fact.subject] || !view.boxes[fact.object]) return;
    const key = JSON.stringify([fact.subject, fact.object, fact.relation]);
    if (!groups.has(key)) groups.set(key, { subject: fact.subject, object: fact.object, relation: fact.relation, facts: [] });
    groups.get(key).facts.push(index);
  });
  const beside = new Map();
  for (const edge of groups.values()) {
    const pair = [edge.subject, edge.object].sort((a, b) => a - b).join();
    edge.beside = beside.get(pair) ?? [];
    beside.set(pair, edge.beside);
    edge.order = edge.beside.push(edge) - 1;
  }
  return Array.from(groups.values());
}

function nodeBox(node, index) {
  const box = { index, x: node.at[0], y: node.at[1], width: node.width, node };
  box.element = svg("g", { class: "node", "data-family": family(node.type), "data-index": index, tabindex: "-1", role: "button",
    onclick: () => { if (!graphCanvas.dragged) select("node", index); } },
  svg("rect", { x: -node.width / 2, y: -HEIGHT / 2, width: node.width, height: HEIGHT, rx: 8 }),
  svg("text", { "text-anchor": "middle", y: 4.5 }, shortened(node.label)), svg("title", {}, node.label));
  box.element.classList.toggle("nil", node.status === "nil");
  placeBox(box);
  return box;
}

function placeBox(box) {
  box.element.setAttribute("transform", `translate(${box.x} ${box.y})`);
}

function moveBox(box, x, y) {
  box.x += x;
  box.y += y;
  placeBox(box);
  for (const edge of state.view.edges) if (edge.subject === box.index || edge.object === box.index) placeEdge(edge);
}

function edgeElement(edge) {
  edge.line = svg("path", { class: "line" });
  edge.reach = svg("path", { class: "reach" });
  edge.label = svg("text", { "text-anchor": "middle", class: "label" });
  edge.element = svg("g", { class: "edge", onclick: () => { if (!graphCanvas.dragged) select("fact", edge.facts.find((fact) => factShown(state.view.facts[fact]))); } },
    edge.reach, edge.line, edge.label);
  placeEdge(edge);
  return edge;
}

// A curve from box to box; several between the same two bend differently, and a loop goes over its box.
function placeEdge(edge) {
  const [from, to] = [state.view.boxes[edge.subject], state.view.boxes[edge.object]];
  const bend = (edge.order - (edge.beside.length - 1) / 2) * 44 * (edge.subject < edge.object ? 1 : -1);
  if (from === to) {
    const up = HEIGHT / 2 + 34 + edge.order * 20;
    edge.path = `M${from.x - 18} ${from.y - HEIGHT / 2} C${from.x - 40} ${from.y - up} ${from.x + 40} ${from.y - up} ${from.x + 18} ${from.y - HEIGHT / 2 - 2}`;
    edge.curve = Array(3).fill({ x: from.x, y: from.y - up + 14 });
  } else {
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(dx, dy) || 1;
    const control = { x: (from.x + to.x) / 2 - (dy / length) * bend, y: (from.y + to.y) / 2 + (dx / length) * bend };
    const [start, stop] = [border(from, control, 0), border(to, control, 3)];
    edge.path = `M${start.x} ${start.y} Q${control.x} ${control.y} ${stop.x} ${stop.y}`;
    edge.curve = [start, control, stop];
  }
  edge.line.setAttribute("d", edge.path);
  edge.reach.setAttribute("d", edge.path);
  placeLabel(edge, edge.part ?? 0.5);
}

// A label stands on its curve, at a part of the way from the subject.
function placeLabel(edge, part) {
  edge.part = part;
  const { x, y } = onCurve(edge.curve, part);
  edge.label.setAttribute("x", x);
  edge.label.setAttribute("y", y + 4);
}

function onCurve([start, control, stop], part) {
  const [before, between, after] = [(1 - part) ** 2, 2 * part * (1 - part), part ** 2];
  return { x: before * start.x + between * control.x + after * stop.x, y: before * start.y + between * control.y + after * stop.y };
}

// Labels in the middle where there is room, else where none lies over a box or over another.
function spreadLabels(view) {
  const taken = view.boxes.filter(Boolean).map((box) => ({ x: box.x, y: box.y, wide: box.width, high: HEIGHT }));
  for (const edge of view.edges.filter((each) => !each.element.classList.contains("hidden"))) {
    const size = { wide: edge.label.textContent.length * 6.6, high: 14 };
    const free = (part) => !taken.some((other) => overlap({ ...onCurve(edge.curve, part), ...size }, other));
    placeLabel(edge, LABEL_PARTS.find(free) ?? 0.5);
    taken.push({ ...onCurve(edge.curve, edge.part), ...size });
  }
}

function overlap(one, other) {
  return Math.abs(one.x - other.x) < (one.wide + other.wide) / 2 && Math.abs(one.y - other.y) < (one.high + other.high) / 2;
}

// Where the way from the middle of a box to a point crosses the border.
function border(box, point, gap) {
  const [dx, dy] = [point.x - box.x, point.y - box.y];
  const part = Math.min(1, (box.width / 2 + gap) / Math.max(Math.abs(dx), 0.01), (HEIGHT / 2 + gap) / Math.max(Math.abs(dy), 0.01));
  return { x: box.x + dx * part, y: box.y + dy * part };
}

function bounds(boxes) {
  if (!boxes.length) return null;
  const left = Math.min(...boxes.map((box) => box.x - box.width / 2));
  const top = Math.min(...boxes.map((box) => box.y)) - HEIGHT * 1.5;
  return { x: left, y: top, width: Math.max(...boxes.map((box) => box.x + box.width / 2)) - left,
    height: Math.max(...boxes.map((box) => box.y)) + HEIGHT - top };
}

function paintGraph() {
  const { view } = state;
  const used = new Set();
  for (const edge of view.edges) {
    const shown = edge.facts.filter((fact) => factShown(view.facts[fact]));
    edge.element.classList.toggle("hidden", !shown.length);
    edge.label.textContent = named("relations", edge.relation) + (shown.length > 1 ? ` ×${shown.length}` : "");
    if (shown.length) used.add(edge.subject).add(edge.object);
  }
  if (view.edges.length <= FEW) spreadLabels(view);
  for (const box of view.boxes) {
    if (!box) continue;
    box.element.classList.toggle("hidden", !used.has(box.index));
    box.element.setAttribute("aria-label", [box.node.label, named("types", box.node.type), box.node.item ?? (box.node.status === "nil" ? word("nil") : "")].filter(Boolean).join(", "));
  }
  const message = !view.facts.length ? word("noFacts") : !used.size ? word("allHidden") : view.undrawn ? word("undrawn", view.undrawn) : "";
  byId("graph-hint").textContent = message;
  byId("graph-hint").classList.toggle("empty", !used.size);
  const stops = byId("graph").querySelectorAll(".node:not(.hidden)");
  if (stops.length && !byId("graph").querySelector('.node:not(.hidden)[tabindex="0"]')) stops[0].setAttribute("tabindex", "0");
}

function lightGraph(light) {
  const { view } = state;
  const any = light.nodes.size > 0;
  byId("graph").classList.toggle("dim", any);
  const near = new Set(light.nodes);
  for (const edge of view.edges) {
    const on = edge.facts.some((fact) => light.facts.has(fact));
    edge.element.classList.toggle("lit", on);
    if (on) near.add(edge.subject).add(edge.object);
    if (on) graphCanvas.layer.insertBefore(edge.element, graphCanvas.layer.querySelector(".node"));
  }
  for (const box of view.boxes) {
    box?.element.classList.toggle("lit", near.has(box.index));
    box?.element.classList.toggle("chosen", light.nodes.has(box.index));
  }
  const box = view.boxes[Array.from(light.nodes)[0]];
  if (box) graphCanvas.reveal(box.x, box.y);
}

// The nearest box in the direction of an arrow key.
function boxBeside(key, element) {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  const from = way && state.view.boxes[element.dataset.index];
  if (!from) return null;
  let best = null;
  for (const box of state.view.boxes) {
    if (!box || box === from || box.element.classList.contains("hidden")) continue;
    const along = (box.x - from.x) * way[0] + (box.y - from.y) * way[1];
    const across = Math.abs((box.x - from.x) * way[1]) + Math.abs((box.y - from.y) * way[0]);
    if (along > 1 && (!best || along + 2 * across < best.far)) best = { far: along + 2 * across, box };
  }
  if (best) graphCanvas.reveal(best.box.x, best.box.y);
  return best?.box.element ?? element;
}
