// The facts as sentences: subject, relation, object, and the words of the text that state it.
const ROWS = 200;
let rows = ROWS;

function factParts(group) {
  const side = (node, role) => html("bdi", { class: role, "data-family": family(node.type) }, node.label);
  return [side(world.nodes[group.subject], "subject"), html("span", { class: "relation" }, named("relations", group.relation)),
    side(world.nodes[group.object], "object")];
}

function evidenceText(fact) {
  return fact.evidence.map(([start, stop]) => views[fact.doc].document.text.slice(start, stop).trim()).join(" … ");
}

function drawFacts() {
  const list = byId("facts");
  const groups = shownGroups();
  list.replaceChildren(...groups.slice(0, rows).map(factRow));
  if (groups.length > rows) list.append(html("li", {}, html("button", { type: "button", onclick: () => { rows += ROWS; drawFacts(); } }, word("more", groups.length - rows))));
  if (!groups.length) list.append(html("li", { class: "empty" }, word(world.facts.some(inScope) ? "allHidden" : "noFacts")));
  list.querySelector(".fact")?.setAttribute("tabindex", "0");
}

function factRow(group) {
  const [fact] = group.facts;
  const count = group.facts.length > 1 ? `×${group.facts.length}` : "";
  const wrong = group.facts.every((each) => isWrong("fact", each.doc, each.local));
  return html("li", {}, html("button", { type: "button", class: wrong ? "fact wrong" : "fact", "data-fact": fact.index, tabindex: "-1", onclick: () => select("fact", fact.index) },
    html("span", { class: "line" }, ...factParts(group), html("span", { class: "quiet number" }, [fixWords("fact", fact.doc, fact.local), count, fact.kind ? named("kinds", fact.kind) : "", score(fact.score)].filter(Boolean).join(" · "))),
    fact.evidence.length ? html("bdi", { class: "quiet quote" }, shortened(evidenceText(fact), 240)) : null));
}

function lightFacts(light) {
  for (const button of document.querySelectorAll("#facts .fact, #map .leaf, #timeline .fact")) {
    const on = light.facts.has(Number(button.dataset.fact));
    button.classList.toggle("lit", on);
    if (state.selected?.kind === "fact" && on && button.offsetParent) button.scrollIntoView({ block: "nearest" });
  }
}
