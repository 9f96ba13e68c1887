// The mind map: the document in the middle, what its facts are about around it, the facts beyond.
let mapCanvas = null;

function drawMap() {
  const { view } = state;
  mapCanvas ??= makeCanvas(byId("map"), document.querySelector('[data-for="map"]'));
  mapCanvas.touched = false;
  mapCanvas.layer.replaceChildren();
  view.leaves = [];
  view.branches = [];
  const title = shortened(view.document.id, 28);
  const half = title.length * 4.2 + 18;
  const reach = { 1: 0, [-1]: 0 };
  for (const branch of view.map) reach[branch.side] = Math.max(reach[branch.side], view.nodes[branch.subject].width);
  let [left, right, top, bottom] = [-half, half, -30, 30];
  for (const branch of view.map) {
    const near = branch.side * (half + 64);
    const far = branch.side * (half + 64 + reach[branch.side] + 56);
    mapCanvas.layer.append(...branchElements(branch, half, near, far));
    left = Math.min(left, far - (branch.side < 0 ? 330 : 0));
    right = Math.max(right, far + (branch.side > 0 ? 330 : 0));
    top = Math.min(top, branch.rows[0] - 20);
    bottom = Math.max(bottom, branch.rows.at(-1) + 20);
  }
  mapCanvas.layer.append(svg("g", { class: "root" }, svg("rect", { x: -half, y: -19, width: half * 2, height: 38, rx: 19 }),
    svg("text", { "text-anchor": "middle", y: 5 }, title), svg("title", {}, view.document.id)));
  mapCanvas.bounds = { x: left, y: top, width: right - left, height: bottom - top };
  mapCanvas.fit();
  paintMap();
}

function twig(x, y, toX, toY, type) {
  const middle = (x + toX) / 2;
  return svg("path", { class: "twig", "data-family": family(type), d: `M${x} ${y} C${middle} ${y} ${middle} ${toY} ${toX} ${toY}` });
}

function branchElements(branch, half, near, far) {
  const { view } = state;
  const node = view.nodes[branch.subject];
  const side = branch.side;
  const box = svg("g", { class: "node", "data-family": family(node.type), "data-place": branch.subject, tabindex: "-1", role: "button",
    "aria-label": node.label, transform: `translate(${near + (side * node.width) / 2} ${branch.y})`,
    onclick: () => { if (!mapCanvas.dragged) select("node", branch.subject); } },
  svg("rect", { x: -node.width / 2, y: -HEIGHT / 2, width: node.width, height: HEIGHT, rx: 8 }),
  svg("text", { "text-anchor": "middle", y: 4.5 }, shortened(node.label)), svg("title", {}, node.label));
  const stem = twig(side * half, 0, near, branch.y, node.type);
  const made = { element: box, stem, place: branch.subject, facts: branch.facts, x: near, y: branch.y };
  view.branches.push(made);
  const leaves = branch.facts.flatMap((fact, row) => leafElements(fact, branch, near + side * node.width, far, branch.rows[row], node.type));
  return [stem, ...leaves, box];
}

function leafElements(place, branch, from, x, y, type) {
  const { view } = state;
  const object = view.nodes[view.facts[place].object];
  const relation = svg("tspan", { class: "relation" });
  const value = svg("tspan", { class: "value", "data-family": family(object.type) }, shortened(object.label));
  const order = branch.side > 0 ? [relation, value] : [value, relation];
  const text = svg("text", { x: x + branch.side * 8, y: y + 4.5, "text-anchor": branch.side > 0 ? "start" : "end" }, ...order);
  const element = svg("g", { class: "leaf", tabindex: "-1", role: "button", "data-fact": place,
    onclick: () => { if (!mapCanvas.dragged) select("fact", place); } },
  svg("rect", { class: "reach", x: branch.side > 0 ? x : x - 330, y: y - 14, width: 330, height: 28, rx: 6 }), text, svg("title", {}, object.label));
  const line = twig(from, branch.y, x, y, type);
  view.leaves.push({ element, line, relation, place, side: branch.side, x, y });
  return [line, element];
}

function paintMap() {
  const { view } = state;
  const shown = new Set(shownFacts().map((fact) => fact.place));
  for (const leaf of view.leaves) {
    const name = named("relations", view.facts[leaf.place].relation);
    leaf.relation.textContent = leaf.side > 0 ? `${name}  ` : `  ${name}`;
    leaf.element.setAttribute("aria-label", factSpoken(view.facts[leaf.place]));
    for (const part of [leaf.element, leaf.line]) part.classList.toggle("hidden", !shown.has(leaf.place));
  }
  for (const branch of view.branches) {
    const none = !branch.facts.some((fact) => shown.has(fact));
    for (const part of [branch.element, branch.stem]) part.classList.toggle("hidden", none);
  }
  const stops = byId("map").querySelectorAll(".node:not(.hidden), .leaf:not(.hidden)");
  if (stops.length && !byId("map").querySelector('[tabindex="0"]:not(.hidden)')) stops[0].setAttribute("tabindex", "0");
}

function lightMap(light) {
  const { view } = state;
  byId("map").classList.toggle("dim", light.nodes.size > 0);
  for (const leaf of view.leaves) {
    for (const part of [leaf.element, leaf.line]) part.classList.toggle("lit", light.facts.has(leaf.place));
  }
  for (const branch of view.branches) {
    const on = light.nodes.has(branch.place) || branch.facts.some((fact) => light.facts.has(fact));
    for (const part of [branch.element, branch.stem]) part.classList.toggle("lit", on);
    branch.element.classList.toggle("chosen", light.nodes.has(branch.place));
  }
  const leaf = state.selected?.kind === "fact" && view.leaves.find((each) => each.place === state.selected.place);
  if (leaf) mapCanvas.reveal(leaf.x, leaf.y);
}
