"""DeBERTa's disentangled attention (He et al. 2021) for inference, without the gathers of transformers' own.

A score depends on the positions by their distance alone. So the scores of all queries with all distances are one matrix
product, and the score of a query i with a key j lies in it at (i, j - i): the matrix of queries and keys is a view of
it with other strides, as in the relative shift of Transformer-XL. ``torch.gather`` would copy it element by element.

Weights and results are those of transformers, up to rounding. Training, tracing, other devices than the CPU and unusual
calls take the way of transformers.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_BLOCK = 32
"""Rows that are compared at a time with the distances that occur in them: L + 31 instead of 2 L - 1."""


def use_fast_attention(encoder: nn.Module) -> None:
    """Let the attention of a DeBERTa take the fast way where it can; any other encoder stays as it is."""
    slow: list[Any] = [module for module in encoder.modules() if type(module).__name__ == "DisentangledSelfAttention"]
    for module in slow if all({"c2p", "p2c"} <= {*module.pos_att_type} for module in slow) else ():
        module.__class__ = type("FastDisentangledSelfAttention", (_FastAttention, type(module)), {})


class _FastAttention(nn.Module):
    """Overrides ``forward`` of transformers' ``DisentangledSelfAttention``."""

    _projected: tuple[Any, Tensor, Tensor, Tensor] | None = None
    """State of the weights, embeddings of the distances, their queries and keys."""

    def forward(
        self: Any,
        hidden_states: Tensor,
        attention_mask: Tensor,
        output_attentions: bool = False,
        query_states: Tensor | None = None,
        relative_pos: Any = None,
        rel_embeddings: Any = None,
    ) -> tuple[Tensor, Tensor | None]:
        """States (B, L, H) of the heads side by side, and no attention scores."""
        usual = query_states is None and relative_pos is not None and relative_pos.shape[:-2] == (1,)
        learning = self.training or torch.is_grad_enabled()
        if not usual or learning or output_attentions or not hidden_states.is_cpu or torch.onnx.is_in_onnx_export():
            self._projected = None  # weights may change now
            found: tuple[Tensor, Tensor | None] = super().forward(
                hidden_states, attention_mask, output_attentions, query_states, relative_pos, rel_embeddings
            )
            return found
        batch, length, _ = hidden_states.shape
        query, key, value = (
            projection(hidden_states).view(batch, length, self.num_attention_heads, -1)
            for projection in (self.query_proj, self.key_proj, self.value_proj)
        )
        query = query / (3 * query.shape[-1]) ** 0.5
        bias = self._bias(query, key, relative_pos[0], rel_embeddings)
        bias = bias.masked_fill_(~attention_mask.bool(), torch.finfo(bias.dtype).min)
        query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
        states = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        return states.transpose(1, 2).reshape(batch, length, -1), None

    def _bias(self: Any, query: Tensor, key: Tensor, distances: Tensor, embeddings: Tensor) -> Tensor:
        """What positions add to the scores, (B, heads, L, L), for states (B, L, heads, width) and distances (L, L)."""
        batch, length, heads, _ = query.shape
        # Those of the last token to all others, then those of the first one: from L - 1 down to 1 - L.
        falling = torch.cat([distances[:, 0].flip(0), distances[0, 1:]])
        rows = (falling + self.pos_ebd_size).clamp(0, 2 * self.pos_ebd_size - 1)
        position_query, position_key = self._positions(embeddings)
        bias = query.new_empty(batch, heads, length, length)
        for start, scores in _by_distance(query, position_key[:, rows]):
            bias[:, :, start : start + _BLOCK] = scores
        for start, scores in _by_distance(key, position_query[:, rows.flip(0)]):
            bias[:, :, :, start : start + _BLOCK] += scores.transpose(2, 3)
        return bias

    def _positions(self: Any, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled queries and keys of the positions, both (heads, 2 * span, width); kept until something changes."""
        state = [(each.data_ptr(), 0 if each.is_inference() else each._version) for each in self.parameters()]
        if self._projected is None or self._projected[0] != state or not torch.equal(self._projected[1], embeddings):
            names = ("query_proj", "key_proj") if self.share_att_key else ("pos_query_proj", "pos_key_proj")
            used = embeddings[: 2 * self.pos_ebd_size]
            query, key = (
                getattr(self, name)(used).view(len(used), self.num_attention_heads, -1).transpose(0, 1)
                for name in names
            )
            self._projected = state, embeddings, query / (3 * query.shape[-1]) ** 0.5, key
        _, _, *positions = self._projected
        return positions[0], positions[1]


def _by_distance(states: Tensor, positions: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Scores (B, heads, n, L) of states (B, L, heads, width) with positions (heads, 2 L - 1, width), block by block.

    Element (i, j) of the block that starts at s is the score of state s + i with position j - i - s + L - 1.
    """
    batch, length, heads, width = states.shape
    for start in range(0, length, _BLOCK):
        block = states[:, start : start + _BLOCK]
        size = block.shape[1]
        near = positions[:, length - start - size : 2 * length - start - 1]
        scores = torch.bmm(block.permute(2, 0, 1, 3).reshape(heads, -1, width), near.transpose(1, 2))
        columns = near.shape[1]
        strides = size * columns, batch * size * columns, columns - 1, 1
        yield start, scores.as_strided((batch, heads, size, length), strides, size - 1)
