// The facts as sentences: subject, relation, object, and the words of the text that state it.
function factParts(fact) {
  const { view } = state;
  const side = (node, role) => html("bdi", { class: role, "data-family": family(node.type) }, node.label);
  return [side(view.nodes[fact.subject], "subject"), html("span", { class: "relation" }, named("relations", fact.relation)),
    side(view.nodes[fact.object], "object")];
}

function factSpoken(fact) {
  const { view } = state;
  return `${view.nodes[fact.subject].label} — ${named("relations", fact.relation)} — ${view.nodes[fact.object].label}`;
}

function evidenceText(fact) {
  return fact.evidence.map(([start, stop]) => state.view.document.text.slice(start, stop).trim()).join(" … ");
}

function drawFacts() {
  const list = byId("facts");
  const facts = shownFacts().sort((one, other) => (other.score ?? 2) - (one.score ?? 2));
  list.replaceChildren(...facts.map((fact) => html("li", {}, html("button", { type: "button", class: "fact", "data-fact": fact.index, tabindex: "-1",
    onclick: () => select("fact", fact.index) },
  html("span", { class: "line" }, ...factParts(fact), html("span", { class: "quiet number" }, score(fact.score))),
  fact.evidence.length ? html("bdi", { class: "quiet quote" }, shortened(evidenceText(fact), 240)) : null))));
  if (!facts.length) list.append(html("li", { class: "empty" }, word(state.view.facts.length ? "allHidden" : "noFacts")));
  list.querySelector(".fact")?.setAttribute("tabindex", "0");
}

function lightFacts(light) {
  for (const button of byId("facts").querySelectorAll(".fact")) {
    const on = light.facts.has(Number(button.dataset.fact));
    button.classList.toggle("lit", on);
    if (state.selected?.kind === "fact" && on) button.scrollIntoView({ block: "nearest" });
  }
}
