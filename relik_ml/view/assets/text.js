// The text, with a bar under it for every mention, the inner ones next to the letters.
const BAR = 3;
const LANE = 5;

function nodeOf(mention) {
  return state.view.home[mention];
}

function drawText() {
  const { view } = state;
  const box = byId("text");
  box.replaceChildren();
  box.lang = view.document.lang;
  let line = null;
  let depth = 0;
  const close = () => {
    if (!line) return;
    line.style.setProperty("--lanes", depth);
    box.append(line);
    line = null;
    depth = 0;
  };
  for (const piece of view.pieces) {
    line ??= html("p");
    line.append(...pieceElements(piece));
    depth = Math.max(depth, ...[...piece.inside, ...piece.between].map((mention) => view.lanes[mention] + 1));
    if (view.document.text[piece.stop - 1] === "\n") close();
  }
  close();
  if (!view.document.text) box.append(html("p", { class: "empty" }, word("noText")));
  paintText();
  box.querySelector(".first")?.setAttribute("tabindex", "0");
}

function pieceElements(piece) {
  const { view } = state;
  piece.element = html("span", {}, view.document.text.slice(piece.start, piece.stop));
  const first = piece.inside.find((mention) => view.under[mention][0] === piece);
  if (piece.inside.length) {
    piece.element.className = "piece";
    piece.element.addEventListener("click", () => selectPiece(piece));
    for (const name of ["mouseenter", "focus"]) piece.element.addEventListener(name, () => tipText(piece));
    for (const name of ["mouseleave", "blur"]) piece.element.addEventListener(name, hideTip);
  }
  if (first !== undefined) {
    piece.element.classList.add("first");
    fill(piece.element, { tabindex: "-1", role: "button" }, []);
  }
  piece.tags = piece.inside.filter((mention) => view.under[mention].at(-1) === piece)
    .map((mention) => ({ mention, element: html("span", { class: "tag", "aria-hidden": "true" }) }));
  return [piece.element, ...piece.tags.map((tag) => tag.element)];
}

// The innermost mention that the filters leave; a second click goes to the next one out.
function selectPiece(piece) {
  const here = piece.inside.filter((mention) => mentionShown(mention));
  if (!here.length || !window.getSelection().isCollapsed) return;
  const mention = here[(here.indexOf(state.selected?.mention) + 1) % here.length];
  select("node", nodeOf(mention), mention);
}

function paintText() {
  const { view } = state;
  for (const piece of view.pieces) {
    if (!piece.inside.length && !piece.between.length) continue;
    const inside = piece.inside.filter((mention) => mentionShown(mention));
    const between = piece.between.filter((mention) => mentionShown(mention));
    paintBars(piece.element, [...inside.map((mention) => bar(piece, mention, false)), ...between.map((mention) => bar(piece, mention, true))]);
    if (inside.length) piece.element.dataset.family = family(view.document.mentions[inside[0]].type);
    else delete piece.element.dataset.family;
    if (piece.element.classList.contains("first")) piece.element.setAttribute("aria-label", spoken(piece));
    for (const tag of piece.tags) paintTag(tag, piece);
  }
}

function paintBars({ style }, bars) {
  style.backgroundImage = bars.map((each) => each.image).join(", ");
  const deepest = Math.max(0, ...bars.map((each) => each.below));
  // Bars hang below the letters, whatever the font: the deepest on the lower edge, the others above it.
  style.backgroundPosition = bars.map((each) => `0 calc(100% - ${deepest - each.below}px)`).join(", ");
  style.backgroundSize = bars.map((each) => each.size).join(", ");
  style.paddingBottom = bars.length ? `${deepest + BAR}px` : "";
}

// A bar is whole under what is in the index, dashed under what is not, and thin where there is no link; dots join fragments.
function bar(piece, mention, apart) {
  const { view } = state;
  const { type, link } = view.document.mentions[mention];
  const colour = `var(--${family(type)}-bar)`;
  const below = view.lanes[mention] * LANE;
  const ends = view.under[mention].at(-1) === piece;
  const dashes = apart ? "2px, transparent 2px 6px" : link.status === "nil" ? "5px, transparent 5px 8px" : null;
  return {
    image: dashes ? `repeating-linear-gradient(90deg, ${colour} 0 ${dashes})` : `linear-gradient(${colour}, ${colour})`,
    size: `${ends ? "calc(100% - 1px)" : "100%"} ${apart ? 1 : link.status === "linked" || link.status === "nil" ? BAR : 2}px`,
    below,
  };
}

// The name of a link is written where the text has another: «Гагарин» [Юрий Гагарин], but not after «Гагариным».
function tagText(mention) {
  const { type, link, score: sure } = state.view.document.mentions[mention];
  if (state.tags === "none" || !mentionShown(mention)) return "";
  const made = fixWords("mention", state.doc, mention);
  if (made) return shortened(made);
  const name = link.label ?? link.id ?? "";
  if (state.tags === "names") return link.status === "linked" && !sameName(surface(mention), name) ? shortened(name) : "";
  return [named("types", type), name, link.id === name ? "" : link.id, link.status === "nil" ? word("nil") : "", score(sure)].filter(Boolean).join(" ");
}

function sameName(text, name) {
  const words = normal(text).split(" ");
  return normal(name).split(" ").every((part) => words.some((other) => other.startsWith(part.slice(0, Math.max(3, part.length - 3)))));
}

// A label stands in the text, so what goes on beyond it goes on under it.
function paintTag({ mention, element }, piece) {
  const { type, link } = state.view.document.mentions[mention];
  element.dataset.text = tagText(mention);
  element.dataset.family = family(type);
  element.classList.toggle("nil", link.status === "nil");
  const beyond = [...piece.inside, ...piece.between].filter((each) => mentionShown(each) && state.view.under[each].at(-1) !== piece);
  paintBars(element, beyond.map((each) => bar(piece, each, !state.view.under[each].some((other) => other.start === piece.stop))));
}

function spoken(piece) {
  const starting = piece.inside.filter((mention) => state.view.under[mention][0] === piece && mentionShown(mention));
  return starting.map((mention) => {
    const { type, link } = state.view.document.mentions[mention];
    return [surface(mention), named("types", type), link.status === "linked" ? link.label ?? link.id : link.status === "nil" ? word("nil") : ""].filter(Boolean).join(", ");
  }).join("; ") || state.view.document.text.slice(piece.start, piece.stop);
}

function lightText(light) {
  let first = null;
  for (const piece of state.view.pieces) {
    const has = (set) => piece.inside.some((mention) => set.has(mention));
    const marks = { subject: has(light.subject), object: has(light.object), chosen: has(light.mentions),
      evidence: light.evidence.some(([start, stop]) => piece.start >= start && piece.stop <= stop), wrong: piece.inside.some((mention) => isWrong("mention", state.doc, mention)) };
    for (const [name, on] of Object.entries(marks)) piece.element.classList.toggle(name, on);
    for (const tag of piece.tags) tag.element.classList.toggle("evidence", marks.evidence);
    if (!first && (marks.subject || marks.object || marks.chosen)) first = piece;
  }
  return first;
}

function scrollToMention(mention) {
  scrollTextTo(state.view.under[mention][0]);
}

function scrollTextTo(piece) {
  if (!piece) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  piece.element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}
