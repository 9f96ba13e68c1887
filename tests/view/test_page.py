"""The page without a browser: what a real parser of HTML finds in it, whatever the documents hold."""

import json
import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest

import relik_ml.view
from relik_ml.index import PassageIndex
from relik_ml.types import Document, Entry, Link, LinkCandidate, Mention
from relik_ml.view import Service, drawing, report, service_page, show
from tests.export.hostile import STRINGS, everywhere

ASSETS = Path(relik_ml.view.__file__).parent / "assets"
LIBRARY = ASSETS / "cytoscape.min.js"
OWN = [path for path in ASSETS.glob("*.js") if path != LIBRARY]
PLAIN = Document("d", "Анна Ахматова родилась в Одессе.")


def parsed(page: str) -> Element:
    root: Element = html5lib.parse(page.encode(), transport_encoding="utf-8", namespaceHTMLElements=False)
    return root


def shape(root: Element) -> Counter[str]:
    return Counter(f"{node.tag} {sorted(map(str, node.attrib))}" for node in root.iter())


def held(root: Element) -> dict[str, object]:
    (data,) = (node for node in root.iter("script") if node.get("type") == "application/json")
    found: dict[str, object] = json.loads(data.text or "")
    return found


def test_hostile_strings_only_ever_become_text() -> None:
    """They add no element and no attribute, and come back as they were."""
    expected = shape(parsed(report([PLAIN])))
    documents = [everywhere(string, number) for number, string in enumerate(STRINGS)]
    page = parsed(report(documents))
    assert shape(page) == expected
    assert held(page)["documents"] == json.loads(json.dumps([drawing(each) for each in documents]))
    for string in STRINGS[:70]:
        assert shape(parsed(report([PLAIN], title=string))) == expected, ascii(string)


@pytest.mark.parametrize("string", STRINGS[:70:5])
def test_a_notebook_shows_a_sandboxed_frame(string: str) -> None:
    document = everywhere(string)
    (body,) = parsed(show(document)._repr_html_()).iter("body")
    assert [node.tag for node in body.iter()] == ["body", "iframe"]
    assert "allow-same-origin" not in body[0].get("sandbox", "allow-same-origin")
    inside = held(parsed(body[0].get("srcdoc", "")))
    assert inside["documents"] == json.loads(json.dumps([drawing(document)]))


def test_a_notebook_describes_links_and_candidates(tmp_path: Path) -> None:
    entries = [
        Entry(id, "entity", "Одесса", text) for id, text in (("Q1874", "город"), ("Q7", ""), ("Q128361", "Техас"))
    ]
    index = PassageIndex.build(entries, None, tmp_path / "index")
    candidates = (LinkCandidate("Q7"), LinkCandidate("Q128361"), LinkCandidate("Q404"))
    link = Link("linked", "Q1874", "Одесса", candidates=candidates)
    frame = show(Document("d", PLAIN.text, mentions=(Mention("T1", 25, 31, "CITY", link=link),)), index=index)
    (body,) = parsed(frame).iter("body")
    assert held(parsed(body[0].get("srcdoc", "")))["descriptions"] == {"Q1874": "город", "Q128361": "Техас"}


def test_the_policy_lets_in_our_style_and_script_alone() -> None:
    root = parsed(report([PLAIN]))
    (policy,) = (node.get("content", "") for node in root.iter("meta") if node.get("http-equiv"))
    for tag, count in (("style", 1), ("script", 2)):
        own = [node.text or "" for node in root.iter(tag) if not node.get("type")]
        digests = " ".join(f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in own)
        assert len(own) == count
        assert f"{tag}-src {digests};" in policy
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_may_connect_to_its_service_alone() -> None:
    root = parsed(service_page(Service(endpoint="/annotate", key_header="X-API-Key")))
    (policy,) = (node.get("content", "") for node in root.iter("meta") if node.get("http-equiv"))
    assert "connect-src 'self'" in policy
    service = held(root)["service"]
    assert service == {"endpoint": "/annotate", "languages": ["ru"], "characters": 100000, "key_header": "X-API-Key"}


def test_nothing_in_the_page_loads_anything() -> None:
    root = parsed(report([PLAIN]))
    assert not [node.tag for node in root.iter() if "src" in node.attrib]
    assert [node.get("href") for node in root.iter("link")] == ["data:,"]
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    assert "@import" not in style
    assert "url(" not in style


def test_the_script_never_writes_markup() -> None:
    """Every file of the script is in the page, and none makes elements out of text."""
    library, script = (node.text or "" for node in parsed(report([PLAIN])).iter("script") if not node.get("type"))
    assert library == LIBRARY.read_text(encoding="utf-8")
    assert all(path.read_text(encoding="utf-8") in script for path in OWN)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", script)
    assert set(re.findall(r"https?://[\w./]+", script)) == {"http://www.w3.org/2000/svg", "https://www.wikidata.org/"}


def test_the_library_is_the_published_one(root: Path) -> None:
    """Cytoscape 3.34.4 as npm has it, with its licence. It writes no markup and loads nothing."""
    content = LIBRARY.read_bytes()
    assert sha256(content).hexdigest() == "081591ab735b2b6a3b31a3c60f8f3a3e2fee8c92939e0c7820ad1208571b6cd8"
    assert b"Permission is hereby granted, free of charge" in content[:1500]
    assert not re.findall(
        rb"innerHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttpRequest|new Worker", content
    )
    assert "Cytoscape.js 3.34.4" in (root / "NOTICE").read_text(encoding="utf-8")


def test_every_word_is_there_in_both_languages() -> None:
    words = dict(re.findall(r"^  (\w+): \[(.*)\],$", (ASSETS / "words.js").read_text(encoding="utf-8"), re.MULTILINE))
    assert all(len(re.findall(r'"[^"]+"', both)) == 2 for both in words.values())
    page = (ASSETS / "page.html").read_text(encoding="utf-8")
    script = "".join(path.read_text(encoding="utf-8") for path in OWN)
    asked = set(re.findall(r'data-(?:word|label|title)="(\w+)"', page)) | set(re.findall(r'\bword\("(\w+)"', script))
    assert asked <= set(words)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, section 1.4.3."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(theme: int) -> None:
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    colours = {name: pair[theme] for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)}
    grounds = ("paper", "panel", "raised")
    pairs = [(ink, ground) for ink in ("ink", "quiet", "accent", "wrong") for ground in grounds]
    pairs += [("ink", marked) for marked in ("evidence", "subject", "object")]
    for family in ("person", "place", "made", "number", "event", "other"):
        pairs += [(f"{family}-ink", ground) for ground in (*grounds, f"{family}-tint")]
        assert contrast(colours[f"{family}-bar"], colours["paper"]) >= 3, family  # 1.4.11: graphics
    weak = [pair for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    assert not weak
