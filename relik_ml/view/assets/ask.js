// The form of a service: a text or a file goes in, a text is sent, and what stands in the way is said.
const EXAMPLES = [
  ["Космос", "Space", "12 апреля 1961 года лётчик Юрий Гагарин первым из людей поднялся в космос. Корабль стартовал с космодрома Байконур в Казахстане. Гагарин родился в деревне Клушино, его жена Валентина Гагарина родилась в Оренбурге. Главным конструктором ракеты был Сергей Королёв."],
  ["Музыка", "Music", "Композитор Дмитрий Шостакович родился в Санкт-Петербурге и окончил Петроградскую консерваторию. В 1958 году он получил Ленинскую премию. Сын композитора Максим Шостакович стал дирижёром и в 1981 году попросил убежища в ФРГ."],
  ["Литература", "Books", "Анна Ахматова родилась в Одессе. Её муж Николай Гумилёв основал «Цех поэтов» в Петербурге, а сын Лев Гумилёв работал в Ленинградском университете. В 1965 году Оксфордский университет присвоил Ахматовой степень доктора."],
];
const DOCUMENT = /^\s*\{\s*"schema"\s*:\s*"relik-ml\//;

function notice(text, kind = "") {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
  byId("notice").className = `notice ${kind}`;
  byId("notice").setAttribute("role", kind === "error" ? "alert" : "status");
}

function prepareForm(service) {
  byId("ask").hidden = false;
  byId("ask-lang").append(...service.languages.map((each) => html("option", { value: each }, each)));
  byId("ask-key-field").hidden = !service.key_header;
  byId("ask").addEventListener("submit", (event) => { event.preventDefault(); send(service); });
  byId("ask-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(service); }
  });
  byId("ask-file").addEventListener("change", async ({ target }) => {
    await readFile(target.files[0], service);
    target.value = ""; // so that the same file can be chosen again
  });
  byId("examples").append(...EXAMPLES.map(([ru, en, text]) => html("button", { type: "button", lang: null, onclick: () => { byId("ask-text").value = text; send(service); } },
    html("span", { lang: "ru" }, ru), html("span", { lang: "en" }, en))));
  takeDrops(service);
}

// Only files: a piece of text that is dragged goes where it is dropped, as everywhere.
function takeDrops(service) {
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  const mark = (on) => document.body.classList.toggle("dropping", on);
  document.addEventListener("dragover", (event) => { if (holdsFiles(event)) { event.preventDefault(); mark(true); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(false); });
  document.addEventListener("drop", (event) => {
    mark(false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    readFile(event.dataTransfer.files[0], service);
  });
}

async function readFile(file, service) {
  if (!file) return;
  try {
    if (/\.jsonl?$/i.test(file.name)) throw new Error(word("json"));
    // A character has at most four bytes, a mark of the byte order three: what is larger is not even read.
    if (file.size > 4 * service.characters + 3) throw new Error(word("largeFile", file.size, service.characters));
    const text = decoded(await file.arrayBuffer());
    if (DOCUMENT.test(text)) throw new Error(word("json"));
    if (text.trim()) byId("ask-text").value = text;
    notice(refusal(text, service), "error");
  } catch (error) {
    notice(error.message, "error");
  }
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(word("binary"));
  }
}

// Why a text cannot be sent; empty when it can.
function refusal(text, service) {
  const length = Array.from(text).length;
  if (length > service.characters) return word("tooLong", length, service.characters);
  return text.trim() ? "" : word("nothing");
}

async function send(service) {
  if (byId("ask-send").disabled) return; // a text is being read
  const text = byId("ask-text").value;
  const refused = refusal(text, service);
  if (refused) return notice(refused, "error");
  if (unsaved && !confirm(word("lose", fixes.size))) return;
  notice(word("loading"), "busy");
  byId("ask-send").disabled = true;
  try {
    const { documents, descriptions } = await asked(service, text);
    Object.assign(data.descriptions, descriptions);
    show(documents);
    notice("");
    if (narrow()) byId("main").scrollIntoView();
  } catch (error) {
    notice(`${word("failed")}: ${error instanceof TypeError ? word("unreachable") : error.message}`, "error");
  } finally {
    byId("ask-send").disabled = false;
  }
}

async function asked(service, text) {
  const headers = { "Content-Type": "application/json" };
  if (service.key_header) headers[service.key_header] = byId("ask-key").value;
  const body = JSON.stringify({ text, lang: byId("ask-lang").value || undefined, min_score: Number(byId("ask-score").value) });
  const answer = await fetch(service.endpoint, { method: "POST", headers, body });
  const content = await answer.json().catch(() => null);
  if (!answer.ok || !content) throw new Error(reason(answer.status, content));
  return content;
}

function reason(status, content) {
  const detail = content?.detail ?? content?.error ?? "";
  return `${status} ${typeof detail === "string" ? detail : JSON.stringify(detail)}`.trim();
}
