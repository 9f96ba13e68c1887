"""Lemmas of unseen forms per second, with and without the C dictionary of the extra ``fast``, and whether they agree.

    pip install "relik-ml[fast]"
    python benchmarks/lemmas.py                       # the words of examples/ru
    python benchmarks/lemmas.py FILE...               # the words of your own texts, .txt or .xz

Every form is looked up once, so no cache helps. The first line is what pymorphy3 itself takes for its likeliest parse.
Seconds are processor time, the best of three rounds in which the three ways take turns.
"""

import json
import lzma
import subprocess
import sys
from pathlib import Path

from relik_ml.text import tokens

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
WAYS = {
    "pymorphy3, Python dictionary": ("dawg_python", "parse"),
    "Morphology, Python dictionary": ("dawg_python", "lemma"),
    "Morphology, C dictionary": ("dawg", "lemma"),
}
WORKER = """
import json, sys
from time import process_time
from relik_ml.text import Morphology
library, way = sys.argv[1:]
if library == "dawg_python":
    sys.modules["dawg"] = None  # pymorphy3 takes the other one
forms, morphology = json.load(sys.stdin), Morphology(cache=0)
morphology.lemma("слово")
analyzer = morphology._analyzer
look_up = morphology.lemma if way == "lemma" else lambda form: analyzer.parse(form)[0].normal_form
started = process_time()
lemmas = [look_up(form) for form in forms]
seconds = process_time() - started
json.dump([seconds, [lemma.casefold().replace("ё", "е") for lemma in lemmas]], sys.stdout)
"""


def main() -> None:
    """Measure and print."""
    forms = json.dumps(distinct(list(map(Path, sys.argv[1:])) or sorted((ROOT / "examples" / "ru").glob("*.txt"))))
    seconds = dict.fromkeys(WAYS, float("inf"))
    lemmas: dict[str, list[str]] = {}
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            run = subprocess.run([sys.executable, "-c", WORKER, *way], input=forms, capture_output=True, text=True)
            taken, lemmas[name] = json.loads(run.stdout or sys.exit(run.stderr))
            seconds[name] = min(seconds[name], taken)
    first, *others = lemmas.values()
    print(f"{len(first):,} distinct forms; lemmas {'equal' if all(other == first for other in others) else 'DIFFER'}\n")
    print("| | forms/s | ratio |\n|---|--:|--:|")
    base = next(iter(seconds.values()))
    for name, taken in seconds.items():
        print(f"| {name} | {len(first) / taken:,.0f} | {base / taken:.1f} |")


def distinct(paths: list[Path]) -> list[str]:
    """The distinct words with Cyrillic letters, in the order of their first occurrence."""
    found: dict[str, None] = {}
    for path in paths:
        content = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
        found.update(dict.fromkeys(token.text for token in tokens(content.decode("utf-8", "replace"))))
    return [form for form in found if any("\u0400" <= char <= "\u052f" for char in form)]


if __name__ == "__main__":
    main()
