// Making elements. Text only ever enters as text: nothing here reads markup.
const SVG = "http://www.w3.org/2000/svg";

function byId(id) {
  return document.getElementById(id);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function soon(action) {
  let waiting = null;
  return () => { clearTimeout(waiting); waiting = setTimeout(action, 80); };
}

// The type's family gives its colour; the type itself is always written out as well.
function family(type) {
  return Object.hasOwn(data.labels.families, type) ? data.labels.families[type] : "other";
}

function shortened(text, most = 30) {
  const characters = Array.from(text.replace(/\s+/g, " "));
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

// Only an id that has the form of one becomes a link.
function wikidataLink(id, shown = id) {
  const path = /^Q[1-9][0-9]*$/.test(id) ? `wiki/${id}` : /^P[1-9][0-9]*$/.test(id) ? `wiki/Property:${id}` : null;
  if (!path) return html("span", {}, id);
  return html("a", { href: `https://www.wikidata.org/${path}`, target: "_blank", rel: "noopener noreferrer" }, shown);
}

// One stop of the Tab key for a group; arrows move within it.
function roving(container, selector, { keys = ["ArrowRight", "ArrowLeft"], next = null } = {}) {
  const stops = () => Array.from(container.querySelectorAll(selector)).filter((stop) => !stop.closest("[hidden], .hidden"));
  container.addEventListener("focusin", (event) => {
    const stop = event.target.closest(selector);
    if (!stop) return;
    for (const other of container.querySelectorAll(`${selector}[tabindex="0"]`)) other.setAttribute("tabindex", "-1");
    stop.setAttribute("tabindex", "0");
  });
  container.addEventListener("keydown", (event) => {
    const stop = event.target.closest(selector);
    if (!stop) return;
    const all = stops();
    const index = all.indexOf(stop);
    const target = next?.(event.key, stop, all)
      ?? { [keys[0]]: all[index + 1], [keys[1]]: all[index - 1], Home: all[0], End: all.at(-1) }[event.key];
    if (target) {
      event.preventDefault();
      event.stopPropagation();
      target.focus();
      target.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if ((event.key === "Enter" || event.key === " ") && stop.tagName !== "BUTTON") {
      event.preventDefault();
      stop.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    }
  });
}

// The page's own words, in the language that is set.
function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", word(element.dataset.label));
  for (const element of document.querySelectorAll("[data-hint]")) element.setAttribute("placeholder", word(element.dataset.hint));
  for (const element of document.querySelectorAll("[data-title]")) fill(element, { title: word(element.dataset.title), "aria-label": word(element.dataset.title) }, []);
  byId("language").textContent = language === "ru" ? "EN" : "РУ";
}

function narrow() {
  return matchMedia("(max-width: 760px)").matches;
}

// Shows the parts below a box of the window, or above it where there is no room.
function showTip(parts, { left, top, bottom }) {
  const tip = byId("tip");
  tip.replaceChildren(...parts);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  tip.style.top = `${bottom + 6 + height < innerHeight ? bottom + 6 : Math.max(8, top - height - 6)}px`;
}
