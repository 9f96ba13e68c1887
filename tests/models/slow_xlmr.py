"""XLM-R or BERT over one text, without padding, in float64: positions counted by hand, heads one by one, a mean.

Nothing of ``slow`` is shared with transformers but the weights, by their names in the file.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

PAD = 1  # XLM-R's, so its position ids start at 2


def random_xlmr(words: int = 40) -> Any:
    """An XLM-R of width 16 with random weights, biases and position table included."""
    import transformers

    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=words, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=30, pad_token_id=PAD, type_vocab_size=1,
    )  # fmt: skip
    model = transformers.XLMRobertaModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def slow(
    state: Mapping[str, Tensor], ids: Sequence[int], heads: int, first: int = PAD + 1, epsilon: float = 1e-5
) -> Tensor:
    """The unit vector (H,) of token ids, special tokens included; positions count from ``first``, BERT's from 0."""
    weights = {name: tensor.double() for name, tensor in state.items()}

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, x: Tensor) -> Tensor:
        x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, unbiased=False, keepdim=True) + epsilon).sqrt()
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    table = "embeddings.{}_embeddings.weight"
    words, positions = weights[table.format("word")], weights[table.format("position")]
    kind = weights[table.format("token_type")][0]
    x = torch.stack([words[token] + positions[position] + kind for position, token in enumerate(ids, first)])
    x = norm("embeddings.LayerNorm", x)
    size = x.shape[1] // heads
    for layer in range(sum(name.endswith("query.weight") for name in weights)):
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(f"{at}.attention.self.{part}", x) for part in ("query", "key", "value"))
        seen = []
        for head in (slice(start, start + size) for start in range(0, x.shape[1], size)):
            seen.append(torch.softmax(q[:, head] @ k[:, head].T / math.sqrt(size), dim=-1) @ v[:, head])
        x = norm(f"{at}.attention.output.LayerNorm", x + linear(f"{at}.attention.output.dense", torch.cat(seen, -1)))
        inner = linear(f"{at}.intermediate.dense", x)
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        x = norm(f"{at}.output.LayerNorm", x + linear(f"{at}.output.dense", inner))
    pooled = x.sum(0) / len(ids)
    return pooled / pooled.pow(2).sum().sqrt()
