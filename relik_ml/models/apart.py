"""The encoder that reads windows and passages apart: the window through a transformer, each passage once.

They interact twice: at the input, where the passages of candidates are added to the words that their names cover, and
in the heads. Passages are encoded from the transformer's own subword embeddings, so a new entity, type or relation
needs only a name and a description.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from relik_ml.config import ApartConfig
from relik_ml.models.reader_model import Encoder
from relik_ml.models.transformer import Transformer
from relik_ml.network import NameHits, ReaderBatch, States


class ApartEncoder(Encoder):
    """Takes ``inputs`` of ``reader.ApartInputs``:

    ids and mask (B, L) of the windows' subwords, words (B, T) position of the first subword of each word; names (P, ·)
    and texts (P, ·) ids of all passages of the batch; entities (B, 1 + K), relations (B, R), types (Y,): their
    passages.
    """

    frozen = "body.words."
    packed = True

    def __init__(self, config: ApartConfig) -> None:
        super().__init__()
        self.config = config
        self.body = Transformer(config.body)
        self.passages = PassageNetwork(config.width, config.dropout)
        self.cover = CoverEncoder(config.width, config.hit_features) if config.hit_features else None
        self.absent = nn.Parameter(torch.randn(config.width))

    def forward(self, batch: ReaderBatch[Tensor]) -> States[Tensor]:
        """Encode passages, then the windows."""
        inputs = batch.inputs
        passages = self.passages(self._mean(inputs["names"]), self._mean(inputs["texts"]))
        named = passages[inputs["entities"][:, 1:]]
        entities = torch.cat([self.absent.expand(named.shape[0], 1, -1), named], 1)
        states = self.body.embed(inputs["ids"])
        words = inputs["words"][..., None].expand(-1, -1, states.shape[-1])
        if self.cover is not None:
            states = states.scatter_add(1, words, self.cover(batch.hits, entities, batch.token_mask).to(states.dtype))
        states = self.body.contextualise(states, inputs["mask"])
        return States(states.gather(1, words), entities, passages[inputs["relations"]], passages[inputs["types"]])

    def _mean(self, ids: Tensor) -> Tensor:
        """(P, ·) subwords give their mean embedding (P, H), zero where there is none."""
        real = ids.ne(self.config.padding)
        total: Tensor = (self.body.words(ids) * real[..., None]).sum(1)
        return total / real.sum(1, keepdim=True).clamp(min=1)


class PassageNetwork(nn.Module):
    """The mean embeddings of name and text through a two-layer network."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        first, second = nn.Linear(2 * width, width), nn.Linear(width, width)
        self.network = nn.Sequential(nn.Dropout(dropout), first, nn.GELU(), second, nn.LayerNorm(width))

    def forward(self, names: Tensor, texts: Tensor) -> Tensor:
        """(P, H) means of names and of texts give (P, H)."""
        return self.network(torch.cat([self.norm(names), self.norm(texts)], dim=-1))  # type: ignore[no-any-return]


class CoverEncoder(nn.Module):
    """Encodes the candidates whose names cover a word.

    The mean of their passages, the features of their hits and the position of the word in the name (inside, first, last
    or only), weighted by a function of the hits' features. The output projection is initialised to zero.
    """

    def __init__(self, width: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Linear(features, 1)
        self.features = nn.Linear(features, width)
        self.positions = nn.Embedding(4, width)
        self.project = nn.Linear(width, width)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, hits: NameHits[Tensor], entities: Tensor, mask: Tensor) -> Tensor:
        """N hits and candidates (B, 1 + K, H) give (B, T, H), zero where no name covers the word."""
        words = torch.arange(mask.shape[1], device=mask.device)
        hit, word = ((hits.first[:, None] <= words) & (words <= hits.last[:, None])).nonzero(as_tuple=True)
        position = (word == hits.first[hit]).long() + 2 * (word == hits.last[hit]).long()
        cell = hits.window[hit] * mask.shape[1] + word
        weight = self.weight(hits.features).float().clamp(-8, 8).exp()[hit]
        evidence = entities[hits.window, hits.candidate] + self.features(hits.features)
        weighted = weight * (evidence[hit] + self.positions(position))
        size, width = mask.shape[0] * mask.shape[1], entities.shape[-1]
        total = weighted.new_zeros(size, width).scatter_add(0, cell[:, None].expand(-1, width), weighted)
        norm = weight.new_zeros(size, 1).scatter_add(0, cell[:, None], weight)
        covered: Tensor = self.project(F.gelu(total / norm.clamp(min=1e-6))) * (norm > 0)
        return covered.view(*mask.shape, width)
