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

// Quoted throughout; a spreadsheet would run what begins like a formula, so an apostrophe goes before it.
function cell(value) {
  const text = String(value ?? "");
  return `"${(/^[=+\-@\t\r]/.test(text) && typeof value === "string" ? `'${text}` : text).replaceAll('"', '""')}"`;
}

function factRows() {
  const { view } = state;
  const head = ["document", "subject", "subject_item", "relation", "property", "inverse", "object", "object_item", "score", "sentence"];
  return [head, ...shownFacts().map((fact) => {
    const [subject, object] = [view.nodes[fact.subject], view.nodes[fact.object]];
    return [view.document.id, subject.label, subject.item, fact.relation, fact.property, fact.inverse, object.label, object.item, fact.score, evidenceText(fact)];
  })];
}

const DRAWN = ["fill", "stroke", "stroke-width", "font-size", "font-family", "font-weight", "text-anchor", "opacity", "paint-order", "stroke-dasharray"];

// The drawing with the looks of its parts written on them, for it leaves the style sheet behind.
function drawing() {
  const source = byId("graph");
  const copy = source.cloneNode(true);
  const [parts, copies] = [source, copy].map((root) => Array.from(root.querySelectorAll("*")));
  parts.forEach((part, place) => {
    const look = getComputedStyle(part);
    for (const name of DRAWN) copies[place].setAttribute(name, look.getPropertyValue(name));
    for (const name of ["tabindex", "role", "data-place"]) copies[place].removeAttribute(name);
    if (copies[place].textContent && !copies[place].children.length) copies[place].textContent = printable(copies[place].textContent);
    if (copies[place].hasAttribute("aria-label")) copies[place].setAttribute("aria-label", printable(copies[place].getAttribute("aria-label")));
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
