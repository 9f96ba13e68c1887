// Search: entities by their names and ids, then the words of the texts.
const FOUND = 8;
let found = [];

function search(query) {
  const wanted = normal(query);
  if (wanted.length < 2) return [];
  const ranked = world.nodes.map((node) => ({ node, rank: Math.min(...nodeNames(node).map((name) => { const at = normal(name).indexOf(wanted); return at < 0 ? 9 : at === 0 ? 0 : normal(name)[at - 1] === " " ? 1 : 2; })) }))
    .filter(({ rank }) => rank < 9).sort((one, other) => one.rank - other.rank || other.node.mentions.length - one.node.mentions.length);
  const entities = ranked.slice(0, FOUND).map(({ node }) => ({ label: node.label, note: `${named("types", node.type)} · ${counted(node.mentions.length, MENTIONS)}`, family: family(node.type), go: () => select("node", node.index) }));
  return [...entities, ...textMatches(query.trim().toLowerCase())];
}

function nodeNames(node) {
  node.names ??= Array.from(new Set([node.label, node.item ?? "", ...node.mentions.map(({ doc, mention }) => surface(mention, views[doc]))]));
  return node.names;
}

function textMatches(wanted) {
  const matches = [];
  for (let doc = 0; doc < views.length && matches.length < FOUND; doc += 1) {
    const { text, id } = views[doc].document;
    const at = text.toLowerCase().indexOf(wanted);
    if (at >= 0) matches.push({ label: `…${shortened(text.slice(Math.max(0, at - 20), at + wanted.length + 30).trim(), 60)}…`, note: id, go: () => showWord(doc, at) });
  }
  return matches;
}

function showWord(doc, at) {
  if (doc !== state.doc) openDocument(doc);
  showTab("text");
  scrollTextTo(state.view.pieces.find((piece) => piece.stop > at));
}

function drawFound() {
  const box = byId("search");
  found = search(box.value);
  byId("found").replaceChildren(...found.map((each, index) => html("li", { role: "option", id: `found-${index}`, "aria-selected": "false", "data-family": each.family ?? null,
    onmousedown: (event) => { event.preventDefault(); choose(index); } }, html("bdi", {}, each.label), html("span", { class: "quiet" }, each.note))));
  if (!found.length && normal(box.value).length > 1) byId("found").append(html("li", { role: "option", "aria-disabled": "true", class: "quiet" }, word("notFound")));
  byId("found").hidden = !byId("found").children.length;
  box.setAttribute("aria-expanded", String(!byId("found").hidden));
  mark(found.length ? 0 : -1);
}

function mark(index) {
  Array.from(byId("found").children).forEach((each, at) => each.setAttribute("aria-selected", String(at === index)));
  byId("search").setAttribute("aria-activedescendant", index < 0 ? "" : `found-${index}`);
  byId(`found-${index}`)?.scrollIntoView({ block: "nearest" });
}

function choose(index) {
  closeFound();
  found[index]?.go();
}

function closeFound() {
  byId("found").hidden = true;
  byId("search").setAttribute("aria-expanded", "false");
}

function wireSearch() {
  const box = byId("search");
  const at = () => Array.from(byId("found").children).findIndex((each) => each.getAttribute("aria-selected") === "true");
  box.addEventListener("input", drawFound);
  box.addEventListener("focus", drawFound);
  box.addEventListener("blur", closeFound);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("found").hidden) { event.stopPropagation(); return closeFound(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) { event.preventDefault(); mark((at() + step + found.length) % found.length); }
    if (event.key === "Enter" && found.length) { event.preventDefault(); choose(Math.max(0, at())); box.blur(); }
  });
}
