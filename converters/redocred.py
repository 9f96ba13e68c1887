"""Re-DocRED (Tan et al. 2022): the paragraphs of DocRED with the relations that its annotators had missed."""

from __future__ import annotations

from dataclasses import replace

from ._docred import PARAGRAPHS, DocRed

converter = DocRed(
    name="redocred",
    citation="Tan et al., Revisiting DocRED: Addressing the False Negative Problem in Relation Extraction, EMNLP 2022",
    annotated=replace(PARAGRAPHS, triples="complete"),
)
