// What the page of a store shows: the open entity, and the graph that has been opened around it.
const data = { labels: { relations: {}, types: {}, families: {} }, service: { key_header: null } };
let world = { nodes: [], facts: [], groups: [] };
let selected = null; // a node or a fact of the graph
let portrait = null; // the record of the open entity
let visit = 0; // grows with each entity that is opened; answers for an earlier one are dropped

function shownGroups() {
  return world.groups;
}

function factShown() {
  return true;
}

function inScope() {
  return true;
}

function lit() {
  const light = { nodes: new Set(), facts: new Set() };
  if (selected?.kind === "fact") {
    const fact = world.facts[selected.index];
    light.nodes.add(fact.subject).add(fact.object);
    light.facts.add(fact.index);
  } else if (selected?.kind === "node") {
    light.nodes.add(selected.index);
    world.facts.forEach((fact) => { if (fact.subject === selected.index || fact.object === selected.index) light.facts.add(fact.index); });
  }
  return light;
}

// Asks the service; an Error says what it refuses.
async function ask(path, body = null) {
  const header = data.service.key_header;
  const headers = header && byId("key").value ? { [header]: byId("key").value } : {};
  const options = body ? { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) } : { headers };
  let answer;
  try {
    answer = await fetch(`graph/${path}`, options);
  } catch {
    throw new Error(word("unreachable"));
  }
  const found = await answer.json().catch(() => ({ detail: "" }));
  if (!answer.ok) throw new Error(`${answer.status} ${found.detail}`);
  return found;
}

function asked(path, values) {
  return `${path}?${new URLSearchParams(values)}`;
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").classList.toggle("error", Boolean(text));
  byId("notice").hidden = !text;
}

// Runs an action of the reader; what goes wrong is told.
function told(action) {
  return async (...given) => {
    try {
      notice("");
      await action(...given);
    } catch (error) {
      notice(`${word("failed")}: ${error.message}`);
    }
  };
}

function address(iri) {
  return `#${encodeURIComponent(iri)}`;
}

// A thing as a link to its page, a literal as its text.
function termLink(term) {
  const home = term.home ? html("span", { class: "quiet" }, " [", html("bdi", {}, term.home), "]") : "";
  if (!term.iri) return html("bdi", { class: "value" }, term.label);
  return html("span", { class: "term", "data-family": family(term.type) }, html("a", { href: address(term.iri) }, html("bdi", {}, term.label)), home);
}

function typeName(type) {
  return DATATYPES.test(type) ? "" : named("types", type);
}

function sureness(value) {
  return value === null ? "" : value > 0.995 ? `> ${score(0.99)}` : score(value);
}
