"""Strings that break pages, tables and parsers, and a document that holds one wherever it holds text."""

from __future__ import annotations

from itertools import product

from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple, Value

ATTACKS = (
    "<script>window.hacked=1</script>", "</script><script>window.hacked=1</script>", "<img src=x onerror=hacked=1>",
    "<svg onload=hacked>", "</title><b>", "</style><i>", "<!--", "-->", "]]>", "<![CDATA[x", "&lt;b&gt;", "&#60;b&#62;",
    '" onmouseover="hacked=1', "' onfocus='hacked=1", "`${window.hacked=1}`", "${hacked=1}", "{{data}}", "{{script}}",
    "javascript:hacked=1", "data:text/html,<b>", "Q1/../../evil", "Q42\u2028Q43", "https://evil.example/Q1",
    "=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "a,b;c\td", 'say "so"', "\\u003c/script>", "__proto__",
    "constructor", "\u202eevil\u202c", "\u200fعربי", "\ufeffmark", "\u2028line\u2029", "a\x00b", "\x01\x1b[2J\x7f",
    "\ud800", "\udfff", "\x85", "🚀\u0301e\u0301👩‍🚀", "\ufffe\uffff", "a\r\nb\rc\nd", "  two  blanks  ",
    "<iframe srcdoc='<b>'>", "<base href=//evil>", "<style>*{display:none}</style>", "%3Cscript%3E", "\\", "/*", "*/",
)  # fmt: skip
FRAMES = ("{}", "Анна {} Одесса", "{}\n{}", "«{}»", "{}я", "0{}")
STRINGS = [frame.replace("{}", attack) for frame, attack in product(FRAMES, ATTACKS)][:300]
assert len(set(STRINGS)) == 300


def document(string: str, number: int = 0) -> Document:
    """A document with the string as id, text, mention id, type, link, label, value, entity, relation and property."""
    size = len(string)
    first = Mention(
        f"A{string}", 0, size, string, link=Link("linked", string, string, (string,), 0.5),
        value=Value(string, string, string), score=0.9,
    )  # fmt: skip
    second = Mention(f"B{string}", size + 1, size + 2, "CITY", link=Link("nil"))
    fact = Triple(first.id, string, second.id, Property(string), (Span(0, size + 2),), 0.7)
    entity = Entity(string, (first.id,), string)
    text = f"{string} я"
    return Document(f"{number}{string}", text, "ru", (first, second), (entity,), (fact,), meta={string: string})
