// The page of an entity: its facts by relation, its dates, what is mentioned beside it, and its sentences.
const PANELS = ["facts", "dates", "beside", "texts", "graph"];

const openEntity = told(async (iri) => {
  visit += 1;
  const own = visit;
  const found = iri ? await ask(asked("thing", { iri })) : await ask("about");
  if (own !== visit) return;
  portrait = found;
  clearGraph();
  drawPortrait();
  byId("portrait").scrollTop = 0;
  if (iri) await openNode(addNode(found.thing));
});

function drawPortrait() {
  const { thing } = portrait;
  document.title = thing ? `${thing.label} · relik-ml` : "relik-ml";
  byId("tabs").hidden = byId("graph-pane").hidden = !thing;
  byId("main").classList.toggle("start", !thing);
  for (const name of PANELS.slice(0, -1)) byId(`panel-${name}`).replaceChildren();
  if (!thing) return drawWelcome();
  const place = /^Q/.test(thing.item) ? wikidataLink(thing.item, `${word("wikidata")} ${thing.item}`) : thing.item ? `${word("nilHere")}, ${thing.item}` : thing.home ? html("span", {}, `${word("onlyIn")} `, html("bdi", {}, thing.home)) : word(thing.status === "nil" ? "nilHere" : "unknown");
  byId("head").replaceChildren(html("h1", {}, html("bdi", {}, thing.label)),
    html("p", { class: "quiet" }, html("span", { class: "dot", "data-family": family(thing.type) }), `${typeName(thing.type)} · `, place, ` · ${counted(thing.documents, DOCUMENTS)}`));
  drawFacts();
  byId("panel-dates").replaceChildren(portrait.timeline.length ? html("ul", { class: "rows" }, ...portrait.timeline.map((fact) => factRow(fact, datedParts(fact)))) : html("p", { class: "empty" }, word("noDates")));
  drawBeside();
  drawTexts();
  showTab(byId("main").dataset.tab);
}

function drawWelcome() {
  const { documents, facts, things, top } = portrait;
  byId("head").replaceChildren(html("h1", {}, word("welcome")), html("p", { class: "quiet" }, word("welcomeCounts", documents, facts, things)));
  byId("panel-facts").replaceChildren(...(top.length ? [html("h2", {}, word("mostNamed")), html("ul", { class: "cloud" }, ...top.map((term) => html("li", {}, termLink(term), html("span", { class: "quiet number" }, ` ${term.documents.toLocaleString(language)}`))))] : []));
  showTab("facts");
}

function drawFacts() {
  const shown = portrait.relations.filter(({ hidden }) => !hidden);
  const hidden = portrait.relations.filter((each) => each.hidden);
  byId("panel-facts").replaceChildren(...shown.map(relationPart),
    ...(hidden.length ? [html("details", { class: "denied" }, html("summary", {}, word("hiddenFacts")), ...hidden.map(relationPart))] : []),
    ...(portrait.relations.length ? [] : [html("p", { class: "empty" }, word("noFactsHere"))]));
}

function relationPart(group) {
  const { relation, outward, hidden, count, facts } = group;
  const name = named("relations", relation);
  const property = facts.find((fact) => /^P\d+$/.test(fact.property))?.property;
  const list = html("ul", { class: "rows" }, ...facts.map((fact) => factRow(fact, [otherEnd(fact)])));
  const add = told(async () => {
    const found = await ask(asked("facts", { iri: portrait.thing.iri, relation, outward, hidden, start: facts.length }));
    facts.push(...found.facts);
    list.append(...found.facts.map((fact) => factRow(fact, [otherEnd(fact)])));
    more.hidden = facts.length >= count || !found.facts.length;
    list.children[facts.length - found.facts.length]?.querySelector("a, button")?.focus();
  });
  const more = html("button", { type: "button", class: "link", onclick: add, hidden: facts.length >= count }, word("moreFacts", count));
  return html("section", { class: "relation-part" }, html("h2", {}, outward ? name : WORDS.inward[language === "ru" ? 0 : 1].replace("{0}", name), " ",
    property ? html("span", { class: "quiet number" }, wikidataLink(property)) : "", count > 1 ? html("span", { class: "quiet number" }, ` ${count.toLocaleString(language)}`) : ""), list, more);
}

function otherEnd(fact) {
  return termLink(fact.subject.iri === portrait.thing.iri ? fact.object : fact.subject);
}

function datedParts(fact) {
  const own = fact.subject.iri === portrait.thing.iri;
  return [html("span", { class: "date" }, html("bdi", {}, fact.object.label)), own ? "" : termLink(fact.subject), html("span", { class: "quiet" }, named("relations", fact.relation))];
}

// A fact with a button for its sources, which come when they are asked for.
function factRow(fact, parts) {
  const place = html("div", { class: "sources", hidden: true });
  const toggle = told(async () => {
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
    if (!place.hidden && !place.children.length) await showSources(fact, place);
  });
  const about = [sureness(fact.score), fact.documents > 1 ? counted(fact.documents, DOCUMENTS) : "", fact.kind === "stated" ? "" : named("kinds", fact.kind)].filter(Boolean).join(" · ");
  const button = html("button", { type: "button", class: "why", "aria-expanded": "false", onclick: toggle }, html("span", { class: "unseen" }, word("sourcesOf")), `${about || word("sourcesOf")} `, html("span", { "aria-hidden": "true" }, "▾"));
  return html("li", {}, html("div", { class: "line" }, ...parts, button), place);
}

async function showSources(fact, place) {
  const found = await ask(asked("sources", { fact: fact.id }));
  const list = html("ul", { class: "quotes" }, ...found.sources.map(sourceItem));
  const add = told(async () => {
    const more = await ask(asked("sources", { fact: fact.id, start: list.children.length }));
    list.append(...more.sources.map(sourceItem));
    button.hidden = !more.sources.length || list.children.length >= found.statements;
  });
  const button = html("button", { type: "button", class: "link", onclick: add, hidden: list.children.length >= found.statements }, word("moreSources"));
  place.replaceChildren(...explained(found), list, button);
}

// How the score of a fact comes about.
function explained(fact) {
  if (fact.score === null) return [html("p", { class: "quiet" }, word("noScore"))];
  if (fact.counted === 1) return [html("p", { class: "quiet" }, word(fact.statements === 1 ? "oneSource" : "sameSource"))];
  const scores = fact.sources.filter((source) => source.counts && source.score !== null).map((source) => source.score);
  const shown = scores.slice(0, 4).map((each) => `(1 − ${score(each)})`).join(" · ");
  const rest = fact.counted > Math.min(4, scores.length) ? ` · … (${word("factors", fact.counted)})` : "";
  const result = fact.score > 0.995 ? sureness(fact.score) : `= ${score(fact.score)}`;
  return [html("p", { class: "quiet" }, `${word("severalSources")} `, html("span", { class: "formula" }, `1 − ${shown}${rest} ${result}`), `. ${word("countedOnce")}`)];
}

function pieces(parts) {
  return parts.map(([text, role]) => (role ? html("mark", { class: role }, text) : text));
}

function sourceItem(source) {
  const about = [sureness(source.score), source.kind === "stated" ? "" : named("kinds", source.kind), source.counts ? "" : word("notCounted")].filter(Boolean).join(" · ");
  return html("li", {}, html("blockquote", {}, ...pieces(source.pieces)), html("p", { class: "quiet number" }, html("bdi", {}, source.document), about ? ` · ${about}` : ""));
}

function drawBeside() {
  const { documents, things } = portrait.together;
  byId("panel-beside").replaceChildren(...(things.length ? [html("p", { class: "quiet" }, word("besideCounts", documents)),
    html("ul", { class: "rows" }, ...things.map((term) => html("li", {}, html("div", { class: "line" }, termLink(term), html("span", { class: "quiet" }, typeName(term.type)), html("span", { class: "quiet number" }, counted(term.together, DOCUMENTS))))))]
    : [html("p", { class: "empty" }, word("nothingBeside"))]));
}

function drawTexts() {
  const shown = portrait.sentences;
  const item = (each) => html("li", {}, html("blockquote", {}, ...pieces(each.pieces)), html("p", { class: "quiet number" }, html("bdi", {}, each.document)));
  const list = html("ul", { class: "quotes" }, ...shown.map(item));
  const add = told(async () => {
    const found = await ask(asked("sentences", { iri: portrait.thing.iri, start: shown.length }));
    shown.push(...found.sentences);
    list.append(...found.sentences.map(item));
    more.hidden = !found.sentences.length;
  });
  const more = html("button", { type: "button", class: "link", onclick: add, hidden: shown.length < 8 }, word("moreTexts"));
  byId("panel-texts").replaceChildren(list, more);
}

function showTab(tab) {
  const main = byId("main");
  main.dataset.tab = tab === "graph" && !narrow() ? "facts" : tab;
  for (const name of PANELS) {
    const on = main.dataset.tab === name;
    fill(byId(`tab-${name}`), { "aria-selected": String(on), tabindex: on ? "0" : "-1" }, []);
    byId(`tab-${name}`).textContent = word(name);
  }
  if (tab === "graph") fitChart();
}
