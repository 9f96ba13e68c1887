// What the page itself says, Russian and English.
const WORDS = {
  skip: ["К тексту", "Skip to the text"],
  document: ["Документ", "Document"],
  filters: ["Фильтры", "Filters"],
  save: ["Сохранить", "Save"],
  saveJsonl: ["Документы, JSON Lines", "Documents, JSON Lines"],
  saveCsv: ["Факты, CSV", "Facts, CSV"],
  savePng: ["Граф как на экране, PNG", "Graph as seen, PNG"],
  saveSvg: ["Граф как на экране, SVG", "Graph as seen, SVG"],
  saveLink: ["Скопировать ссылку на выделенное", "Copy a link to the selection"],
  saveCorrected: ["Исправленные документы, JSON Lines", "Corrected documents, JSON Lines"],
  saveBrat: ["Исправленные документы, brat (zip)", "Corrected documents, brat (zip)"],
  noCorrections: ["Исправлений нет: в карточке есть кнопка «неверно?»", "No corrections: the details have a button “wrong?”"],
  search: ["Поиск: имя, Q-номер, слово", "Search: name, Q number, word"],
  notFound: ["Ничего не найдено", "Nothing found"],
  previous: ["Предыдущий документ", "Previous document"],
  next: ["Следующий документ", "Next document"],
  language: ["EN: show in English", "РУ: показать по-русски"],
  theme: ["Светлая или тёмная", "Light or dark"],
  askText: ["Вставьте текст или перетащите сюда файл", "Paste a text or drop a file here"],
  askLang: ["Язык", "Language"],
  askDetect: ["определить", "detect"],
  askScore: ["Уверенность не ниже", "Minimum score"],
  askKey: ["Ключ", "Key"],
  askFile: ["Выбрать файл…", "Choose a file…"],
  askSend: ["Разобрать", "Annotate"],
  minScore: ["Уверенность от", "Score from"],
  tags: ["Подписи в тексте", "Labels in the text"],
  tagsNone: ["нет", "none"],
  tagsNames: ["имена", "names"],
  tagsAll: ["всё", "all"],
  types: ["Типы", "Types"],
  relations: ["Отношения", "Relations"],
  reset: ["Сбросить", "Reset"],
  scopeOne: ["Только этот документ", "This document only"],
  scopeAll: ["Все документы: {0}", "All documents: {0}"],
  events: ["События", "Events"],
  kinds: ["Очевидное, повторы, отрицания", "Obvious, repeated, denied"],
  legend: ["Обозначения", "Legend"],
  legendLinked: ["в индексе", "in the index"],
  legendNil: ["нет в индексе", "not in this index"],
  legendPlain: ["без ссылки", "without a link"],
  person: ["люди", "people"],
  place: ["места", "places"],
  made: ["организации, труды", "organisations, works"],
  number: ["даты, числа", "dates, numbers"],
  event: ["события", "events"],
  other: ["прочее", "other"],
  text: ["Текст", "Text"],
  graph: ["Граф", "Graph"],
  facts: ["Факты", "Facts"],
  map: ["Карта", "Mind map"],
  timeline: ["Хронология", "Timeline"],
  near: ["Только окружение", "Only the neighbourhood"],
  all: ["Показать весь граф", "Show the whole graph"],
  alsoStated: ["Ещё об этом: {0}", "Also stated: {0}"],
  more: ["Показать ещё: {0}", "Show more: {0}"],
  wrong: ["неверно?", "wrong?"],
  mention: ["упоминание", "mention"],
  fact: ["факт", "fact"],
  isInstead: ["Как верно?", "What is right?"],
  noMention: ["не упоминание", "not a mention"],
  noFact: ["такого факта нет", "no such fact"],
  noItem: ["нет такого объекта", "no such item"],
  otherItem: ["другой, не знаю какой", "another, I do not know which"],
  itemIs: ["объект", "item"],
  badItem: ["Номер Викиданных: Q и цифры, например Q42", "A number of Wikidata: Q and digits, such as Q42"],
  typeIs: ["тип", "type"],
  relationIs: ["отношение", "relation"],
  sameForAll: ["так же все упоминания: {0}", "the same for all mentions: {0}"],
  undo: ["вернуть", "undo"],
  lose: ["Исправления не сохранены: {0}. Новый текст их сотрёт. Продолжить?", "Corrections that are not saved: {0}. A new text erases them. Go on?"],
  noYear: ["Год не назван", "No year"],
  noDates: ["Фактов с датами не найдено.", "No dated facts were found."],
  card: ["Подробности", "Details"],
  close: ["Закрыть", "Close"],
  zoomIn: ["Ближе", "Zoom in"],
  zoomOut: ["Дальше", "Zoom out"],
  fit: ["Целиком", "Fit"],
  linked: ["есть ссылка", "linked"],
  nil: ["нет в индексе", "not in this index"],
  unlinkable: ["значение", "a literal"],
  unknown: ["ссылка неизвестна", "link unknown"],
  here: ["Здесь упомянуто", "Mentioned here"],
  otherMentions: ["Другие упоминания: {0}", "Other mentions: {0}"],
  show: ["Показать в тексте", "Show in the text"],
  scoreOf: ["уверенность", "score"],
  mentionScore: ["упоминание", "mention"],
  linkScore: ["ссылка", "link"],
  graphKeys: ["Граф. Стрелки ведут к соседнему узлу, Enter выбирает, + − 0 меняют масштаб.", "Graph. Arrows go to the next node, Enter selects, + − 0 zoom."],
  examples: ["Примеры", "Examples"],
  wikidata: ["Викиданные", "Wikidata"],
  placing: ["Располагаю граф…", "Placing the graph…"],
  noDocuments: ["Здесь нет ни одного документа.", "There are no documents here."],
  noText: ["В документе нет текста.", "The document has no text."],
  noFacts: ["Фактов не найдено.", "No facts were found."],
  allHidden: ["Фильтры скрыли все факты. События и очевидное включаются над графом.", "The filters hide every fact. Switch events and obvious facts on above the graph."],
  waiting: ["Вставьте текст, и здесь появится его граф.", "Paste a text, and its graph appears here."],
  loading: ["Разбираю текст…", "Reading the text…"],
  nothing: ["Сначала вставьте текст.", "Paste a text first."],
  failed: ["Не получилось", "That failed"],
  unreachable: ["служба не отвечает", "the service does not answer"],
  tooLong: ["Текст слишком длинный: знаков {0}, служба берёт до {1}. Разделите его.", "The text is too long: {0} characters, the service takes {1}. Split it."],
  largeFile: ["Файл слишком велик: байт {0}, а служба берёт текст до {1} знаков. Разделите его.", "The file is too large: {0} bytes, the service takes a text of {1} characters. Split it."],
  binary: ["Это не текст в UTF-8. Сохраните файл в этой кодировке.", "This is no text in UTF-8. Save the file in that encoding."],
  json: ["Это JSON, а здесь разбирают простой текст. Готовые документы показывает команда: relik-ml view FILE.jsonl --out report.html", "This is JSON, and what is annotated here is plain text. Documents that are annotated already are shown by: relik-ml view FILE.jsonl --out report.html"],
  leftOut: ["В файле есть ещё документы: {0}. Страница их не вместила.", "The file holds {0} more documents than this page."],
  broken: ["Данные страницы не читаются", "The data of this page cannot be read"],
};
const MENTIONS = { ru: ["упоминание", "упоминания", "упоминаний"], en: ["mention", "mentions"] };
const FACTS = { ru: ["факт", "факта", "фактов"], en: ["fact", "facts"] };
const CORRECTIONS = { ru: ["исправление", "исправления", "исправлений"], en: ["correction", "corrections"] };

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
