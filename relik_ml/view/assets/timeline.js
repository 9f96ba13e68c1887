// The dated facts in the order of their dates. Events belong here also where they are hidden elsewhere.
const MONTHS = ["январ", "феврал", "март", "апрел", "ма[йяе]", "июн", "июл", "август", "сентябр", "октябр", "ноябр", "декабр"];

// [year, month, day] of a date, as far as it says them; null without year and month.
function dateOf(index, view) {
  const { value } = view.document.mentions[index];
  const text = surface(index, view).toLowerCase();
  const exact = /^(-?\d{4})(?:-(\d\d))?(?:-(\d\d))?/.exec(value?.value ?? "") ?? dotted(text);
  if (exact) return exact.slice(1, 4).map((part) => Number(part ?? 0));
  const year = Number(/(?<!\d)(1\d{3}|20\d\d)(?!\d)/.exec(text)?.[1] ?? 0);
  const month = MONTHS.findIndex((name) => new RegExp(`(^|[^а-я])${name}`).test(text)) + 1;
  const day = month ? Number(/(?<!\d)(\d{1,2})(?=\s+[а-я])/.exec(text)?.[1] ?? 0) : 0;
  return year || (month && day) ? [year, month, day] : null;
}

function dotted(text) {
  const found = /(?<!\d)(\d{1,2})\.(\d{1,2})\.(\d{4})/.exec(text);
  return found && [found[0], found[3], found[2], found[1]];
}

function datedFacts() {
  const found = new Map();
  for (const fact of world.facts) {
    if (!factShown(fact, true) || isDate(fact.mentions[0], fact.doc) || !isDate(fact.mentions[1], fact.doc)) continue;
    const date = dateOf(fact.mentions[1], views[fact.doc]);
    const key = `${fact.group.index}`;
    if (date && !found.has(key)) found.set(key, { fact, date });
  }
  const order = ({ date: [year, month, day] }) => (year || 9999) * 10000 + month * 100 + day;
  return Array.from(found.values()).sort((one, other) => order(one) - order(other));
}

function isDate(mention, doc) {
  const { type, value } = views[doc].document.mentions[mention];
  return type === "DATE" || type === "TIME" || /date|time/i.test(value?.datatype ?? "");
}

function drawTimeline() {
  const list = byId("timeline");
  const found = datedFacts();
  let last = null;
  list.replaceChildren();
  for (const { fact, date: [year] } of found) {
    if (year !== last) list.append(html("li", { class: "year" }, year ? String(year) : word("noYear")));
    last = year;
    list.append(html("li", {}, datedRow(fact)));
  }
  if (!found.length) list.append(html("li", { class: "empty" }, word("noDates")));
  list.querySelector(".fact")?.setAttribute("tabindex", "0");
}

function datedRow(fact) {
  const [node, date] = [world.nodes[fact.subject], world.nodes[fact.object]];
  const others = family(node.type) === "event" ? participants(fact) : [];
  return html("button", { type: "button", class: "fact", "data-fact": fact.index, "data-family": family(node.type), tabindex: "-1", onclick: () => select("fact", fact.index) },
    html("span", { class: "quiet" }, date.label), html("span", { class: "line" }, html("bdi", { class: "subject" }, node.label),
      others.length ? html("bdi", { class: "quiet" }, others.join(", ")) : html("span", { class: "relation" }, named("relations", fact.relation))));
}

// Who and what an event is joined to, other than dates.
function participants({ subject, object }) {
  const found = world.facts.filter((fact) => factShown(fact, true) && (fact.subject === subject || fact.object === subject))
    .map((fact) => (fact.subject === subject ? fact.object : fact.subject)).filter((node) => node !== object && node !== subject && family(world.nodes[node].type) !== "number");
  return Array.from(new Set(found), (node) => world.nodes[node].label).slice(0, 3);
}
