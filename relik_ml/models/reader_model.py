"""The reader: one forward pass from a batch of windows to mentions, types, links and relations."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from relik_ml.config import HeadConfig
from relik_ml.errors import ModelError
from relik_ml.models.heads import HitHead, RelationHead, SpanHead, SymbolHead, endpoints
from relik_ml.models.losses import LossWeights, Soft, reader_losses
from relik_ml.models.weights import load_packed, save_packed
from relik_ml.network import WEIGHTS, WORDS, Array, Described, Encoded, ReaderBatch, ReaderOutput, Spans, States, mapped


class Encoder(nn.Module):
    """Base class of encoders, which contextualise a batch jointly with its passages or apart from them."""

    frozen = ""
    """Prefix of the weights that are never trained. They are stored in a file of their own."""
    packed = False
    """Whether the other weights are stored as int8."""

    def forward(self, batch: ReaderBatch[Tensor]) -> States[Tensor]:
        """States of tokens and symbols."""
        raise NotImplementedError


class ReaderLoss(NamedTuple):
    """The loss of a batch."""

    loss: Tensor  # the weighted sum of the terms
    terms: Mapping[str, Tensor]


class ReaderModel(nn.Module):
    """Encoder and heads. ``forward`` is for training; ``TorchNetwork`` predicts."""

    def __init__(self, encoder: Encoder, types: int, config: HeadConfig, weights: LossWeights = LossWeights()) -> None:
        super().__init__()
        self.config, self.weights = config, weights
        self.encoder = encoder
        self.spans = SpanHead(config.width, config.inner, config.max_mention, config.dropout)
        self.types = SymbolHead(config.width, config.inner, config.dropout)
        self.links = SymbolHead(config.width, config.inner, config.dropout)
        self.hits = HitHead(config.hit_features) if config.hit_features else None
        self.relations = RelationHead(
            config.width, 4 * config.width, types, config.inner, config.distances, config.dropout
        )

    def forward(self, batch: ReaderBatch[Tensor], soft: Soft | None = None) -> ReaderLoss:
        """The loss of a batch with gold, and with a teacher's ``soft`` targets if there are any."""
        assert batch.gold is not None
        terms = reader_losses(self.forced(batch), batch.gold, batch.token_mask, soft)
        return ReaderLoss(
            torch.stack([getattr(self.weights, name) * term for name, term in terms.items()]).sum(), terms
        )

    def forced(self, batch: ReaderBatch[Tensor]) -> ReaderOutput[Tensor]:
        """All logits of a batch with gold, whose mentions are taken (teacher forcing)."""
        assert batch.gold is not None
        spans = Spans(batch.gold.mentions, batch.gold.mention_mask)
        encoded = self.encode(batch)
        return ReaderOutput(encoded.start, encoded.end, *spans, *self.describe(encoded.states, batch, spans))

    def encode(self, batch: ReaderBatch[Tensor]) -> Encoded[Tensor]:
        """States, and logits of starts and ends.

        Mixed precision stops at the encoder: sums of many losses need float32, and the heads are cheap.
        """
        states = States(*(state.to(torch.promote_types(state.dtype, torch.float32)) for state in self.encoder(batch)))
        with torch.autocast(states.tokens.device.type, enabled=False):
            return Encoded(states, *self.spans(states.tokens))

    def describe(self, states: States[Tensor], batch: ReaderBatch[Tensor], spans: Spans[Tensor]) -> Described[Tensor]:
        """Logits of types, links and relations of the mentions."""
        with torch.autocast(states.tokens.device.type, enabled=False):
            return self._described(states, batch, *spans)

    def _described(
        self, states: States[Tensor], batch: ReaderBatch[Tensor], mentions: Tensor, mask: Tensor
    ) -> Described[Tensor]:
        ends = endpoints(states.tokens, mentions)
        types = self.types(ends, states.types)
        links = self.links(ends, states.entities)
        if self.hits is not None:
            links = links + self.hits(batch.hits, mentions, mask, links.shape[-1])
        links = links.masked_fill(~batch.entity_mask[:, None], -torch.inf)
        # Closed IE (section 3.2): what a mention is linked to, and what type it has, condition its relations.
        linked = links.softmax(-1) @ states.entities
        chances = types.softmax(-1)
        features = torch.cat([ends, linked, chances @ states.types], dim=-1)
        relations = self.relations(states.tokens, mentions, features, chances.detach(), states.relations)
        number = torch.arange(mentions.shape[1], device=mentions.device)
        absent = (number[:, None] == number)[None, :, :, None] | ~batch.relation_mask[:, None, None]
        return Described(types, links, relations.masked_fill(absent, -torch.inf))


class Teacher(nn.Module):
    """A trained reader whose probabilities another one learns from."""

    def __init__(self, model: ReaderModel, share: float) -> None:
        super().__init__()
        self.model, self.share = model.eval().requires_grad_(False), share

    @torch.no_grad()
    def forward(self, batch: ReaderBatch[Tensor]) -> Soft:
        """Soft targets for a batch with gold."""
        return Soft(self.model.forced(batch), self.share)


@dataclass(frozen=True)
class TorchNetwork:
    """A ``ReaderModel`` as the ``Network`` of a reader: numpy arrays in, numpy arrays out."""

    model: ReaderModel

    def encode(self, batch: ReaderBatch[Array]) -> Encoded[Any]:
        """See ``Network``. The states stay on the model's device."""
        with self._predicting():
            states, start, end = self.model.encode(tensors(batch, self.device))
            return Encoded(states, _array(start), _array(end))

    def describe(self, states: States[Any], batch: ReaderBatch[Array], spans: Spans[Array]) -> Described[Array]:
        """See ``Network``."""
        with self._predicting():
            found = self.model.describe(states, *tensors((batch, spans), self.device))
            return Described(*map(_array, found))

    @property
    def device(self) -> torch.device:
        """The model's device."""
        return next(self.model.parameters()).device

    @contextmanager
    def _predicting(self) -> Iterator[None]:
        training = self.model.training
        self.model.eval()
        with torch.inference_mode():
            yield
        self.model.train(training)

    def save(self, folder: Path) -> None:
        """Write the weights: those that are never trained to a file of their own, the others packed if they may be."""
        encoder = self.model.encoder
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        if encoder.frozen:
            prefix = f"encoder.{encoder.frozen}"
            words = {name.removeprefix(prefix): state.pop(name) for name in [*state] if name.startswith(prefix)}
            save_file(words, folder / WORDS)
        (save_packed if encoder.packed else save_file)(state, folder / WEIGHTS)

    def load(self, folder: Path, common: Path) -> None:
        """Read what ``save`` wrote; the weights that are never trained from the folder ``common``.

        Raises:
            ModelError: the weights are those of another model.
        """
        state = load_packed(folder / WEIGHTS)
        if frozen := self.model.encoder.frozen:
            state |= {f"encoder.{frozen}{name}": tensor for name, tensor in load_file(common / WORDS).items()}
        missing, extra = self.model.load_state_dict(state, strict=False)
        if missing or extra:
            got, fix = f"missing {missing[:3]}, unknown {extra[:3]}", "copy the folder again"
            raise ModelError("weights do not fit the settings", where=str(folder), got=got, fix=fix)


def tensors(value: Any, device: torch.device | str = "cpu") -> Any:
    """A value of ``relik_ml.network`` with tensors on a device instead of numpy arrays."""
    return mapped(value, lambda array: torch.from_numpy(array).to(device))


def _array(tensor: Tensor) -> Array:
    return tensor.float().cpu().numpy()
