"""The text of HTML, Markdown and Word files. It needs the extra ``formats``.

A block of the page (paragraph, heading, list item, row of a table) becomes a line, and tabs separate the cells of a
row. White space is collapsed as a browser does. Offsets of mentions refer to this text.

>>> extract("<h1>Тула</h1> <p>Здесь жил <b>Лев</b>\\n Толстой.".encode(), ".html", "a.html")
'Тула\\nЗдесь жил Лев Толстой.'
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from relik_ml.data.extras import load_extra
from relik_ml.errors import DataError

EXTRACTED = (".html", ".htm", ".md", ".markdown", ".docx")
"""Suffixes of the files whose text is extracted."""

_INVISIBLE = {"head", "noscript", "script", "style", "svg", "template", "textarea", "select"}
_BLOCKS = {
    "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details", "div", "dl", "dt",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
    "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
}  # fmt: skip
_CELLS = {"td", "th"}
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)


def load_extractor(suffix: str) -> None:
    """ConfigError unless the packages are installed that files of this suffix need."""
    for module in ("lxml.html", "mammoth") if suffix == ".docx" else ("lxml.html",):
        load_extra(module, "formats", "or give only texts, as in 'folder/**/*.txt'")


def extract(data: bytes, suffix: str, where: str) -> str:
    """The text of a file with one of the suffixes. DataError when it cannot be read."""
    if suffix == ".docx":
        return _text(_word(data, where))
    if suffix in (".md", ".markdown"):
        from markdown_it import MarkdownIt

        return _text(MarkdownIt().enable("table").render(decoded(data, where)))
    charset = _CHARSET.search(data[:2048])
    return _text(decoded(data, where, charset[1].decode() if charset else ""))


def decoded(data: bytes, where: str, charset: str = "") -> str:
    """The text as stored, in UTF-8, or else in ``charset``. DataError names the line that is neither.

    A byte order mark and carriage returns are kept, because offsets count them.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError):
            line = data.count(b"\n", 0, error.start) + 1
            where = f"{where}, line {line}, byte {error.start} of the file"
            fix = "save it as UTF-8, for example with iconv -f WINDOWS-1251 -t UTF-8; or give --skip-bad"
            raise DataError("not UTF-8", where=where, got=f"byte 0x{data[error.start]:02x}", fix=fix) from None


def _word(data: bytes, where: str) -> str:
    try:
        html: str = load_extra("mammoth", "formats").convert_to_html(BytesIO(data)).value
        return html
    except Exception as error:  # of zipfile, of the parser of XML, KeyError for a missing part
        fix = "open it in a word processor and save it as .docx or .txt"
        raise DataError("this is no Word file", where=where, got=str(error), fix=fix) from None


def _text(html: str) -> str:
    lxml = load_extra("lxml.html", "formats")
    if not html.strip():
        return ""
    try:
        page = lxml.document_fromstring(html.encode(), parser=lxml.HTMLParser(encoding="utf-8", huge_tree=True))
    except lxml.etree.ParserError:  # only comments
        return ""
    text = re.sub(r"[ \t]*\n[ \t\n]*", "\n", "".join(_pieces(page)))
    return re.sub(r" *\t *", "\t", re.sub(r" +", " ", text)).strip("\n\t ")


def _pieces(page: Any) -> Iterator[str]:
    """The text in order, with a line break around blocks and a tab behind cells."""
    etree = load_extra("lxml.etree", "formats")
    walk = etree.iterwalk(page, ("start", "end", "comment", "pi"))
    for event, element in walk:
        hidden = element.tag in _INVISIBLE or event in ("comment", "pi")
        if element.tag in _BLOCKS:
            yield "\n"
        if event == "start" and hidden:
            walk.skip_subtree()
        elif event == "start":
            yield _collapsed(element.text)
        else:
            yield "\t" * (element.tag in _CELLS) + _collapsed(element.tail)


def _collapsed(text: str | None) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", text or "")
