"""More than 300 hostile strings, and documents that carry one in each of their text fields."""

from relik_ml.types import Annotated, Document, Entity, Link, Mention, Property, Span, Triple, Value

PAYLOADS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</text></node><node id='x'/>", "<!-- a", "]]>",
    "<![CDATA[x]]>", "&lt;b&gt; &amp;#10; &nbsp;", "<?xml version='1.0'?>", "javascript:alert(1)", "data:text/html,<b>",
    "\x1c\x1d\x1f", "x\udfffy", "x@ru", "# x", '"""',
    '" onmouseover="alert(1)', "' onclick='x", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1:A9)", "\t=1+1", "\r=1+1",
    "＝1+1", "%0A=1", '=HYPERLINK("http://e.org","x")', "a,b;c\td|e", 'a""b"""', "'", "''", "\\", "\\\\n", 'a\\"',
    "a\nb", "a\r\nb", "\n\n", "a\rb", "a\x00b", "\x01\x02\x07\x08", "\x0b\x0c", "\x1b[2J\x1b[31m", "a\x7f\x85b",
    "\u202eabc\u202c", "\u2066x\u2069", "\u200f\u200e", "a\u2028b\u2029c", "\ufeffx", "\ufffe\uffff", "\ud800",
    "\udbff.\udc00", "😀e\u0301\u200d", "> <http://e.org/p> <http://e.org/o> .\n<a", "@prefix x: <y> . ", "^^xsd:int",
    "{{x}} ${y} `z` **b** [l](javascript:1)", "#quot;#34;", "end\nroot((x))", "B-PERSON\t_\n# newdoc id = x", "_",
    '{"@id": "x"}', "</script><script>window.hacked=1</script>", "<svg onload=hacked=1>", "</title><b>", "</style><i>",
    "`${window.hacked=1}`", "{{data}}", "__proto__", "constructor", "Q1/../../evil", "https://evil.example/Q1",
    "<iframe srcdoc='<b>'>", "<base href=//evil>", "\\u003c/script>",
)  # fmt: skip
WRAPS = ("{}", "{} ", " {}", "Анна {}", "{}Анна")
STRINGS = tuple(wrap.format(payload) for wrap in WRAPS for payload in PAYLOADS)
FIELDS = ("document", "text", "mention", "type", "link", "label", "relation", "property", "value")
STEP = 31
"""How far apart in the list the strings of two neighbouring fields of one document stand."""


def fields(number: int) -> dict[str, str]:
    """The strings of a document: over all documents every field holds every string once."""
    return {field: STRINGS[(number + STEP * position) % len(STRINGS)] for position, field in enumerate(FIELDS)}


def plain(number: int) -> dict[str, str]:
    """The same with words that mean nothing to anybody."""
    return {field: f"слово{number}{field}" for field in FIELDS}


def document(words: dict[str, str]) -> Document:
    """A fact between two things, every text of it one of the words."""
    text = f"Так {words['text']}, в 1941."
    stop = 4 + len(words["text"])
    link = Link("linked", words["link"], words["label"], (words["link"],), 0.5)
    value = Value("date", words["value"], words["value"])
    one = Mention(words["mention"], 4, stop, words["type"], link=link, score=0.5)
    other = Mention("second", stop + 4, stop + 8, "DATE", link=Link("unlinkable"), value=value)
    known = Property(words["property"])
    fact = Triple(one.id, words["relation"], other.id, known, (Span(0, len(text)),), 0.25)
    same = (Entity("E1", (one.id,), "induced"),)
    meta = {"dataset": "none", "note": words["value"]}
    return Document(words["document"], text, "ru", (one, other), same, (fact,), Annotated(), meta)


def everywhere(string: str, number: int = 0) -> Document:
    """A document with one string in all its text fields."""
    return document(dict.fromkeys(FIELDS, string) | {"document": f"{number}{string}"})


HOSTILE = [document(fields(number)) for number in range(len(STRINGS))]
PLAIN = [document(plain(number)) for number in range(len(STRINGS))]
