// The mind map: the document, what its facts are about, and the facts beyond, as a tree that grows to the right.
function drawMap() {
  const branches = new Map();
  for (const group of shownGroups()) branches.set(group.subject, [...(branches.get(group.subject) ?? []), group]);
  const sorted = Array.from(branches).sort((one, other) => other[1].length - one[1].length).slice(0, 100);
  const root = state.scope === "all" && views.length > 1 ? document.title : state.view.document.id;
  byId("map").replaceChildren(...(sorted.length ? [html("span", { class: "root" }, shortened(root, 40)), html("ul", {}, ...sorted.map(branch))]
    : [html("p", { class: "empty" }, word(world.facts.some(inScope) ? "allHidden" : "noFacts"))]));
  byId("map").querySelector(".entity, .leaf")?.setAttribute("tabindex", "0");
}

function branch([subject, groups]) {
  const node = world.nodes[subject];
  return html("li", { "data-family": family(node.type) },
    html("button", { type: "button", class: node.status === "nil" ? "entity nil" : "entity", tabindex: "-1", onclick: () => select("node", subject) }, html("bdi", {}, shortened(node.label, 40))),
    html("ul", {}, ...groups.map(leaf)));
}

function leaf({ relation, object, facts }) {
  const node = world.nodes[object];
  return html("li", {}, html("button", { type: "button", class: "leaf", "data-fact": facts[0].index, tabindex: "-1", onclick: () => select("fact", facts[0].index) },
    html("span", { class: "quiet" }, named("relations", relation)), " ", html("bdi", { class: "object", "data-family": family(node.type) }, shortened(node.label, 40)), facts.length > 1 ? html("span", { class: "quiet" }, ` ×${facts.length}`) : null));
}
