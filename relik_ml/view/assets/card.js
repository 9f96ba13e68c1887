// What is selected, in words: an entity with its mentions and facts, or a fact with its sentences.
const LISTED = 40;

function showCard() {
  const card = byId("card");
  card.hidden = !state.selected;
  if (!state.selected) return card.replaceChildren();
  const parts = state.selected.kind === "node" ? nodeCard(state.selected) : factCard(world.facts[state.selected.index]);
  card.replaceChildren(html("button", { type: "button", class: "close", "aria-label": word("close"), onclick: () => select(null) }, "×"), ...parts);
  card.scrollTop = 0;
}

function nodeCard({ index, mention }) {
  const node = world.nodes[index];
  const groups = shownGroups().filter((group) => group.subject === index || group.object === index);
  const clicked = mention === null ? [] : [{ doc: state.doc, mention }];
  const others = ownFirst(node.mentions).filter((each) => each.doc !== state.doc || each.mention !== mention);
  return [
    html("h2", {}, html("bdi", {}, node.label)),
    html("p", { class: "kind" }, html("span", { class: "dot", "data-family": family(node.type) }), named("types", node.type), " · ",
      node.item ? wikidataLink(node.item, `${word("wikidata")} ${node.item}`) : word(node.status)),
    described(node.item) ? html("p", {}, described(node.item)) : "",
    ...clicked.map((each) => html("div", { class: "clicked" }, ...mentionRow(each))),
    html("button", { type: "button", id: "near", "aria-pressed": String(Boolean(state.near)), onclick: () => setNear(state.near ? null : index) }, word(state.near ? "all" : "near")),
    ...aroundCard(mention),
    groups.length ? html("h3", {}, counted(groups.length, FACTS)) : "",
    groups.length ? html("ul", { class: "plain" }, ...groups.slice(0, LISTED).map((group) => html("li", {}, factButton(group)))) : "",
    others.length ? html("h3", {}, clicked.length ? word("otherMentions", others.length) : counted(others.length, MENTIONS)) : "",
    html("ul", { class: "plain" }, ...others.slice(0, LISTED).map((each) => html("li", { }, ...mentionRow(each)))),
  ];
}

function ownFirst(mentions) {
  return [...mentions].sort((one, other) => Number(other.doc === state.doc) - Number(one.doc === state.doc));
}

// The other mentions over the same words, so that each can be reached wherever one was clicked.
function aroundCard(mention) {
  if (mention === null) return [];
  const over = new Set(state.view.under[mention].flatMap((piece) => piece.inside).filter((each) => mentionShown(each)));
  over.delete(mention);
  if (!over.size) return [];
  return [html("h3", {}, word("here")), html("ul", { class: "plain" }, ...Array.from(over, (each) => html("li", {},
    html("button", { type: "button", class: "link", onclick: () => select("node", nodeOf(each), each) }, html("bdi", {}, surface(each))),
    html("span", { class: "quiet" }, ` ${named("types", state.view.document.mentions[each].type)}`))))];
}

function mentionRow({ doc, mention: index }) {
  const view = views[doc];
  const mention = view.document.mentions[index];
  const sure = [mention.score, mention.link.score].filter((each) => each !== null).map(score).join(" / ");
  return [html("div", { class: "row" }, html("button", { type: "button", class: "link wide", onclick: () => { if (doc !== state.doc) openDocument(doc, true); showTab("text"); scrollToMention(index); } },
    html("bdi", {}, surface(index, view)), html("span", { class: "quiet number" }, [doc === state.doc ? "" : view.document.id, sure].filter(Boolean).join(" · "))),
  fixButton("mention", doc, index)), fixForm("mention", doc, index)];
}

function factButton(group) {
  const [fact] = group.facts;
  const count = group.facts.length > 1 ? `×${group.facts.length} · ` : "";
  return html("button", { type: "button", class: "link wide fact", onclick: () => select("fact", fact.index) },
    html("span", { class: "line" }, ...factParts(group)), html("span", { class: "quiet number" }, `${count}${score(fact.score)}`));
}

function factCard(fact) {
  const side = (node, role, mention) => html("button", { type: "button", class: `link ${role}`, onclick: () => select("node", node, mention) }, html("bdi", {}, world.nodes[node].label));
  const property = fact.property ? wikidataLink(fact.property, fact.inverse ? `${fact.property}⁻¹` : fact.property) : "";
  const others = fact.group.facts.filter((each) => each !== fact);
  const note = [fact.kind ? named("kinds", fact.kind) : "", fact.score !== null ? `${word("scoreOf")} ${score(fact.score)}` : "", views.length > 1 ? views[fact.doc].document.id : ""].filter(Boolean).join(" · ");
  return [
    html("h2", { class: "line" }, side(fact.subject, "subject", fact.mentions[0]), html("span", { class: "relation" }, named("relations", fact.relation)), side(fact.object, "object", fact.mentions[1])),
    html("p", { class: "kind row" }, html("span", {}, property, property && note ? " · " : "", note), fixButton("fact", fact.doc, fact.local)),
    fixForm("fact", fact.doc, fact.local),
    fact.evidence.length ? html("blockquote", {}, html("bdi", {}, evidenceText(fact))) : "",
    others.length ? html("h3", {}, word("alsoStated", others.length)) : "",
    others.length ? html("ul", { class: "plain" }, ...others.slice(0, LISTED).map((each) => html("li", {}, html("button", { type: "button", class: "link wide", onclick: () => select("fact", each.index) },
      html("bdi", {}, shortened(evidenceText(each), 120)), html("span", { class: "quiet" }, views[each.doc].document.id))))) : "",
    html("button", { type: "button", class: "to-text", onclick: () => { showTab("text"); scrollToMention(fact.mentions[0]); } }, word("show")),
  ];
}
