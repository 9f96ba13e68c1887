// What the page itself says, Russian and English.
const WORDS = {
  skip: ["К тексту", "Skip to the text"],
  document: ["Документ", "Document"],
  filters: ["Фильтры", "Filters"],
  save: ["Сохранить", "Save"],
  saveJsonl: ["Документы, JSON Lines", "Documents, JSON Lines"],
  saveCsv: ["Факты, CSV", "Facts, CSV"],
  saveSvg: ["Граф, SVG", "Graph, SVG"],
  language: ["Show in English", "Показать по-русски"],
  theme: ["Светлая или тёмная", "Light or dark"],
  askText: ["Вставьте текст или перетащите сюда файл", "Paste a text or drop a file here"],
  askLang: ["Язык", "Language"],
  askScore: ["Уверенность не ниже", "Minimum score"],
  askKey: ["Ключ", "Key"],
  askFile: ["Выбрать файл…", "Choose a file…"],
  askSend: ["Разобрать", "Annotate"],
  minScore: ["Уверенность от", "Score from"],
  tags: ["Подписи в тексте", "Labels in the text"],
  tagsNone: ["нет", "none"],
  tagsLinks: ["ссылки", "links"],
  tagsAll: ["всё", "all"],
  types: ["Типы", "Types"],
  relations: ["Отношения", "Relations"],
  reset: ["Показать всё", "Show everything"],
  text: ["Текст", "Text"],
  graph: ["Граф", "Graph"],
  facts: ["Факты", "Facts"],
  map: ["Карта", "Mind map"],
  card: ["Подробности", "Details"],
  close: ["Закрыть", "Close"],
  zoomIn: ["Ближе", "Zoom in"],
  zoomOut: ["Дальше", "Zoom out"],
  fit: ["Целиком", "Fit"],
  nil: ["нет в индексе", "not in this index"],
  unlinkable: ["значение", "a literal"],
  unknown: ["ссылка неизвестна", "link unknown"],
  mentions: ["Упоминания", "Mentions"],
  here: ["Здесь упомянуто", "Mentioned here"],
  evidence: ["Откуда это известно", "Evidence"],
  show: ["Показать в тексте", "Show in the text"],
  scoreOf: ["уверенность", "score"],
  wikidata: ["Викиданные", "Wikidata"],
  noDocuments: ["Здесь нет ни одного документа.", "There are no documents here."],
  noText: ["В документе нет текста.", "The document has no text."],
  noFacts: ["Фактов не найдено.", "No facts were found."],
  allHidden: ["Фильтры скрыли все факты.", "The filters hide every fact."],
  waiting: ["Вставьте текст, и здесь появится его граф.", "Paste a text, and its graph appears here."],
  loading: ["Разбираю текст…", "Reading the text…"],
  nothing: ["Сначала вставьте текст.", "Paste a text first."],
  failed: ["Не получилось", "That failed"],
  unreachable: ["служба не отвечает", "the service does not answer"],
  tooLong: ["Текст слишком длинный: знаков {0}, служба берёт до {1}. Разделите его.", "The text is too long: {0} characters, the service takes {1}. Split it."],
  largeFile: ["Файл слишком велик: байт {0}, а служба берёт текст до {1} знаков. Разделите его.", "The file is too large: {0} bytes, the service takes a text of {1} characters. Split it."],
  binary: ["Это не текст в UTF-8. Сохраните файл в этой кодировке.", "This is no text in UTF-8. Save the file in that encoding."],
  json: ["Это JSON, а здесь разбирают простой текст. Готовые документы показывает команда: relik-ml view FILE.jsonl --out report.html", "This is JSON, and what is annotated here is plain text. Documents that are annotated already are shown by: relik-ml view FILE.jsonl --out report.html"],
  undrawn: ["Не нарисовано узлов: {0}. Здесь те, о ком больше всего фактов.", "{0} nodes are not drawn; these are in most facts."],
  leftOut: ["В файле есть ещё документы: {0}. Страница их не вместила.", "The file holds {0} more documents than this page."],
  broken: ["Данные страницы не читаются", "The data of this page cannot be read"],
};
const MENTIONS = { ru: ["упоминание", "упоминания", "упоминаний"], en: ["mention", "mentions"] };
const FACTS = { ru: ["факт", "факта", "фактов"], en: ["fact", "facts"] };

let language = "ru";

function word(name, ...values) {
  return WORDS[name][language === "ru" ? 0 : 1].replace(/\{(\d)\}/g, (_, index) => Number(values[index]).toLocaleString(language));
}

function counted(count, forms) {
  const form = new Intl.PluralRules(language).select(count);
  const index = language === "ru" ? { one: 0, few: 1 }[form] ?? 2 : Number(form !== "one");
  return `${count.toLocaleString(language)} ${forms[language][index]}`;
}

// Names of relations and types come with the data; what has none is shown as it stands.
function names(kind, id) {
  return Object.hasOwn(data.labels[kind], id) ? data.labels[kind][id] : [id, id];
}

function named(kind, id) {
  return names(kind, id)[language === "ru" ? 0 : 1];
}

function score(value) {
  return value === null ? "" : value.toLocaleString(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
