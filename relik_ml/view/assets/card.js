// What is selected, in words: an entity with its mentions and facts, or a fact with its sentence.
function showCard() {
  const card = byId("card");
  card.hidden = !state.selected;
  if (!state.selected) return card.replaceChildren();
  const parts = state.selected.kind === "node" ? nodeCard(state.selected) : factCard(state.selected.index);
  card.replaceChildren(html("button", { type: "button", class: "close", "aria-label": word("close"), onclick: () => select(null) }, "×"), ...parts);
  card.scrollTop = 0;
}

function nodeCard({ index, mention }) {
  const { view } = state;
  const node = view.nodes[index];
  const facts = shownFacts().filter((fact) => fact.subject === index || fact.object === index);
  return [
    html("h2", {}, html("bdi", {}, node.label)),
    html("p", { class: "kind" }, html("span", { class: "dot", "data-family": family(node.type) }), named("types", node.type), " · ",
      node.item ? wikidataLink(node.item, `${word("wikidata")} ${node.item}`) : node.status === "linked" ? "" : word(node.status)),
    ...aroundCard(mention),
    html("h3", {}, word("mentions")),
    html("ul", { class: "plain" }, ...node.mentions.filter(mentionShown).map((each) => html("li", {}, mentionButton(each)))),
    facts.length ? html("h3", {}, word("facts")) : "",
    facts.length ? html("ul", { class: "plain" }, ...facts.map((fact) => html("li", {}, factButton(fact)))) : "",
  ];
}

// The other mentions over the same words, so that each can be reached wherever one was clicked.
function aroundCard(mention) {
  if (mention === null) return [];
  const over = new Set(state.view.under[mention].flatMap((piece) => piece.inside).filter(mentionShown));
  over.delete(mention);
  if (!over.size) return [];
  return [html("h3", {}, word("here")), html("ul", { class: "plain" }, ...Array.from(over, (each) => html("li", {},
    html("button", { type: "button", class: "link", onclick: () => select("node", nodeOf(each), each) }, html("bdi", {}, surface(each))),
    html("span", { class: "quiet" }, ` ${named("types", state.view.document.mentions[each].type)}`))))];
}

function mentionButton(index) {
  const mention = state.view.document.mentions[index];
  const sure = [mention.score, mention.link.score].filter((each) => each !== null).map(score).join(" / ");
  return html("button", { type: "button", class: "link wide", onclick: () => { showTab("text"); scrollToMention(index); } },
    html("bdi", {}, surface(index)), html("span", { class: "quiet number" }, sure));
}

function factButton(fact) {
  return html("button", { type: "button", class: "link wide fact", onclick: () => select("fact", fact.index) },
    html("span", { class: "line" }, ...factParts(fact)), html("span", { class: "quiet number" }, score(fact.score)));
}

function factCard(index) {
  const { view } = state;
  const fact = view.facts[index];
  const side = (node, role, mention) => html("button", { type: "button", class: `link ${role}`, onclick: () => select("node", node, mention) }, html("bdi", {}, view.nodes[node].label));
  const property = fact.property ? wikidataLink(fact.property, fact.inverse ? `${fact.property}⁻¹` : fact.property) : "";
  return [
    html("h2", { class: "line" }, side(fact.subject, "subject", fact.mentions[0]), html("span", { class: "relation" }, named("relations", fact.relation)), side(fact.object, "object", fact.mentions[1])),
    html("p", { class: "kind" }, property, property && fact.score !== null ? " · " : "", fact.score !== null ? `${word("scoreOf")} ${score(fact.score)}` : ""),
    fact.evidence.length ? html("blockquote", {}, html("bdi", {}, evidenceText(fact))) : "",
    html("button", { type: "button", class: "to-text", onclick: () => { showTab("text"); scrollToMention(fact.mentions[0]); } }, word("show")),
  ];
}
