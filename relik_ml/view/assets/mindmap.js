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
  const wide = title.length * 8.4 + 36;
  const far = wide + 60 + Math.max(0, ...view.map.map((branch) => view.nodes[branch.subject].width)) + 52;
  const height = view.map.at(-1)?.rows.at(-1) ?? 0;
  const middle = Math.min(height / 2, 260); // in sight also on a long map
  for (const branch of view.map) mapCanvas.layer.append(...branchElements(branch, [wide, middle], wide + 60, far));
  mapCanvas.layer.append(svg("g", { class: "root", transform: `translate(${wide / 2} ${middle})` },
    svg("rect", { x: -wide / 2, y: -19, width: wide, height: 38, rx: 19 }), svg("text", { "text-anchor": "middle", y: 5 }, title), svg("title", {}, view.document.id)));
  paintMap();
  const longest = Math.max(0, ...view.leaves.map((leaf) => leaf.length));
  for (const leaf of view.leaves) leaf.reach.setAttribute("width", leaf.length + 20);
  mapCanvas.bounds = { x: 0, y: Math.min(0, middle - 24), width: far + longest + 24, height: Math.max(height, middle) + 40 };
  mapCanvas.middle = { x: 0, y: middle };
  mapCanvas.fit();
}

function twig(x, y, toX, toY, type) {
  const middle = (x + toX) / 2;
  return svg("path", { class: "twig", "data-family": family(type), d: `M${x} ${y} C${middle} ${y} ${middle} ${toY} ${toX} ${toY}` });
}

function branchElements(branch, root, near, far) {
  const { view } = state;
  const node = view.nodes[branch.subject];
  const element = svg("g", { class: "node", "data-family": family(node.type), "data-index": branch.subject, tabindex: "-1", role: "button",
    "aria-label": node.label, transform: `translate(${near + node.width / 2} ${branch.y})`,
    onclick: () => { if (!mapCanvas.dragged) select("node", branch.subject); } },
  svg("rect", { x: -node.width / 2, y: -HEIGHT / 2, width: node.width, height: HEIGHT, rx: 8 }),
  svg("text", { "text-anchor": "middle", y: 4.5 }, shortened(node.label)), svg("title", {}, node.label));
  element.classList.toggle("nil", node.status === "nil");
  const stem = twig(...root, near, branch.y, node.type);
  view.branches.push({ element, stem, index: branch.subject, facts: branch.facts });
  const leaves = branch.facts.flatMap((fact, row) => leafElements(fact, [near + node.width, branch.y], far, branch.rows[row], node.type));
  return [stem, ...leaves, element];
}

function leafElements(index, from, x, y, type) {
  const { view } = state;
  const object = view.nodes[view.facts[index].object];
  const relation = svg("tspan", { class: "relation" });
  const value = svg("tspan", { class: "value", "data-family": family(object.type) }, shortened(object.label));
  const reach = svg("rect", { class: "reach", x, y: y - 14, width: 300, height: 28, rx: 6 });
  const element = svg("g", { class: "leaf", tabindex: "-1", role: "button", "data-fact": index,
    onclick: () => { if (!mapCanvas.dragged) select("fact", index); } },
  reach, svg("text", { x: x + 8, y: y + 4.5 }, relation, value), svg("title", {}, object.label));
  const line = twig(...from, x, y, type);
  const length = Math.max(...names("relations", view.facts[index].relation).map((name) => name.length)) * 7 + object.width;
  view.leaves.push({ element, line, relation, reach, index, length, x, y });
  return [line, element];
}

function paintMap() {
  const { view } = state;
  const shown = new Set(shownFacts().map((fact) => fact.index));
  for (const leaf of view.leaves) {
    const name = named("relations", view.facts[leaf.index].relation);
    leaf.relation.textContent = `${name}  `;
    leaf.element.setAttribute("aria-label", factSpoken(view.facts[leaf.index]));
    for (const part of [leaf.element, leaf.line]) part.classList.toggle("hidden", !shown.has(leaf.index));
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
    for (const part of [leaf.element, leaf.line]) part.classList.toggle("lit", light.facts.has(leaf.index));
  }
  for (const branch of view.branches) {
    const on = light.nodes.has(branch.index) || branch.facts.some((fact) => light.facts.has(fact));
    for (const part of [branch.element, branch.stem]) part.classList.toggle("lit", on);
    branch.element.classList.toggle("chosen", light.nodes.has(branch.index));
  }
  const leaf = state.selected?.kind === "fact" && view.leaves.find((each) => each.index === state.selected.index);
  if (leaf) mapCanvas.reveal(leaf.x, leaf.y);
}
