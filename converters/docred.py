"""DocRED (Yao et al. 2019): Wikipedia paragraphs with entities and Wikidata relations across sentences."""

from __future__ import annotations

from ._docred import DocRed

converter = DocRed(
    name="docred",
    citation="Yao et al., DocRED: A Large-Scale Document-Level Relation Extraction Dataset, ACL 2019",
)
