// The graph around an entity, which opens step by step: a node that is chosen brings its neighbours with it.
const opened = new Map(); // what has been asked for each node: { next, left }

function clearGraph() {
  world = { nodes: [], facts: [], groups: [] };
  selected = null;
  opened.clear();
  chart?.elements().remove();
  showCard();
}

function addNode(term) {
  const known = world.nodes.find((node) => node.iri === term.iri);
  if (known) return known;
  const node = { ...term, index: world.nodes.length };
  world.nodes.push(node);
  return node;
}

function addFact(fact) {
  if (world.facts.some((known) => known.id === fact.id)) return null;
  const index = world.facts.length;
  const ends = { subject: addNode(fact.subject).index, object: addNode(fact.object).index };
  const found = { ...fact, ...ends, terms: [fact.subject, fact.object], index };
  const group = { index, ...ends, relation: fact.relation, facts: [found] };
  world.facts.push({ ...found, group });
  world.groups.push(group);
  return group;
}

async function openNode(node) {
  const own = visit;
  const state = opened.get(node.index) ?? { next: 0, left: 1 };
  selected = { kind: "node", index: node.index };
  if (state.left) {
    const before = world.nodes.length;
    const found = await ask("neighbours", { iri: node.iri, shown: world.nodes.map(({ iri }) => iri), start: state.next });
    if (own !== visit) return;
    const fresh = found.nodes.map(addNode).filter(({ index }) => index >= before);
    const groups = found.facts.map(addFact).filter(Boolean);
    opened.set(node.index, { next: state.next + found.nodes.length - 1, left: found.left });
    if (before > 1) growGraph(node, fresh, groups);
    else drawGraph();
  }
  lightGraph(lit());
  showCard();
  byId("graph-live").textContent = `${node.label}: ${counted(world.facts.filter((fact) => fact.subject === node.index || fact.object === node.index).length, FACTS)}`;
}

// New nodes stand around the one that was opened, on the side where the others are not; then all get room.
function growGraph(node, fresh, groups) {
  if (!chart) return drawGraph();
  const { x, y } = chart.getElementById(`n${node.index}`).position();
  const others = chart.nodes().map((each) => each.position());
  const middle = { x: others.reduce((sum, each) => sum + each.x, 0) / others.length, y: others.reduce((sum, each) => sum + each.y, 0) / others.length };
  const away = Math.atan2(y - middle.y, x - middle.x);
  const far = Math.max(150, fresh.length * 20);
  const step = Math.min(0.5, (1.6 * Math.PI) / Math.max(1, fresh.length));
  chart.batch(() => {
    chart.add(fresh.map((each, index) => {
      const turn = away + Math.ceil(index / 2) * (index % 2 ? step : -step);
      return { ...dot(each, 1), position: { x: x + far * Math.cos(turn), y: y + far * Math.sin(turn) } };
    }));
    chart.add(groups.map(arrow));
    chart.nodes().forEach((each) => { const degree = each.degree(); each.data({ degree, base: Math.min(46, 12 + 6 * Math.sqrt(degree)) }); });
  });
  const all = Array.from(chart.nodes());
  const part = { x: Float64Array.from(all, (each) => each.position("x")), y: Float64Array.from(all, (each) => each.position("y")),
    boxes: all.map((each) => ({ wide: Math.max(each.data("base"), each.data("wide")) + 22, high: each.data("base") + 42 })) };
  apart(part);
  chart.batch(() => all.forEach((each, index) => each.position({ x: part.x[index], y: part.y[index] })));
  graphHint(world.nodes.length);
}

function select(kind, index) {
  selected = kind ? { kind, index } : null;
  if (kind === "node") return told(openNode)(world.nodes[index]);
  lightGraph(lit());
  return showCard();
}

// Below the graph: the chosen node with the way to its page and to more neighbours, or the chosen fact with its sources.
function showCard() {
  const card = byId("card");
  const own = selected?.kind === "node" ? nodeCard(world.nodes[selected.index]) : selected ? factCard(world.facts[selected.index]) : [];
  card.hidden = !portrait?.thing || !own.length;
  card.replaceChildren(...own);
}

function nodeCard(node) {
  const { left } = opened.get(node.index) ?? { left: 0 };
  return [html("p", { class: "line" }, html("span", { class: "dot", "data-family": family(node.type) }), html("b", {}, html("bdi", {}, node.label)), html("span", { class: "quiet" }, typeName(node.type)),
    node.iri === portrait.thing.iri ? "" : html("a", { href: address(node.iri) }, word("openPage")),
    html("button", { type: "button", class: "link", disabled: !left, onclick: () => select("node", node.index) }, left ? word("moreNear", left) : word("noNear"))),
  html("p", { class: "quiet" }, word("graphHelp"))];
}

function factCard(fact) {
  const [subject, object] = fact.terms;
  const place = html("div", { class: "sources" });
  told(showSources)(fact, place);
  return [html("button", { type: "button", class: "close", "aria-label": word("close"), onclick: () => select(null) }, "×"),
    html("p", { class: "line" }, termLink(subject), html("span", { class: "relation" }, named("relations", fact.relation)), termLink(object), html("span", { class: "quiet number" }, sureness(fact.score))), place];
}

let tipFor = null;

function nodeTip(node) {
  return [html("b", {}, html("bdi", {}, node.label)), html("span", {}, html("span", { class: "dot", "data-family": family(node.type) }), `${typeName(node.type)} · ${counted(node.documents, DOCUMENTS)}`)];
}

function hideTip() {
  byId("tip").hidden = true;
}
