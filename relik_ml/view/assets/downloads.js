// What the browser itself can write: the documents, the facts, the drawing.
function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = html("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  byId("downloads").open = false;
}

// Lone surrogates are written as escapes, so that every text survives.
function jsonLines(views) {
  return views.map((view) => `${JSON.stringify(view.document)}\n`).join("");
}

function csv(rows) {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

// Quoted throughout. What a spreadsheet might run as a formula gets an apostrophe before it, and so does what begins
// with one: take one leading apostrophe off each cell and the texts are as they were.
const FORMULA = /^(?:[\s\0-\x20\x7f-\xa0\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*['=+@|%\-＝＋＠－]|[\t\r\n])/;

function cell(value) {
  const text = String(value ?? "");
  return `"${(typeof value === "string" && FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}

const SIDE = ["", "_type", "_status", "_link", "_label", "_value", "_start", "_stop"];

// The columns are those of `relik-ml export csv`; offsets are code points of the document's text.
function factRows() {
  const { document: record } = state.view;
  const head = ["document", ...SIDE.map((name) => `subject${name}`), "relation", "property", "inverse",
    ...SIDE.map((name) => `object${name}`), "score", "evidence", "sentence"];
  return [head, ...shownFacts().map((fact) => {
    const triple = record.triples[fact.index];
    const sentence = fact.evidence.map(([start, stop]) => record.text.slice(start, stop)).join(" ");
    const offsets = triple.evidence.map((span) => span.join(":")).join(" ");
    return [record.id, ...sideCells(fact.mentions[0]), triple.relation, triple.property?.id, triple.property?.inverse,
      ...sideCells(fact.mentions[1]), triple.score, offsets, sentence];
  })];
}

function sideCells(index) {
  const { type, link, value, start, stop } = state.view.document.mentions[index];
  return [surface(index), type, link.status, link.id, link.label, value?.value, start, stop];
}

const DRAWN = ["fill", "stroke", "stroke-width", "font-size", "font-family", "font-weight", "text-anchor", "opacity", "paint-order", "stroke-dasharray"];

// The drawing with the looks of its parts written on them, for it leaves the style sheet behind.
function drawing() {
  const source = byId("graph");
  const copy = source.cloneNode(true);
  const [parts, copies] = [source, copy].map((root) => Array.from(root.querySelectorAll("*")));
  parts.forEach((part, index) => {
    const look = getComputedStyle(part);
    for (const name of DRAWN) copies[index].setAttribute(name, look.getPropertyValue(name));
    for (const name of ["tabindex", "role", "data-index"]) copies[index].removeAttribute(name);
    if (copies[index].textContent && !copies[index].children.length) copies[index].textContent = printable(copies[index].textContent);
    if (copies[index].hasAttribute("aria-label")) copies[index].setAttribute("aria-label", printable(copies[index].getAttribute("aria-label")));
  });
  copies.filter((part) => part.matches(".hidden, .reach")).forEach((part) => part.remove());
  const { x, y, width, height } = graphCanvas.bounds ?? { x: 0, y: 0, width: 1, height: 1 };
  copy.querySelector("g").removeAttribute("transform");
  fill(copy, { xmlns: SVG, viewBox: `${x - 20} ${y - 20} ${width + 40} ${height + 40}`, width: width + 40, height: height + 40 }, []);
  return new XMLSerializer().serializeToString(copy);
}

// XML has no place for control characters and half characters.
function printable(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd");
}
