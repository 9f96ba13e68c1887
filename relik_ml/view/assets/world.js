// One graph over all documents: entities are one by the id of their link, or else by their name.
const NAMED = new Set(["person", "place", "made", "other"]);

function normal(name) {
  return name.toLowerCase().replaceAll("ё", "е").replace(/[«»"'“”„.,()]/g, "").replace(/\s+/g, " ").trim();
}

// Dates and numbers are the same only within a document, events not even there.
function nodeKey(node, doc, index) {
  const name = normal(node.label);
  if (node.item) return node.item;
  if (!name || family(node.type) === "event") return `${doc}/${index}`;
  return NAMED.has(family(node.type)) ? `${family(node.type)}/${name}` : `${doc}/${family(node.type)}/${name}`;
}

// Adds to each view what can be read off it, and returns the nodes, facts and statements of all of them.
function joined(documents) {
  const nodes = new Map();
  const facts = [];
  const groups = new Map();
  documents.forEach((view, doc) => {
    prepare(view);
    const here = view.nodes.map((node, index) => {
      const key = nodeKey(node, doc, index);
      if (!nodes.has(key)) nodes.set(key, { key, index: nodes.size, label: node.label, type: node.type, status: node.status, item: node.item, mentions: [] });
      const found = nodes.get(key);
      node.mentions.forEach((mention) => { view.home[mention] = found.index; found.mentions.push({ doc, mention }); });
      return found.index;
    });
    view.facts.forEach((fact, local) => {
      const [subject, object] = [here[fact.subject], here[fact.object]];
      const key = JSON.stringify([subject, fact.relation, object]);
      if (!groups.has(key)) groups.set(key, { index: groups.size, subject, relation: fact.relation, object, facts: [] });
      const group = groups.get(key);
      const kind = fact.kind ?? (subject === object ? "tautology" : null);
      const hidden = fact.hidden ?? kind !== null;
      const found = { ...fact, kind, hidden: hidden || subject === object, index: facts.length, doc, local, subject, object, group };
      facts.push(found);
      group.facts.push(found);
    });
  });
  return { nodes: Array.from(nodes.values()), facts, groups: Array.from(groups.values()) };
}

// The pieces as objects, and those under each mention.
function prepare(view) {
  let start = 0;
  view.home = [];
  view.under = view.document.mentions.map(() => []);
  view.pieces = view.pieces.map(([stop, inside, between]) => {
    const piece = { start, stop, inside, between };
    for (const mention of inside) view.under[mention].push(piece);
    start = stop;
    return piece;
  });
}

// The text of a mention: its fragments, as the pieces under it give them, joined by one blank.
function surface(index, view = state.view) {
  const parts = [];
  let last = null;
  for (const piece of view.under[index]) {
    const text = view.document.text.slice(piece.start, piece.stop);
    if (last && last.stop === piece.start) parts[parts.length - 1] += text;
    else parts.push(text);
    last = piece;
  }
  return parts.join(" ");
}
