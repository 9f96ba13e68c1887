// What the reader calls wrong. The documents without it can be saved, to train or to annotate further.
const wrong = new Map();

function isWrong(what, doc, index) {
  return wrong.has(`${what}/${doc}/${index}`);
}

function wrongButton(what, doc, index) {
  const on = isWrong(what, doc, index);
  const shown = on ? word("undo") : word({ mention: "wrongShort", link: "wrongLinkShort", fact: "wrongShort" }[what]);
  const label = `${shown} (${word({ mention: "wrongMention", link: "wrongLink", fact: "wrongFact" }[what])})`;
  return html("button", { type: "button", class: "wrong-button", "aria-pressed": String(on), title: label, "aria-label": label, "data-wrong": what,
    onclick: () => { callWrong(what, doc, index); } }, shown);
}

function callWrong(what, doc, index) {
  const key = `${what}/${doc}/${index}`;
  if (!wrong.delete(key)) wrong.set(key, { what, doc, index });
  byId("wrong-count").textContent = wrong.size ? counted(wrong.size, CORRECTIONS) : word("noCorrections");
  for (const id of ["save-corrected", "save-brat"]) byId(id).disabled = !wrong.size;
  byId("downloads").classList.toggle("on", wrong.size > 0);
  drawFacts();
  showSelection();
}

// The corrected documents: without wrong mentions and facts; a wrong link is unknown. `meta.corrections` says what was taken.
function corrected() {
  const docs = Array.from(new Set(Array.from(wrong.values(), (each) => each.doc))).sort((one, other) => one - other);
  return docs.map((doc) => {
    const record = views[doc].document;
    const bad = (what, list) => list.filter((_, index) => isWrong(what, doc, index));
    const gone = new Set(bad("mention", record.mentions).map((mention) => mention.id));
    const noLink = { status: "unknown", id: null, label: null, alternatives: [], score: null };
    const corrections = { mentions: bad("mention", record.mentions), links: bad("link", record.mentions).map(({ id, link }) => ({ mention: id, id: link.id, status: link.status })), facts: bad("fact", record.triples) };
    return {
      ...record,
      mentions: record.mentions.map((mention, index) => (isWrong("link", doc, index) ? { ...mention, link: noLink } : mention)).filter((mention) => !gone.has(mention.id)),
      entities: record.entities.map((entity) => ({ ...entity, mentions: entity.mentions.filter((id) => !gone.has(id)) })).filter((entity) => entity.mentions.length),
      triples: record.triples.filter((triple, index) => !isWrong("fact", doc, index) && !gone.has(triple.subject) && !gone.has(triple.object)),
      meta: { ...record.meta, corrections },
    };
  });
}

// A document as brat standoff, as `relik-ml export brat` writes it: mentions, relations, links.
function standoff({ text, mentions, triples }) {
  const points = Array.from(text);
  const number = new Map(mentions.map((mention, index) => [mention.id, `T${index + 1}`]));
  const lines = mentions.map((mention) => {
    const spans = (mention.fragments.length ? mention.fragments : [[mention.start, mention.stop]]).flatMap((span) => unbroken(points, span));
    return `${number.get(mention.id)}\t${oneWord(mention.type)} ${spans.map((span) => span.join(" ")).join(";")}\t${spans.map(([start, stop]) => points.slice(start, stop).join("")).join(" ")}`;
  });
  lines.push(...triples.map((triple, index) => `R${index + 1}\t${oneWord(triple.relation)} Arg1:${number.get(triple.subject)} Arg2:${number.get(triple.object)}\t`));
  const linked = mentions.filter(({ link }) => link.status === "nil" || /^Q[1-9][0-9]*$/.test(link.id ?? ""));
  lines.push(...linked.map(({ id, link }, index) => `N${index + 1}\tReference ${number.get(id)} Wikidata:${link.status === "nil" ? "NULL" : link.id}\t${(link.label ?? "").replace(/[\r\n]+/g, " ")}`));
  return lines.map((line) => `${line}\n`).join("");
}

function oneWord(name) {
  return name.replace(/\s+/g, "_") || "_";
}

// Brat wants no line end within a fragment.
function unbroken(points, [start, stop]) {
  const parts = [];
  for (let at = start; at <= stop; at += 1) {
    if (at < stop && points[at] !== "\n" && points[at] !== "\r") continue;
    if (at > start) parts.push([start, at]);
    start = at + 1;
  }
  return parts;
}

function bratFiles() {
  return corrected().flatMap((record, index) => {
    const name = `${index + 1}-${record.id.replace(/[^\p{L}\p{N}_-]+/gu, "_").slice(0, 60)}`;
    return [[`${name}.txt`, record.text], [`${name}.ann`, standoff(record)]];
  });
}
