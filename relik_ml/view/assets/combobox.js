// The search box with its list: arrows and Enter choose, Escape closes.
let found = [];

// Lists what was found: { label, note, family, go }.
function offer(items, asked) {
  found = items;
  byId("found").replaceChildren(...found.map((each, index) => html("li", { role: "option", id: `found-${index}`, "aria-selected": "false", "data-family": each.family ?? null,
    onmousedown: (event) => { event.preventDefault(); choose(index); } }, html("bdi", {}, each.label), html("span", { class: "quiet" }, each.note))));
  if (!found.length && asked) byId("found").append(html("li", { role: "option", "aria-disabled": "true", class: "quiet" }, word("notFound")));
  byId("found").hidden = !byId("found").children.length;
  byId("search").setAttribute("aria-expanded", String(!byId("found").hidden));
  mark(found.length ? 0 : -1);
}

function mark(index) {
  Array.from(byId("found").children).forEach((each, at) => each.setAttribute("aria-selected", String(at === index)));
  byId("search").setAttribute("aria-activedescendant", index < 0 ? "" : `found-${index}`);
  byId(`found-${index}`)?.scrollIntoView({ block: "nearest" });
}

function choose(index) {
  closeFound();
  found[index]?.go();
}

function closeFound() {
  byId("found").hidden = true;
  byId("search").setAttribute("aria-expanded", "false");
}

function wireSearch(draw) {
  const box = byId("search");
  const at = () => Array.from(byId("found").children).findIndex((each) => each.getAttribute("aria-selected") === "true");
  box.addEventListener("input", draw);
  box.addEventListener("focus", draw);
  box.addEventListener("blur", closeFound);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !byId("found").hidden) { event.stopPropagation(); return closeFound(); }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) { event.preventDefault(); mark((at() + step + found.length) % found.length); }
    if (event.key === "Enter" && found.length) { event.preventDefault(); choose(Math.max(0, at())); box.blur(); }
  });
}
