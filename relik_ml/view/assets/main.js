// Wiring: the page's own words, the document chooser, tabs, filters, the form, and what a selection changes.
const TABS = ["text", "graph", "facts", "timeline", "map"];
const PAINTERS = { graph: paintGraph, facts: drawFacts, timeline: drawTimeline, map: drawMap };
const stale = new Set(); // tabs to be drawn anew before they are shown

function showSelection() {
  const light = lit();
  showCard(); // first, because it takes room from the drawings
  const first = lightText(light);
  if (byId("main").dataset.tab === "graph") lightGraph(light);
  lightFacts(light);
  if (state.selected && state.selected.mention === null) scrollTextTo(first);
  writeAddress();
}

function showWords() {
  translatePage();
  const names = { none: "tagsNone", names: "tagsNames", all: "tagsAll" };
  byId("tags").replaceChildren(...Object.entries(names).map(([value, name]) => html("option", { value, selected: value === state.tags }, word(name))));
}

function showTab(tab) {
  const main = byId("main");
  main.dataset.tab = tab === "text" && !narrow() ? main.dataset.tab : tab;
  for (const name of TABS) {
    const on = main.dataset.tab === name;
    fill(byId(`tab-${name}`), { "aria-selected": String(on), tabindex: on ? "0" : "-1" }, []);
  }
  if (!state.view) return;
  paintTab();
  if (main.dataset.tab === "graph") lightGraph(lit());
  lightFacts(lit());
  writeAddress();
}

// Only the tab in sight is drawn; the others are when they come into sight.
function paintTab() {
  const { tab } = byId("main").dataset;
  if (tab === "text") return;
  if (stale.has("anew") && tab === "graph") drawGraph();
  else if (stale.has(tab)) PAINTERS[tab]();
  if (tab === "graph") stale.delete("anew");
  stale.delete(tab);
}

// Another document clears the selection, unless the selection led there.
function openDocument(index, keep = state.selected !== null && leadsTo(index)) {
  state.doc = index;
  state.view = views[index];
  byId("document").value = index;
  if (!keep) state.selected = null;
  if (state.scope === "one") setNear(null, false);
  byId("title").textContent = state.view.document.id;
  byId("title").classList.toggle("unseen", views.length > 1); // a page has a heading, also beside the chooser
  drawText();
  if (state.scope === "one") repaint(true);
  else showSelection();
  byId("text-pane").scrollTop = state.selected ? byId("text-pane").scrollTop : 0;
}

function leadsTo(doc) {
  const { kind, index } = state.selected;
  return kind === "fact" ? world.facts[index].doc === doc : world.nodes[index].mentions.some((each) => each.doc === doc);
}

function showCounts() {
  const mentions = views.reduce((sum, view) => sum + view.document.mentions.length, 0);
  byId("counts").textContent = state.view ? `${counted(mentions, MENTIONS)} · ${counted(world.facts.length, FACTS)}` : "";
}

// Filters

function drawFilters() {
  byId("types").replaceChildren(...chips("types", views.flatMap((view) => view.document.mentions.map((mention) => mention.type)), state.hiddenTypes));
  byId("relations").replaceChildren(...chips("relations", world.facts.map((fact) => fact.relation), state.hiddenRelations));
  const events = world.facts.filter((fact) => fact.mentions.some((mention) => family(views[fact.doc].document.mentions[mention].type) === "event")).length;
  const kinds = world.facts.filter((fact) => fact.hidden).length;
  byId("events-count").textContent = String(events);
  byId("kinds-count").textContent = String(kinds);
  byId("events-chip").hidden = !events;
  byId("kinds-chip").hidden = !kinds;
  byId("scope-chip").hidden = views.length < 2;
  drawLegend();
}

function drawLegend() {
  const types = new Set(world.nodes.map((node) => family(node.type)));
  byId("legend-list").replaceChildren(...FAMILIES.filter((name) => types.has(name)).map((name) => html("li", {}, html("span", { class: "dot", "data-family": name }), word(name))),
    html("li", {}, html("span", { class: "dash linked" }), word("legendLinked")), html("li", {}, html("span", { class: "dash nil" }), html("span", { class: "dot hollow" }), word("legendNil")), html("li", {}, html("span", { class: "dash" }), word("legendPlain")));
}

function chips(kind, ids, hidden) {
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Array.from(counts).sort((one, other) => other[1] - one[1]).map(([id, count]) => {
    const box = html("input", { type: "checkbox", checked: !hidden.has(id), onchange: () => { hidden[box.checked ? "delete" : "add"](id); repaint(); } });
    return html("label", { class: "chip", "data-family": kind === "types" ? family(id) : null }, box, html("span", {}, named(kind, id)), html("span", { class: "quiet" }, String(count)));
  });
}

// `anew` places the graph again; without it, what stays keeps its place.
function repaint(anew = false) {
  byId("score-shown").textContent = state.minScore.toLocaleString(language, { maximumFractionDigits: 2 });
  byId("filter-button").classList.toggle("on", state.minScore > 0 || state.hiddenTypes.size + state.hiddenRelations.size > 0);
  if (!state.view) return;
  rows = ROWS;
  paintText();
  Object.keys(PAINTERS).forEach((tab) => stale.add(tab));
  if (anew) stale.add("anew");
  paintTab();
  showSelection();
}

function setScope(scope) {
  state.scope = scope;
  byId("scope").checked = scope === "one";
  setNear(null, false);
  repaint(true);
}

function setNear(node, draw = true) {
  state.near = node === null ? null : neighbours(node);
  byId("clear-near").hidden = node === null;
  if (draw) repaint(true);
}

function resetFilters() {
  state.hiddenTypes.clear();
  state.hiddenRelations.clear();
  state.minScore = 0;
  byId("score").value = 0;
  drawFilters();
  repaint();
}

// Start

function show(documents) {
  views = documents;
  world = joined(views);
  fixes.clear();
  setUnsaved(false);
  fixing = null;
  redrawCount();
  Object.assign(state, { selected: null, near: null });
  document.body.classList.toggle("bare", !views.length);
  byId("document").replaceChildren(...views.map((view, index) => html("option", { value: index }, view.document.id)));
  byId("chooser").hidden = views.length < 2;
  if (!views.length) return;
  byId("legend").open = !narrow();
  drawFilters();
  const address = location.hash;
  byId("graph-hint").textContent = word("placing");
  byId("graph-hint").hidden = false;
  openDocument(0, false);
  showCounts();
  // The text is painted before the graph is placed.
  setTimeout(() => { if (data.service || !readAddress(address)) repaint(true); });
}

function wire() {
  const on = (id, action, name = "click") => byId(id).addEventListener(name, action);
  on("document", (event) => openDocument(Number(event.target.value), false), "change");
  on("previous", () => openDocument((state.doc + views.length - 1) % views.length, false));
  on("next", () => openDocument((state.doc + 1) % views.length, false));
  on("language", () => setLanguage(language === "ru" ? "en" : "ru"));
  on("theme", switchTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.style(chartStyle()));
  on("filter-button", () => {
    byId("filters").hidden = !byId("filters").hidden;
    byId("filter-button").setAttribute("aria-expanded", String(!byId("filters").hidden));
  });
  on("score", (event) => { state.minScore = Number(event.target.value); repaint(); }, "input");
  on("tags", (event) => { state.tags = event.target.value; paintText(); }, "change");
  on("events", (event) => { state.events = event.target.checked; repaint(true); }, "change");
  on("kinds", (event) => { state.kinds = event.target.checked; repaint(true); }, "change");
  on("scope", (event) => setScope(event.target.checked ? "one" : "all"), "change");
  on("clear-near", () => setNear(null));
  on("reset", resetFilters);
  on("zoom-in", () => zoomBy(1.25));
  on("zoom-out", () => zoomBy(0.8));
  on("fit", () => fitChart());
  wireSaving(on);
  for (const tab of TABS) on(`tab-${tab}`, () => showTab(tab));
  addEventListener("hashchange", () => readAddress());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (!byId("tip").hidden) hideTip();
    else if (byId("downloads").open) byId("downloads").open = false;
    else if (state.selected) select(null);
  });
  document.addEventListener("scroll", () => { if (tipFor !== document.activeElement) hideTip(); }, { capture: true, passive: true });
  roving(byId("tabs"), "[role=tab]");
  roving(byId("text"), ".first");
  for (const list of ["facts", "timeline"]) roving(byId(list), ".fact", { keys: ["ArrowDown", "ArrowUp"] });
  roving(byId("map"), ".entity, .leaf", { keys: ["ArrowDown", "ArrowUp"] });
  wireSearch(drawFound);
}

function wireSaving(on) {
  on("save-jsonl", () => save("documents.jsonl", "application/x-ndjson", jsonLines(views.map((view) => view.document))));
  on("save-csv", () => save("facts.csv", "text/csv", `\ufeff${csv(factRows())}`));
  on("save-png", () => { showTab("graph"); save("graph.png", "image/png", png()); });
  on("save-svg", () => { showTab("graph"); save("graph.svg", "image/svg+xml", drawing()); });
  on("save-link", () => { navigator.clipboard?.writeText(location.href); byId("downloads").open = false; });
  on("save-corrected", () => { save("corrected.jsonl", "application/x-ndjson", jsonLines(corrected())); setUnsaved(false); });
  on("save-brat", () => { save("corrected-brat.zip", "application/zip", zip(bratFiles())); setUnsaved(false); });
}

function setLanguage(name) {
  language = name;
  showWords();
  if (!state.view && !byId("notice").classList.contains("error")) notice(word(data.service ? "waiting" : "noDocuments"));
  if (!state.view) return;
  showCounts();
  drawFilters();
  repaint();
}

function start() {
  try {
    Object.assign(data, JSON.parse(byId("data").textContent));
  } catch (error) {
    document.body.classList.add("bare");
    return notice(`${word("broken")}: ${error.message}`, "error");
  }
  wire();
  const first = data.documents[0]?.document.lang ?? navigator.language;
  language = first.toLowerCase().startsWith("ru") ? "ru" : "en";
  if (data.service) prepareForm(data.service);
  showWords();
  showTab(narrow() ? "text" : "graph");
  show(data.documents);
  if (!data.documents.length) notice(word(data.service ? "waiting" : "noDocuments"));
  else if (data.left_out) notice(word("leftOut", data.left_out));
}

start();
