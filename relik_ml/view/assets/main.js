// Wiring: the page's own words, the document chooser, tabs, filters, the form, and what a selection changes.
const TABS = ["text", "graph", "facts", "map"];
let views = [];

function showSelection() {
  const light = lit();
  showCard(); // first, for it takes room from the drawings
  const first = lightText(light);
  lightGraph(light);
  lightFacts(light);
  lightMap(light);
  const { selected } = state;
  if (selected?.kind === "fact") scrollTextTo(first);
  else if (selected && selected.mention === null) scrollTextTo(first);
}

function showWords() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const element of document.querySelectorAll("[data-title]")) fill(element, { title: word(element.dataset.title), "aria-label": word(element.dataset.title) }, []);
  byId("language").textContent = language === "ru" ? "EN" : "РУ";
  const names = { none: "tagsNone", links: "tagsLinks", all: "tagsAll" };
  byId("tags").replaceChildren(...Object.entries(names).map(([value, name]) => html("option", { value, selected: value === state.tags }, word(name))));
}

function showTab(tab) {
  byId("main").dataset.tab = tab === "text" && !narrow() ? byId("main").dataset.tab : tab;
  for (const name of TABS) {
    const on = byId("main").dataset.tab === name;
    fill(byId(`tab-${name}`), { "aria-selected": String(on), tabindex: on ? "0" : "-1" }, []);
  }
  if (tab === "graph" && graphCanvas && !graphCanvas.touched) graphCanvas.fit();
  if (tab === "map" && mapCanvas && !mapCanvas.touched) mapCanvas.fit();
  if (state.selected && tab === "graph") lightGraph(lit());
  if (state.selected && tab === "map") lightMap(lit());
}

function narrow() {
  return matchMedia("(max-width: 760px)").matches;
}

function showDocument(index) {
  const view = views[index];
  state.view = view.home ? view : prepared(view);
  state.selected = null;
  byId("title").textContent = state.view.document.id;
  byId("title").hidden = views.length > 1;
  drawText();
  drawGraph();
  drawMap();
  drawFilters();
  drawFacts();
  showCounts();
  showCard();
  byId("text-pane").scrollTop = 0;
}

function showCounts() {
  const { view } = state;
  byId("counts").textContent = view ? `${counted(view.document.mentions.length, MENTIONS)} · ${counted(view.facts.length, FACTS)}` : "";
}

// Filters

function drawFilters() {
  const { view } = state;
  byId("types").replaceChildren(...chips("types", view.document.mentions.map((mention) => mention.type), state.hiddenTypes));
  byId("relations").replaceChildren(...chips("relations", view.facts.map((fact) => fact.relation), state.hiddenRelations));
}

function chips(kind, ids, hidden) {
  const counts = new Map();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return Array.from(counts).sort((one, other) => other[1] - one[1]).map(([id, count]) => {
    const box = html("input", { type: "checkbox", checked: !hidden.has(id), onchange: () => { hidden[box.checked ? "delete" : "add"](id); repaint(); } });
    return html("label", { class: "chip", "data-family": kind === "types" ? family(id) : null }, box, html("span", {}, named(kind, id)), html("span", { class: "quiet" }, String(count)));
  });
}

function repaint() {
  byId("score-shown").textContent = state.minScore.toLocaleString(language, { maximumFractionDigits: 2 });
  byId("filter-button").classList.toggle("on", state.minScore > 0 || state.hiddenTypes.size + state.hiddenRelations.size > 0);
  if (!state.view) return;
  paintText();
  paintGraph();
  paintMap();
  drawFacts();
  showSelection();
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
  document.body.classList.toggle("bare", !views.length);
  byId("document").replaceChildren(...views.map((view, index) => html("option", { value: index }, view.document.id)));
  byId("chooser").hidden = views.length < 2;
  if (views.length) showDocument(0);
}

function wire() {
  byId("document").addEventListener("change", (event) => showDocument(Number(event.target.value)));
  byId("language").addEventListener("click", () => setLanguage(language === "ru" ? "en" : "ru"));
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  byId("filter-button").addEventListener("click", () => {
    byId("filters").hidden = !byId("filters").hidden;
    byId("filter-button").setAttribute("aria-expanded", String(!byId("filters").hidden));
  });
  byId("score").addEventListener("input", (event) => { state.minScore = Number(event.target.value); repaint(); });
  byId("tags").addEventListener("change", (event) => { state.tags = event.target.value; repaint(); });
  byId("reset").addEventListener("click", resetFilters);
  byId("save-jsonl").addEventListener("click", () => save("documents.jsonl", "application/x-ndjson", jsonLines(views)));
  byId("save-csv").addEventListener("click", () => save("facts.csv", "text/csv", `\ufeff${csv(factRows())}`));
  byId("save-svg").addEventListener("click", () => save("graph.svg", "image/svg+xml", drawing()));
  for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => showTab(tab));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (byId("downloads").open) byId("downloads").open = false;
    else if (state.selected) select(null);
  });
  for (const id of ["graph", "map"]) byId(id).addEventListener("click", (event) => {
    const canvas = id === "graph" ? graphCanvas : mapCanvas;
    if (event.target === byId(id) && !canvas?.dragged && state.view) select(null);
  });
  roving(byId("tabs"), "[role=tab]");
  roving(byId("text"), ".first");
  roving(byId("facts"), ".fact", { keys: ["ArrowDown", "ArrowUp"] });
  roving(byId("graph"), ".node", { next: boxBeside });
  roving(byId("map"), ".node, .leaf", { keys: ["ArrowDown", "ArrowUp"] });
}

function setLanguage(name) {
  language = name;
  showWords();
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
