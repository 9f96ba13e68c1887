"""Two hundred Russian probes of a tokenizer: ten words of our own, each in twenty guises that texts are found in."""

import unicodedata
from collections.abc import Callable

WORDS = (
    "Москва", "ёлка", "Гумилёв", "Санкт-Петербург", "поэт", "НАТО", "йогурт", "родился", "iPhone", "столица",
)  # fmt: skip
LATIN = str.maketrans("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx")
VOWELS = "аеёиоуыэюяАЕЁИОУЫЭЮЯ"


def stressed(word: str) -> str:
    """With U+0301 behind every vowel."""
    return "".join(letter + "\u0301" * (letter in VOWELS) for letter in word)


GUISES: tuple[Callable[[str], str], ...] = (
    str,
    lambda word: f"{word.upper()} {word.swapcase()}",
    lambda word: f"в\u00a0{word},\u00a0да",  # no-break spaces
    lambda word: f"10\u202f000 {word}\u2009—\u2009да",  # narrow ones
    lambda word: word[:2] + "\u00ad" + word[2:] + "\u00ad",  # soft hyphens
    lambda word: f"{stressed(word)} за\u0301мок",
    lambda word: unicodedata.normalize("NFD", f"{word} её"),  # й and ё in two
    lambda word: f"{word} её мой".replace("ё", "е").replace("й", "и"),
    lambda word: f"«{word}», „{word}“, “{word}”, ‘{word}’",
    lambda word: f"{word} - {word} – {word} — {word} − {word}‑то",
    lambda word: f"{word}👩\u200d👩\u200d👧 🇷🇺 👍🏽 {word}❤\ufe0f",
    lambda word: (
        f"{word} {word.translate(LATIN)} {word.lower().translate(LATIN)}"
    ),  # letters of two alphabets in a word
    lambda word: f"№5 {word} ½ ① 10² 36,6°C 3½ Ⅳ {word}…",
    lambda word: word + "у" * 150 + word,
    lambda word: f"  {word}\t\n{word}\r\n\r\n {word}  ",
    lambda word: f"\ufeff{word[:3]}\u200b{word[3:]}\u200e\u2060",  # nothing to see
    lambda word: f"{word}\u0483 и\u0306{word}у\u0306 {word}\u0332",  # marks that compose and marks that do not
    lambda word: f"ｆｕｌｌ {word} ﬁ ＡБВ ㎏",  # compatibility forms
    lambda word: f"https://пример.рф/{word}?a=1&b=2#ц {word}@ya.ru",
    lambda word: f"Въ {word} мiръ, ѣ и ѳ; {word[::-1]}",
)
PROBES = tuple(guise(word) for guise in GUISES for word in WORDS)
