// What is shown: the documents, what the filters leave of them, and what is selected.
const data = { documents: [], labels: { relations: {}, types: {}, families: {}, properties: {}, literals: [] }, descriptions: {}, service: null, left_out: 0 };
const state = { doc: 0, view: null, scope: "all", hiddenTypes: new Set(), hiddenRelations: new Set(), minScore: 0, tags: "names",
  events: false, kinds: false, near: null, selected: null };
let views = [];
let world = { nodes: [], facts: [], groups: [] };

function passes(value) {
  return value === null || value >= state.minScore;
}

function mentionShown(index, view = state.view, events = state.events) {
  const mention = view.document.mentions[index];
  return !state.hiddenTypes.has(mention.type) && passes(mention.score) && (events || family(mention.type) !== "event");
}

function inScope(fact) {
  return state.scope === "all" || fact.doc === state.doc;
}

// Hidden facts are those of little interest: they follow from others, repeat them, or are denied.
function factShown(fact, events = state.events) {
  return inScope(fact) && !state.hiddenRelations.has(fact.relation) && passes(fact.score) && (state.kinds || !fact.hidden)
    && fact.mentions.every((mention) => mentionShown(mention, views[fact.doc], events))
    && (!state.near || (state.near.has(fact.subject) && state.near.has(fact.object)));
}

// Statements that the filters leave, the most interesting first, each with its shown facts.
function shownGroups() {
  const rank = ({ facts: [fact] }) => [fact.order ?? 0, -(fact.score ?? 2)];
  return world.groups.map((group) => ({ ...group, facts: group.facts.filter((fact) => factShown(fact)) }))
    .filter((group) => group.facts.length)
    .sort((one, other) => rank(one)[0] - rank(other)[0] || rank(one)[1] - rank(other)[1]);
}

function neighbours(node) {
  return new Set([node, ...world.facts.filter((fact) => factShown(fact))
    .flatMap((fact) => (fact.subject === node ? [fact.object] : fact.object === node ? [fact.subject] : []))]);
}

// What a selection lights: mentions of the open document as subject, object or plain, nodes, facts, and evidence.
function lit() {
  const { selected } = state;
  const light = { subject: new Set(), object: new Set(), mentions: new Set(), nodes: new Set(), facts: new Set(), evidence: [] };
  if (selected?.kind === "fact") {
    const fact = world.facts[selected.index];
    light.nodes.add(fact.subject).add(fact.object);
    fact.group.facts.forEach((each) => light.facts.add(each.index));
    if (fact.doc === state.doc) {
      light.subject.add(fact.mentions[0]);
      light.object.add(fact.mentions[1]);
      light.evidence = fact.evidence;
    }
  } else if (selected?.kind === "node") {
    world.nodes[selected.index].mentions.filter((each) => each.doc === state.doc).forEach((each) => light.mentions.add(each.mention));
    light.nodes.add(selected.index);
    world.facts.forEach((fact) => { if (fact.subject === selected.index || fact.object === selected.index) light.facts.add(fact.index); });
  }
  return light;
}

// The text follows a selection into its document.
function select(kind, index, mention = null) {
  state.selected = kind === null ? null : { kind, index, mention };
  const docs = kind === "fact" ? [world.facts[index].doc] : kind === "node" ? world.nodes[index].mentions.map((each) => each.doc) : [];
  if (docs.length && !docs.includes(state.doc)) openDocument(docs[0]);
  else showSelection();
}
