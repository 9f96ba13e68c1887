// The card that shows on hover or focus: name, type, id, description and scores.
let tipFor = null;

function described(id) {
  return id && Object.hasOwn(data.descriptions, id) ? data.descriptions[id] : "";
}

function statusWords(status, item) {
  return item ?? word(status === "linked" ? "linked" : status);
}

function nodeTip(node) {
  const facts = world.facts.filter((fact) => fact.subject === node.index || fact.object === node.index).length;
  return [
    html("b", {}, html("bdi", {}, node.label)),
    html("span", {}, html("span", { class: "dot", "data-family": family(node.type) }), `${named("types", node.type)} · ${statusWords(node.status, node.item)}`),
    described(node.item) ? html("span", {}, described(node.item)) : null,
    html("span", { class: "quiet" }, `${counted(node.mentions.length, MENTIONS)} · ${counted(facts, FACTS)}`),
  ].filter(Boolean);
}

function mentionTip(index) {
  const { type, link, score: sure } = state.view.document.mentions[index];
  const scores = [[word("mentionScore"), sure], [word("linkScore"), link.score]].filter(([, value]) => value !== null);
  return [
    html("b", {}, html("bdi", {}, link.label ?? world.nodes[nodeOf(index)].label)),
    html("span", {}, html("span", { class: "dot", "data-family": family(type) }), `${named("types", type)} · ${statusWords(link.status, link.id)}`),
    described(link.id) ? html("span", {}, described(link.id)) : null,
    scores.length ? html("span", { class: "quiet" }, scores.map(([name, value]) => `${name} ${score(value)}`).join(" · ")) : null,
  ].filter(Boolean);
}

function hideTip() {
  byId("tip").hidden = true;
  tipFor?.removeAttribute("aria-describedby");
  tipFor = null;
}

function tipText(piece) {
  const here = piece.inside.filter((mention) => mentionShown(mention));
  if (!here.length) return;
  showTip(mentionTip(here[0]), piece.element.getClientRects()[0]);
  tipFor = piece.element;
  tipFor.setAttribute("aria-describedby", "tip");
}
