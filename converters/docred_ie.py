"""DocRED-IE (Bouziani et al. 2024): DocRED with Wikidata items that a program linked its mentions to."""

from __future__ import annotations

from dataclasses import replace

from ._docred import PARAGRAPHS, DocRed

converter = DocRed(
    name="docred_ie",
    tasks=("ner", "el", "re"),
    licence="MIT-0; the text of Wikipedia CC BY-SA 3.0",
    citation="Bouziani et al., REXEL: An End-to-end Model for Document-Level Relation Extraction and …, NAACL 2024",
    annotated=replace(PARAGRAPHS, links="silver"),
)
