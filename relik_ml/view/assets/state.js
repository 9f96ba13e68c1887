// What is shown: the document, what the filters leave of it, and what is selected.
const data = { documents: [], labels: { relations: {}, types: {}, families: {} }, service: null, left_out: 0 };
const state = { view: null, hiddenTypes: new Set(), hiddenRelations: new Set(), minScore: 0, tags: "links", selected: null };

function passes(value) {
  return value === null || value >= state.minScore;
}

function mentionShown(index) {
  const mention = state.view.document.mentions[index];
  return !state.hiddenTypes.has(mention.type) && passes(mention.score);
}

function factShown(fact) {
  return !state.hiddenRelations.has(fact.relation) && passes(fact.score) && fact.mentions.every(mentionShown);
}

function shownFacts() {
  return state.view.facts.map((fact, index) => ({ ...fact, index })).filter(factShown);
}

function nodeOf(mention) {
  return state.view.home[mention];
}

// The text of a mention: its fragments, as the pieces under it give them, joined by one blank.
function surface(index) {
  const parts = [];
  let last = null;
  for (const piece of state.view.under[index]) {
    const text = state.view.document.text.slice(piece.start, piece.stop);
    if (last && last.stop === piece.start) parts[parts.length - 1] += text;
    else parts.push(text);
    last = piece;
  }
  return parts.join(" ");
}

// Adds to a view what can be read off it: the pieces as objects, those under each mention, each mention's node.
function prepared(view) {
  let start = 0;
  view.under = view.document.mentions.map(() => []);
  view.pieces = view.pieces.map(([stop, inside, between]) => {
    const piece = { start, stop, inside, between };
    for (const mention of inside) view.under[mention].push(piece);
    start = stop;
    return piece;
  });
  view.home = [];
  view.nodes.forEach((node, index) => node.mentions.forEach((mention) => { view.home[mention] = index; }));
  return view;
}

// What a selection lights: mentions as subject, object or plain, nodes, facts, and evidence in the text.
function lit() {
  const { view, selected } = state;
  const light = { subject: new Set(), object: new Set(), mentions: new Set(), nodes: new Set(), facts: new Set(), evidence: [] };
  if (selected?.kind === "fact") {
    const fact = view.facts[selected.index];
    light.subject.add(fact.mentions[0]);
    light.object.add(fact.mentions[1]);
    light.nodes.add(fact.subject).add(fact.object);
    light.facts.add(selected.index);
    light.evidence = fact.evidence;
  } else if (selected?.kind === "node") {
    view.nodes[selected.index].mentions.forEach((mention) => light.mentions.add(mention));
    light.nodes.add(selected.index);
    view.facts.forEach((fact, index) => {
      if (fact.subject === selected.index || fact.object === selected.index) light.facts.add(index);
    });
  }
  return light;
}

function select(kind, index, mention = null) {
  state.selected = kind === null ? null : { kind, index, mention };
  showSelection();
}
