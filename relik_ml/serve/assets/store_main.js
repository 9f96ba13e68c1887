// Wiring of the page of a store.
let wanted = 0;

const searchStore = told(async () => {
  wanted += 1;
  const own = wanted;
  const q = byId("search").value.trim();
  if (q.length < 2) return offer([], false);
  const { things } = await ask(asked("search", { q }));
  if (own !== wanted || document.activeElement !== byId("search")) return;
  offer(things.map((term) => ({ label: term.label, family: family(term.type), go: () => { location.hash = address(term.iri); },
    note: [typeName(term.type), term.item ?? term.home, counted(term.documents, DOCUMENTS)].filter(Boolean).join(" · ") })), true);
});

function openAddress() {
  let iri = location.hash.slice(1);
  try {
    iri = decodeURIComponent(iri);
  } catch { /* the address was changed by hand */ }
  if (iri !== "portrait") openEntity(iri);
}

function setLanguage(name) {
  language = name;
  translatePage();
  if (portrait) drawPortrait();
  if (chart && world.groups.length) chart.edges().forEach((edge) => { edge.data("name", arrow(world.groups[edge.data("group")]).data.name); });
  if (chart && world.nodes.length) nameDots();
  showCard();
}

function start() {
  Object.assign(data, JSON.parse(byId("data").textContent));
  const on = (id, action) => byId(id).addEventListener("click", action);
  for (const name of PANELS) on(`tab-${name}`, () => showTab(name));
  on("language", () => setLanguage(language === "ru" ? "en" : "ru"));
  on("theme", switchTheme);
  on("zoom-in", () => zoomBy(1.25));
  on("zoom-out", () => zoomBy(0.8));
  on("fit", () => fitChart());
  on("skip", (event) => { event.preventDefault(); byId("portrait").focus(); });
  roving(byId("tabs"), "[role=tab]");
  wireSearch(soon(searchStore));
  byId("key-field").hidden = !data.service.key_header;
  byId("key").addEventListener("change", openAddress);
  byId("key-field").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", openAddress);
  language = navigator.language.toLowerCase().startsWith("ru") ? "ru" : "en";
  translatePage();
  if (data.service.key_header && !byId("key").value) byId("key").focus();
  else openAddress();
}

start();
