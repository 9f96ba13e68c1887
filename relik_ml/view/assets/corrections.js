// What the reader calls wrong, and what is right. The corrected documents can be saved, to train or to annotate further.
const fixes = new Map();
let unsaved = false;

// The browser asks before it leaves the page. A listener that is always there would slow every way off the page.
function setUnsaved(value) {
  unsaved = value;
  window.onbeforeunload = value ? (event) => event.preventDefault() : null;
}

function fixOf(what, doc, index) {
  return fixes.get(`${what}/${doc}/${index}`);
}

function isWrong(what, doc, index) {
  return Boolean(fixOf(what, doc, index)?.gone);
}

// A change is part of a correction: `{gone: true}`, `{type}`, `{link}`, `{relation}`. None takes the correction back.
function fix(what, doc, index, change) {
  const key = `${what}/${doc}/${index}`;
  const before = change && !change.gone && !fixOf(what, doc, index)?.gone ? fixOf(what, doc, index) : {};
  if (change) fixes.set(key, { ...before, ...change, what, doc, index });
  else fixes.delete(key);
  setUnsaved(fixes.size > 0);
}

function fixedMention(doc, index) {
  const mention = views[doc].document.mentions[index];
  const { type = mention.type, link = retyped(mention.link, type) } = fixOf("mention", doc, index) ?? { link: mention.link };
  const { value, ...rest } = mention;
  return type === mention.type ? { ...mention, link, score: null } : { ...rest, type, link, score: null };
}

// Values have no links, and what was taken for a value may have one.
function retyped(link, type) {
  if (data.labels.literals.includes(type)) return noLink("unlinkable");
  return link.status === "unlinkable" ? noLink("unknown") : link;
}

function noLink(status) {
  return linkTo(null, null, status);
}

function linkTo(id, label, status = "linked") {
  return { status, id, label, alternatives: [], score: null };
}

function fixedFact(doc, index) {
  const triple = views[doc].document.triples[index];
  const { relation = triple.relation } = fixOf("fact", doc, index) ?? {};
  const [subject, object] = views[doc].facts[index].mentions.map((mention) => fixedMention(doc, mention).type);
  const property = (data.labels.properties[relation] ?? []).find(({ subjects, objects }) => fits(subjects, subject) && fits(objects, object));
  const id = property ? { id: property.id, inverse: property.inverse } : /^P[1-9][0-9]*$/.test(relation) ? { id: relation, inverse: false } : null;
  return relation === triple.relation ? { ...triple, score: null } : { ...triple, relation, property: id, score: null };
}

function fits(types, type) {
  return !types.length || types.includes(type);
}

// The documents with what is right in place of what was wrong; `meta.corrections` has both.
function corrected() {
  const docs = Array.from(new Set(Array.from(fixes.values(), (each) => each.doc))).sort((one, other) => one - other);
  return docs.map((doc) => {
    const record = views[doc].document;
    const now = (what, list, fixed) => list.map((each, index) => (fixOf(what, doc, index) ? isWrong(what, doc, index) ? null : fixed(doc, index) : each));
    const mentions = now("mention", record.mentions, fixedMention);
    const triples = now("fact", record.triples, fixedFact);
    const changes = (what, before, after) => before.flatMap((was, index) => (fixOf(what, doc, index) ? [{ what, was, now: after[index] }] : []));
    const kept = mentions.filter(Boolean);
    const gone = new Set(record.mentions.filter((_, index) => !mentions[index]).map(({ id }) => id));
    return {
      ...record,
      mentions: kept,
      entities: regrouped(record.entities, record.mentions, kept),
      triples: triples.filter((triple) => triple && !gone.has(triple.subject) && !gone.has(triple.object)),
      meta: { ...record.meta, corrections: [...changes("mention", record.mentions, mentions), ...changes("fact", record.triples, triples)] },
    };
  });
}

// A mention whose link has changed leaves its entity, and joins that of its new item.
function regrouped(entities, before, after) {
  const links = new Map(before.map(({ id, link }) => [id, link]));
  const stays = new Set(after.filter(({ id, link }) => links.get(id) === link).map(({ id }) => id));
  const found = entities.map((entity) => ({ ...entity, mentions: entity.mentions.filter((id) => stays.has(id)) }));
  const items = new Map();
  for (const { id, link } of after) if (link.id) items.set(link.id, [...(items.get(link.id) ?? []), id]);
  for (const ids of items.values()) {
    if (ids.every((id) => stays.has(id)) || ids.length < 2) continue;
    const home = found.find(({ mentions }) => mentions.some((id) => ids.includes(id)));
    if (home) home.mentions = Array.from(new Set([...home.mentions, ...ids]));
    else found.push({ id: freeId(found), mentions: ids, induced: "same-link" });
  }
  return found.filter(({ mentions }) => mentions.length > 1);
}

function freeId(entities) {
  const taken = new Set(entities.map(({ id }) => id));
  let number = entities.length + 1;
  while (taken.has(`E${number}`)) number += 1;
  return `E${number}`;
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
