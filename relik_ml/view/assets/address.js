// The address of the page says what is selected, so that a link restores it.
const writeAddress = soon(() => { // browsers allow few changes a second
  if (!state.view) return;
  const { selected } = state;
  const parts = new URLSearchParams();
  if (!data.service) parts.set("doc", state.view.document.id);
  if (selected?.kind === "node") parts.set("node", world.nodes[selected.index].key);
  if (selected?.kind === "fact") parts.set("fact", world.facts[selected.index].local);
  if (byId("main").dataset.tab !== "graph") parts.set("tab", byId("main").dataset.tab);
  if (state.scope === "one" && views.length > 1) parts.set("scope", "one");
  try {
    history.replaceState(null, "", `#${parts}`);
  } catch { /* a frame of a notebook has no address of its own */ }
});

function readAddress(address = location.hash) {
  const parts = new URLSearchParams(address.slice(1));
  const doc = views.findIndex((view) => view.document.id === parts.get("doc"));
  if (doc < 0) return false;
  const selected = parts.has("fact") ? world.facts.find((fact) => fact.doc === doc && fact.local === Number(parts.get("fact"))) : world.nodes.find((node) => node.key === parts.get("node"));
  openDocument(doc, false);
  setScope(parts.get("scope") === "one" ? "one" : "all");
  if (TABS.includes(parts.get("tab"))) showTab(parts.get("tab"));
  if (selected) select(parts.has("fact") ? "fact" : "node", selected.index);
  return true;
}
