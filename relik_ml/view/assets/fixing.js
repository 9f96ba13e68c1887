// The form of a correction: what a mention or a fact is instead.
let fixing = null; // the mention or fact whose form is open

function fixButton(what, doc, index) {
  const key = `${what}/${doc}/${index}`;
  const done = fixWords(what, doc, index);
  return html("button", { type: "button", class: "wrong-button", "aria-expanded": String(fixing === key), "data-fix": key, "data-wrong": what, "aria-label": `${done || word("wrong")} (${word(what)})`,
    onclick: () => { fixing = fixing === key ? null : key; redrawCard(); byId("card").querySelector(".fix")?.scrollIntoView({ block: "nearest" }); } }, html("span", { class: done ? "wrong-mark" : null }, done || word("wrong")));
}

// The correction in short; empty where there is none.
function fixWords(what, doc, index) {
  const made = fixOf(what, doc, index);
  if (!made) return "";
  if (made.gone) return `✗ ${word(what === "mention" ? "noMention" : "noFact")}`;
  const parts = [made.type && named("types", made.type), made.relation && named("relations", made.relation), made.link && (made.link.label ?? made.link.id ?? word({ nil: "noItem", unknown: "otherItem" }[made.link.status]))];
  return `→ ${parts.filter(Boolean).join(", ")}`;
}

function fixForm(what, doc, index) {
  if (fixing !== `${what}/${doc}/${index}`) return "";
  const choose = (change) => { fix(what, doc, index, change); redrawCorrections(); };
  const made = fixOf(what, doc, index) ?? {};
  return html("div", { class: "fix", role: "group", "aria-label": word("isInstead") }, html("p", { class: "quiet" }, word("isInstead")),
    ...(what === "mention" ? mentionChoices(doc, index, made, choose) : factChoices(doc, index, made, choose)),
    html("div", { class: "row" }, option("gone", made.gone, word(what === "mention" ? "noMention" : "noFact"), () => choose({ gone: true })),
      made.what ? option("back", null, word("undo"), () => choose(null)) : "", made.what && what === "mention" ? sameForAll(doc, index, made) : ""));
}

function option(name, on, shown, onclick) {
  return html("button", { type: "button", class: "choice", "data-fix": name, "aria-pressed": on === null ? null : String(Boolean(on)), onclick }, ...[shown].flat());
}

function mentionChoices(doc, index, made, choose) {
  const { link, type } = views[doc].document.mentions[index];
  const others = (link.candidates ?? []).filter(({ id }) => id !== link.id);
  const is = (status, id = null) => made.link?.status === status && made.link.id === id;
  const types = selection("type", word("typeIs"), "types", Object.keys(data.labels.types), made.type ?? type, (value) => choose({ type: value }));
  return data.labels.literals.includes(made.type ?? type) ? [types] : [
    ...others.map(({ id, label, score: sure }, at) => option(`candidate-${at}`, is("linked", id), [html("b", {}, html("bdi", {}, label ?? id)), " ", html("span", { class: "quiet" }, [described(id), id, score(sure)].filter(Boolean).join(" · "))],
      () => choose({ link: linkTo(id, label) }))),
    html("div", { class: "row" }, link.status === "nil" ? "" : option("nil", is("nil"), word("noItem"), () => choose({ link: noLink("nil") })),
      option("unknown", is("unknown"), word("otherItem"), () => choose({ link: noLink("unknown") })), itemField(made, choose)),
    types,
  ];
}

// A Q number; the names on the page are offered with theirs.
function itemField(made, choose) {
  const items = world.nodes.filter(({ item }) => /^Q[1-9][0-9]*$/.test(item ?? ""));
  const box = html("input", { type: "text", size: "12", list: "items", placeholder: "Q42", autocomplete: "off", spellcheck: "false", "data-fix": "item", value: made.link?.id ?? "", oninput: () => box.setCustomValidity(""), onchange: () => {
    const id = box.value.trim().toUpperCase();
    box.setCustomValidity(/^Q[1-9][0-9]*$/.test(id) ? "" : word("badItem"));
    if (box.reportValidity()) choose({ link: linkTo(id, items.find(({ item }) => item === id)?.label ?? null) });
  } });
  return html("label", {}, `${word("itemIs")} `, box, html("datalist", { id: "items" }, ...items.map(({ item, label }) => html("option", { value: item }, label))));
}

function factChoices(doc, index, made, choose) {
  const { relation } = views[doc].document.triples[index];
  const properties = /^P[1-9][0-9]*$/.test(relation); // documents name relations as NEREL does, or by property
  const known = Object.keys(data.labels.relations).filter((name) => /^P[1-9][0-9]*$/.test(name) === properties);
  return [selection("relation", word("relationIs"), "relations", Array.from(new Set([relation, ...known])), made.relation ?? relation, (value) => choose({ relation: value }))];
}

function selection(name, label, kind, ids, chosen, take) {
  const sorted = Array.from(new Set([chosen, ...ids])).sort((one, other) => named(kind, one).localeCompare(named(kind, other)));
  return html("label", { class: "row" }, label, html("select", { "data-fix": name, onchange: (event) => take(event.target.value) },
    ...sorted.map((id) => html("option", { value: id, selected: id === chosen }, named(kind, id)))));
}

function sameForAll(doc, index, made) {
  const { mentions } = world.nodes[views[doc].home[index]];
  if (mentions.length < 2) return "";
  return option("all", null, word("sameForAll", mentions.length), () => { mentions.forEach((each) => fix("mention", each.doc, each.mention, made)); redrawCorrections(); });
}

function redrawCount() {
  byId("wrong-count").textContent = fixes.size ? counted(fixes.size, CORRECTIONS) : word("noCorrections");
  for (const id of ["save-corrected", "save-brat"]) byId(id).disabled = !fixes.size;
  byId("downloads").classList.toggle("on", fixes.size > 0);
}

function redrawCorrections() {
  redrawCount();
  drawFacts();
  paintText();
  lightText(lit());
  redrawCard();
}

// The card anew, with its place and its focus as they were.
function redrawCard() {
  const card = byId("card");
  const [top, focus] = [card.scrollTop, document.activeElement?.dataset.fix];
  showCard();
  card.scrollTop = top;
  if (focus) (card.querySelector(`[data-fix="${focus}"]`) ?? card.querySelector('[aria-expanded="true"]'))?.focus({ preventScroll: true });
}
