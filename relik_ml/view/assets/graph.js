// The graph, drawn by Cytoscape.js: an entity is a dot with its name, a statement an arrow, however many facts make it.
const FAMILIES = ["person", "place", "made", "number", "event", "other"];
const MANY = 150; // dots; with more of them names overlap, and the most connected keep theirs
const LETTERS = 11; // the least size of letters on the screen, in pixels
const NEAR = 1.2; // the scale from which letters and dots stay as large as they are, so that names get more room
const CROWD = 12; // lit arrows; of more than that the names are not readable
let chart = null;
const ruler = document.createElement("canvas").getContext("2d");
let touched = false; // the reader has moved or scaled the graph
let placedOnce = false;
let namedAt = 0; // the scale for which names are placed

function colour(name) {
  const probe = html("i", { hidden: true });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function chartStyle() {
  const [ink, quiet, panel, accent] = ["ink", "quiet", "panel", "accent"].map(colour);
  return [
    { selector: "node", style: { width: "data(size)", height: "data(size)", label: "data(text)", "font-size": "data(letters)", "font-family": getComputedStyle(document.body).fontFamily,
      "text-valign": "data(valign)", "text-halign": "data(halign)", "text-margin-x": "data(right)", "text-margin-y": "data(down)", color: ink, "text-outline-color": panel, "text-outline-width": "data(halo)", "border-width": "data(border)", "text-events": "yes" } },
    ...FAMILIES.map((name) => ({ selector: `node[family="${name}"]`, style: { "background-color": colour(`${name}-bar`), "border-color": colour(`${name}-bar`) } })),
    ...FAMILIES.map((name) => ({ selector: `node[family="${name}"][?nil]`, style: { "background-color": colour(`${name}-tint`), "border-style": "dashed" } })),
    { selector: "edge", style: { width: "data(line)", "line-color": colour("edge"), "target-arrow-color": colour("edge"), "target-arrow-shape": "triangle", "arrow-scale": "data(arrow)",
      "curve-style": "bezier", "control-point-step-size": 34, label: "data(text)", "font-size": "data(letters)", color: quiet, "text-outline-color": panel, "text-outline-width": "data(halo)",
      "font-family": getComputedStyle(document.body).fontFamily, "text-events": "yes", "loop-direction": "-45deg" } },
    { selector: "edge.lit, edge.over", style: { "line-color": accent, "target-arrow-color": accent, color: ink, "z-index": 9 } },
    { selector: ".dim", style: { opacity: 0.22 } },
    { selector: "node.lit", style: { "z-index": 9 } },
    { selector: ".over, node.cursor, node.chosen", style: { label: "data(name)", "z-index": 10 } },
    { selector: "node.chosen", style: { "border-style": "solid", "border-color": accent, "font-weight": "bold" } },
    { selector: "node.cursor", style: { "outline-width": 3, "outline-color": colour("focus"), "outline-offset": 3 } },
    { selector: ".gone", style: { display: "none" } },
    { selector: "core", style: { "active-bg-opacity": 0, "selection-box-opacity": 0 } },
  ];
}

function makeChart() {
  chart = cytoscape({ container: byId("graph"), style: chartStyle(), minZoom: 0.03, maxZoom: 3, boxSelectionEnabled: false,
    autounselectify: true, pixelRatio: Math.min(2, devicePixelRatio) });
  quietDrags(chart.renderer());
  chart.on("tap", (event) => {
    if (event.target === chart) select(null);
    else if (event.target.isNode()) select("node", event.target.data("index"));
    else select("fact", world.groups[event.target.data("group")].facts.find((fact) => factShown(fact)).index);
  });
  chart.on("mouseover", "node, edge", (event) => {
    event.target.addClass("over");
    if (event.target.isNode()) showTip(nodeTip(world.nodes[event.target.data("index")]), chartRect(event.target));
  });
  chart.on("mouseout", "node, edge", (event) => { event.target.removeClass("over"); hideTip(); });
  chart.on("zoom pan drag", () => { if (!tipFor) hideTip(); touched = true; });
  chart.on("zoom", soon(() => { if (chart.zoom() !== namedAt) nameDots(); }));
  byId("graph").addEventListener("keydown", graphKey);
  new ResizeObserver(soon(() => { chart.resize(); if (!touched) fitChart(chart.elements(".lit")); })).observe(byId("graph"));
}

// While a dot is dragged only its own layer changes; Cytoscape 3.34 paints all others again at every step, too.
function quietDrags(renderer) {
  const notify = renderer.notify.bind(renderer);
  renderer.notify = (event, elements) => {
    const before = renderer.data.canvasNeedsRedraw[renderer.NODE];
    notify(event, elements);
    if (renderer.hoverData.draggingEles && (event === "position" || event === "bounds")) renderer.data.canvasNeedsRedraw[renderer.NODE] = before;
  };
}

function chartRect(node) {
  const [box, pane] = [node.renderedBoundingBox({ includeLabels: false }), byId("graph").getBoundingClientRect()];
  return { left: pane.left + box.x1, right: pane.left + box.x2, top: pane.top + box.y1, bottom: pane.top + box.y2 };
}

// Draws what is shown anew, and places it.
function drawGraph() {
  if (!chart) makeChart();
  const groups = shownGroups();
  const degree = new Map();
  for (const { subject, object } of groups) for (const end of [subject, object]) degree.set(end, (degree.get(end) ?? 0) + 1);
  const shown = Array.from(degree.keys());
  const order = new Map(shown.map((node, index) => [node, index]));
  const many = shown.length > MANY;
  const dots = shown.map((index) => dot(world.nodes[index], degree.get(index)));
  const boxes = dots.map(({ data: { size, wide } }) => (many ? { wide: size + 30, high: size + 26 } : { wide: Math.max(size, wide) + 22, high: size + 42 }));
  const pane = byId("graph");
  const places = layout(boxes, groups.map(({ subject, object }) => [order.get(subject), order.get(object)]), (pane.clientWidth || 4) / (pane.clientHeight || 3), many ? 60 : shown.length > 30 ? 92 : 140);
  dots.forEach((each, index) => { each.position = places[index]; });
  chart.batch(() => {
    chart.elements().remove();
    chart.add(dots);
    chart.add(groups.map(arrow));
  });
  chart.renderer().textureOnViewport = many; // moves a picture of what is drawn
  if (many) setTimeout(() => chart.elements().boundingBox(), 500); // measured before the first move, not during it
  pane.classList.toggle("few", groups.length <= 80);
  graphHint(shown.length);
  touched = false;
  placedOnce = false;
  lightGraph(lit());
}

function dot(node, degree) {
  return { group: "nodes", data: { id: `n${node.index}`, index: node.index, name: shortened(node.label, 28), wide: widthOf(shortened(node.label, 28)), text: "", family: family(node.type), nil: node.status === "nil",
    degree, base: Math.min(46, 12 + 6 * Math.sqrt(degree)), size: Math.min(46, 12 + 6 * Math.sqrt(degree)), letters: 13, halo: 2, border: 1.5, valign: "bottom", halign: "center", right: 0, down: 3 } };
}

// The width of a name in letters of 13 pixels.
function widthOf(name) {
  ruler.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  return ruler.measureText(name).width;
}

function arrow(group) {
  const count = group.facts.length;
  const name = named("relations", group.relation) + (count > 1 ? ` ×${count}` : "");
  return { group: "edges", data: { id: `e${group.index}`, source: `n${group.subject}`, target: `n${group.object}`, group: group.index, name, text: "",
    width: Math.min(5, 1.3 + Math.log2(count)), line: 1.3, arrow: 0.8, letters: 11, halo: 2 } };
}

// Shows all, or the part that is lit, with room on the screen for names. Cytoscape's own fit measures every name.
function fitChart(part = chart?.collection()) {
  const shown = chart && (part.length ? part : chart.nodes().not(".gone")).filter("node");
  if (!byId("graph").clientWidth || !shown?.length) return;
  chart.resize();
  const at = shown.map((node) => node.position());
  const [left, right] = [Math.min(...at.map(({ x }) => x)), Math.max(...at.map(({ x }) => x))];
  const [top, bottom] = [Math.min(...at.map(({ y }) => y)), Math.max(...at.map(({ y }) => y))];
  const [wide, high] = [chart.width(), chart.height()];
  const side = Math.min(80, wide * 0.15);
  const zoom = Math.min(part.length ? 2 * NEAR : NEAR, (wide - 2 * side) / Math.max(1, right - left), (high - 90) / Math.max(1, bottom - top));
  chart.viewport({ zoom, pan: { x: wide / 2 - ((left + right) / 2) * zoom, y: (high - 20) / 2 - ((top + bottom) / 2) * zoom } });
  nameDots(chart.extent());
  touched = false;
}

// Letters and dots never get too small to be seen. A name stands where it covers neither a name nor a dot; where there is
// no such place, what is lit and the more connected keep theirs, and dots theirs before arrows. `pane` keeps them inside of it.
function nameDots(pane = null) {
  const scale = chart.zoom();
  const larger = Math.max(LETTERS / 13, Math.min(scale, NEAR)) / scale;
  namedAt = scale;
  const rank = (each) => (each.hasClass("chosen") ? 2e6 : each.hasClass("lit") ? 1e6 : 0) + (each.data("degree") ?? 0);
  const [nodes, edges] = [chart.nodes(), chart.edges()].map((all) => Array.from(all.not(".gone")).sort((one, other) => rank(other) - rank(one)));
  const size = (node) => Math.max(node.data("base") * Math.min(1, NEAR / scale), (Math.min(node.data("base"), 22) * 0.3) / scale);
  const taken = makeRoom(80 * larger);
  for (const node of nodes) if (!node.hasClass("dim")) taken.add(around(node.position(), size(node) / 2, size(node) / 2));
  chart.batch(() => {
    for (const node of nodes) {
      const place = placeFor(node, size(node), larger, (box) => !taken.meets(box) && (!pane || (box[0] > pane.x1 && box[1] > pane.y1 && box[2] < pane.x2 && box[3] < pane.y2)));
      if (place) taken.add(place.box);
      node.data({ size: size(node), letters: 13 * larger, halo: 2 * larger, border: (node.hasClass("chosen") ? 4 : 1.5) * larger, text: place ? node.data("name") : "", ...place?.sides });
    }
    const few = byId("graph").classList.contains("few") && scale > 0.7;
    for (const edge of edges) {
      const box = (edge.hasClass("lit") ? !edge.hasClass("crowd") : few) && arrowBox(edge, larger);
      const shown = box && !taken.meets(box);
      if (shown) taken.add(box);
      edge.data({ line: edge.data("width") * larger, arrow: 0.8 * Math.min(1, NEAR / scale), letters: 11 * larger, halo: 2 * larger, text: shown ? edge.data("name") : "" });
    }
  });
}

// The room for a name in the middle of an arrow.
function arrowBox(edge, larger) {
  const [from, to] = [edge.source().position(), edge.target().position()];
  return around({ x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }, (widthOf(edge.data("name")) * 0.42 + 2) * larger, 6 * larger);
}

// Boxes by the cells of a grid that they lie in, so that a box is compared with its neighbours alone.
function makeRoom(cell) {
  const cells = new Map();
  const keys = ([left, top, right, bottom]) => {
    const found = [];
    for (let x = Math.floor(left / cell); x <= right / cell; x += 1) for (let y = Math.floor(top / cell); y <= bottom / cell; y += 1) found.push(`${x}/${y}`);
    return found;
  };
  const over = (one, other) => one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3];
  return {
    add: (box) => { for (const key of keys(box)) cells.has(key) ? cells.get(key).push(box) : cells.set(key, [box]); },
    meets: (box) => keys(box).some((key) => cells.get(key)?.some((other) => over(box, other))),
  };
}

function around({ x, y }, wide, high) {
  return [x - wide, y - high, x + wide, y + high];
}

// Below, above, right or left of the dot, the first that is free.
function placeFor(node, size, larger, free) {
  const { x, y } = node.position();
  const [wide, high, gap] = [(node.data("wide") / 2 + 2) * larger, 8 * larger, 3 * larger];
  const sides = [["bottom", "center", 0, gap], ["top", "center", 0, -gap], ["center", "right", gap, 0], ["center", "left", -gap, 0]];
  for (const [valign, halign, right, down] of sides) {
    const middle = { x: x + Math.sign(right) * (size / 2 + gap + wide), y: y + Math.sign(down) * (size / 2 + gap + high) };
    const box = around(middle, wide, high);
    if (free(box)) return { box, sides: { valign, halign, right, down } };
  }
  return null;
}

function graphHint(shown) {
  const hidden = world.facts.filter((fact) => inScope(fact)).length;
  byId("graph-hint").textContent = shown ? "" : hidden ? word("allHidden") : word("noFacts");
  byId("graph-hint").hidden = Boolean(shown);
}

// What the filters hide goes, without moving what stays.
function paintGraph() {
  if (!chart) return;
  const groups = new Map(shownGroups().map((group) => [group.index, group]));
  const used = new Set(Array.from(groups.values()).flatMap((group) => [group.subject, group.object]));
  const held = (id) => chart.getElementById(id).length > 0;
  if (Array.from(groups.keys()).some((index) => !held(`e${index}`))) return drawGraph();
  chart.batch(() => {
    chart.edges().forEach((edge) => {
      const group = groups.get(edge.data("group"));
      edge.toggleClass("gone", !group);
      if (group) edge.data({ name: arrow(group).data.name, width: arrow(group).data.width });
    });
    chart.nodes().forEach((node) => { node.toggleClass("gone", !used.has(node.data("index"))); });
  });
  nameDots();
  graphHint(used.size);
}

function lightGraph(light) {
  if (!chart) return;
  const any = light.nodes.size > 0;
  const before = chart.elements(".lit").length > 0;
  if (!any && !before && placedOnce) return;
  placedOnce = true;
  chart.batch(() => {
    chart.elements().removeClass("lit chosen dim crowd");
    if (!any) return;
    const edges = chart.edges().filter((edge) => world.groups[edge.data("group")].facts.some((fact) => light.facts.has(fact.index)));
    const chosen = chart.nodes().filter((node) => light.nodes.has(node.data("index")));
    const near = edges.union(edges.connectedNodes()).union(chosen);
    if (near.empty()) return; // what the graph does not show
    near.addClass("lit").toggleClass("crowd", edges.length > (narrow() ? CROWD / 3 : CROWD));
    chosen.addClass("chosen");
    chart.elements().difference(near).addClass("dim");
  });
  if (any || !touched) fitChart(chart.elements(".lit"));
  else nameDots();
}

function reveal(node) {
  const { x, y } = node.renderedPosition();
  if (x < 40 || y < 30 || x > chart.width() - 40 || y > chart.height() - 40) chart.center(node);
}

// Arrows go to the nearest dot in their direction; what is there is told to screen readers.
function graphKey(event) {
  const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
  const cursor = chart.nodes(".cursor").first();
  if (way) moveCursor(cursor, way);
  else if ((event.key === "Enter" || event.key === " ") && cursor.length) select("node", cursor.data("index"));
  else if (!event.ctrlKey && !event.metaKey && "+=-0".includes(event.key)) ({ "-": () => zoomBy(0.8), 0: () => fitChart() }[event.key] ?? (() => zoomBy(1.25)))();
  else return;
  event.preventDefault();
}

function moveCursor(cursor, [dx, dy]) {
  const shown = Array.from(chart.nodes().not(".gone"));
  if (!shown.length) return;
  let best = cursor.length ? null : shown.reduce((top, node) => (node.data("degree") > top.data("degree") ? node : top));
  let least = Infinity;
  for (const node of cursor.length ? shown : []) {
    const [x, y] = [node.position("x") - cursor.position("x"), node.position("y") - cursor.position("y")];
    const along = x * dx + y * dy;
    const far = along + 2 * Math.abs(x * dy + y * dx);
    if (along > 1 && far < least) [best, least] = [node, far];
  }
  if (!best) return;
  chart.nodes().removeClass("cursor");
  best.addClass("cursor");
  reveal(best);
  byId("graph-live").textContent = spokenNode(world.nodes[best.data("index")]);
}

function zoomBy(factor) {
  chart.zoom({ level: chart.zoom() * factor, renderedPosition: { x: chart.width() / 2, y: chart.height() / 2 } });
}

function spokenNode(node) {
  return [node.label, named("types", node.type), node.status === "nil" ? word("nil") : node.item ?? ""].filter(Boolean).join(", ");
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  chart?.style(chartStyle());
}
