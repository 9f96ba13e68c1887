// What the browser itself can write: the documents, the facts, the drawing.
function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = html("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  byId("downloads").open = false;
}

// Lone surrogates are written as escapes, so that every text survives.
function jsonLines(records) {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
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
  const head = ["document", ...SIDE.map((name) => `subject${name}`), "relation", "property", "inverse",
    ...SIDE.map((name) => `object${name}`), "score", "evidence", "sentence"];
  return [head, ...world.facts.filter((fact) => factShown(fact)).map((fact) => {
    const { document: record } = views[fact.doc];
    const triple = record.triples[fact.local];
    const sentence = fact.evidence.map(([start, stop]) => record.text.slice(start, stop)).join(" ");
    const offsets = triple.evidence.map((span) => span.join(":")).join(" ");
    return [record.id, ...sideCells(fact.mentions[0], fact.doc), triple.relation, triple.property?.id, triple.property?.inverse,
      ...sideCells(fact.mentions[1], fact.doc), triple.score, offsets, sentence];
  })];
}

function sideCells(index, doc) {
  const { type, link, value, start, stop } = views[doc].document.mentions[index];
  return [surface(index, views[doc]), type, link.status, link.id, link.label, value?.value, start, stop];
}

// What is seen of the graph, in its colours: twice as large as on the screen, or as shapes.
function png() {
  return chart.png({ output: "blob", bg: colour("panel"), scale: 2, full: false });
}

function drawing() {
  const scale = chart.zoom();
  const at = ({ x, y }) => ({ x: x * scale + chart.pan().x, y: y * scale + chart.pan().y });
  const [wide, high] = [chart.width(), chart.height()];
  const lines = chart.edges(":visible").map((edge) => edgeShapes(edge, at, scale));
  const dots = chart.nodes(":visible").map((node) => nodeShapes(node, at(node.position()), scale));
  const tip = svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: "auto" }, svg("path", { d: "M0 0.5 8 4 0 7.5z", fill: colour("edge") }));
  const root = svg("svg", { xmlns: SVG, viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, "font-family": "Inter, PT Sans, Segoe UI, Noto Sans, sans-serif" },
    svg("defs", {}, tip), svg("rect", { width: wide, height: high, fill: colour("panel") }), ...lines, ...dots);
  return new XMLSerializer().serializeToString(root);
}

function edgeShapes(edge, at, scale) {
  const [start, stop, middle] = [edge.sourceEndpoint(), edge.targetEndpoint(), edge.midpoint()].map(at);
  const bends = (edge.controlPoints() ?? []).map(at);
  const path = bends.length === 1 ? `Q${bends[0].x} ${bends[0].y} ${stop.x} ${stop.y}`
    : bends.length > 1 ? `C${bends[0].x} ${bends[0].y} ${bends.at(-1).x} ${bends.at(-1).y} ${stop.x} ${stop.y}` : `L${stop.x} ${stop.y}`;
  return svg("g", { opacity: edge.style("opacity") }, svg("path", { d: `M${start.x} ${start.y} ${path}`, fill: "none", stroke: edge.style("line-color"), "stroke-width": edge.data("line") * scale, "marker-end": "url(#tip)" }),
    letters(edge, middle.x, middle.y, scale));
}

function nodeShapes(node, { x, y }, scale) {
  const { size, halign, valign, right, down, letters: high } = node.data();
  const side = { left: -1, right: 1 }[halign] ?? 0;
  const under = { top: -size / 2 + down - high * 0.2, bottom: size / 2 + down + high * 0.9, center: high * 0.35 }[valign];
  return svg("g", { opacity: node.style("opacity") }, svg("circle", { cx: x, cy: y, r: (size / 2) * scale, fill: node.style("background-color"), stroke: node.style("border-color"),
    "stroke-width": 1.5, "stroke-dasharray": node.data("nil") ? "4 3" : null }), letters(node, x + (side * size / 2 + right) * scale, y + under * scale, scale, ["end", "middle", "start"][side + 1]), svg("title", {}, printable(world.nodes[node.data("index")].label)));
}

function letters(element, x, y, scale, anchor = "middle") {
  const text = element.style("label");
  return text ? svg("text", { x, y, "text-anchor": anchor, "font-size": element.data("letters") * scale, fill: element.style("color"), stroke: colour("panel"), "stroke-width": 3, "paint-order": "stroke" }, printable(text)) : null;
}

// XML has no place for control characters and half characters.
function printable(text) {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd");
}

// A zip archive whose files are stored as they are (APPNOTE.TXT of PKWARE, sections 4.3.7 to 4.3.16).
function zip(files) {
  const [parts, index] = [[], []];
  let offset = 0;
  for (const [name, text] of files) {
    const [path, body] = [name, text].map((each) => new TextEncoder().encode(each));
    const about = [20, 0x0800, 0, 0, 0x21]; // version, names in UTF-8, stored, 1980-01-01
    const sizes = [crc32(body), body.length, body.length];
    const head = record([[0x04034b50, 4], ...about.map((each) => [each, 2]), ...sizes.map((each) => [each, 4]), [path.length, 2], [0, 2]]);
    index.push(record([[0x02014b50, 4], [20, 2], ...about.map((each) => [each, 2]), ...sizes.map((each) => [each, 4]), [path.length, 2], [0, 4], [0, 4], [0, 4], [offset, 4]]), path);
    parts.push(head, path, body);
    offset += head.length + path.length + body.length;
  }
  const size = index.reduce((sum, each) => sum + each.length, 0);
  return new Blob([...parts, ...index, record([[0x06054b50, 4], [0, 4], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]])]);
}

function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

function crc32(bytes) {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return ~sum >>> 0;
}
