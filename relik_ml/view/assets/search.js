// Search: entities by their names and ids, then the words of the texts.
const FOUND = 8;

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
  const query = byId("search").value;
  offer(search(query), normal(query).length > 1);
}
