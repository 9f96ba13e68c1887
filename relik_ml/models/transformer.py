"""A BERT encoder (Devlin et al. 2019) that can be read in parts: embeddings, then any number of layers.

Its weights are those of transformers' ``BertModel`` under shorter names, see `from_bert`. The word embeddings are
kept as they are found and never trained; they may be stored in blocks of 4 bits (`QuantizedEmbedding`).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from relik_ml.config import TransformerConfig

BLOCK = 32
"""Values of a row that share one scale."""


class QuantizedEmbedding(nn.Module):
    """Frozen word embeddings in blocks of 4 bits: ``(nibble - 8) * scale``, one scale for 32 values of a row.

    A table that was stored in this form before (ggml's Q4_0) is kept exactly. Rows are unpacked when they are looked
    up, so the table never exists in float32.
    """

    nibbles: Tensor  # (V, H / 2) uint8
    scales: Tensor  # (V, H / 32) float16

    def __init__(self, vocabulary: int, width: int) -> None:
        super().__init__()
        self.register_buffer("nibbles", torch.full((vocabulary, width // 2), 0x88, dtype=torch.uint8))
        self.register_buffer("scales", torch.zeros(vocabulary, width // BLOCK, dtype=torch.float16))

    @torch.no_grad()
    def pack(self, table: Tensor) -> None:
        """Store a table (V, H). The scale of a block is its value of largest magnitude over -8, as in Q4_0."""
        blocks = table.float().view(len(table), -1, BLOCK)
        largest = blocks.gather(2, blocks.abs().argmax(2, keepdim=True))
        scales = (largest / -8).half()
        inverse = torch.where(scales == 0, torch.zeros(()), 1 / scales.float())
        levels = (blocks * inverse + 8).round().clamp(0, 15).to(torch.uint8)
        low, high = levels[..., : BLOCK // 2], levels[..., BLOCK // 2 :]
        self.nibbles.copy_((low | high << 4).flatten(1))
        self.scales.copy_(scales.squeeze(2))

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of any shape give their rows (…, H)."""
        packed = F.embedding(ids, self.nibbles).view(*ids.shape, self.scales.shape[1], BLOCK // 2)
        levels = torch.cat([packed & 15, packed >> 4], -1)
        rows: Tensor = ((levels.float() - 8) * F.embedding(ids, self.scales).float()[..., None]).flatten(-2)
        return rows


class Layer(nn.Module):
    """Self-attention and a feed-forward network, each with a residual and a LayerNorm after it."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.attention = nn.Linear(config.width, 3 * config.width)
        self.output = nn.Linear(config.width, config.width)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.up = nn.Linear(config.width, config.inner)
        self.down = nn.Linear(config.inner, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, L, H) and a mask (B, 1, 1, L), zero where a position may be attended and else -1e9, give (B, L, H)."""
        dropout = self.dropout if self.training else 0.0
        windows, length, _ = states.shape
        query, key, value = self.attention(states).view(windows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # No dropout of attention weights: with it torch has no fused kernel on a CPU, and a step takes twice as long.
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        attended = F.dropout(self.output(heads.transpose(1, 2).flatten(2)), dropout)
        states = self.attention_norm(states + attended)
        fed = F.dropout(self.down(F.gelu(self.up(states))), dropout)
        return self.norm(states + fed)  # type: ignore[no-any-return]


class Transformer(nn.Module):
    """Embeddings and layers. ``forward`` is a whole BERT; its parts are public for encoders that add something."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.words = QuantizedEmbedding(config.vocabulary, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def embed(self, ids: Tensor) -> Tensor:
        """(B, L) ids of subwords give the states (B, L, H) that the first layer reads."""
        positions = self.positions.weight[: ids.shape[1]]
        states = self.norm(self.words(ids) + positions)
        return F.dropout(states, self.config.dropout if self.training else 0.0)

    def contextualise(self, states: Tensor, mask: Tensor) -> Tensor:
        """All layers over embedded states (B, L, H) with their mask (B, L)."""
        hidden = (1 - mask.to(states.dtype))[:, None, None] * -1e9
        for layer in self.layers:
            states = layer(states, hidden)
        return states

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ids and mask (B, L) give states (B, L, H)."""
        return self.contextualise(self.embed(ids), mask)


def from_bert(weights: Mapping[str, Tensor], config: TransformerConfig) -> Transformer:
    """The lowest layers of a ``BertModel``'s weights.

    All tokens of a text have token type 0, whose embedding is added to those of the positions.
    """
    made = Transformer(config)
    made.words.pack(weights["embeddings.word_embeddings.weight"])
    types = weights["embeddings.token_type_embeddings.weight"]
    state = {
        "positions.weight": weights["embeddings.position_embeddings.weight"] + types[0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    names = {
        "output": "attention.output.dense", "attention_norm": "attention.output.LayerNorm",
        "up": "intermediate.dense", "down": "output.dense", "norm": "output.LayerNorm",
    }  # fmt: skip
    for number in range(config.layers):
        old, new = f"encoder.layer.{number}.", f"layers.{number}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{old}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{new}attention.{kind}"] = torch.cat(parts)
            state |= {f"{new}{ours}.{kind}": weights[f"{old}{theirs}.{kind}"] for ours, theirs in names.items()}
    _, unknown = made.load_state_dict(state, strict=False)
    assert not unknown
    return made
