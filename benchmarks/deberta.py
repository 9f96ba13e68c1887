"""DeBERTa's attention by distance against that of transformers: milliseconds and ratios, in one run.

    python benchmarks/deberta.py [--layers 2] [--turns 10]

Random weights of the shape of mdeberta-v3-base in float32, one thread, no network. "attention" is one attention module,
"encoder" are whole layers with embeddings. Both ways take turns; the best processor time of each counts. The
difference is the largest of any state that is not padding.
"""

import argparse
import copy
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import torch
from transformers import DebertaV2Config, DebertaV2Model

from relik_ml.models import BiEncoder

SHAPES = (1, 128), (8, 128), (1, 256), (4, 256), (1, 384), (1, 512), (2, 512)  # windows, their length
SIZES: dict[str, Any] = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, "vocab_size": 1000}
RELATIVE: dict[str, Any] = {
    "relative_attention": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    eager: Any = DebertaV2Model(DebertaV2Config(num_hidden_layers=options.layers, **SIZES, **RELATIVE))
    eager.eval()
    fast = BiEncoder(copy.deepcopy(eager)).encoder
    print("| windows × length | attention: eager, ours, ratio | encoder: eager, ours, ratio | difference |")
    print("|---|---|---|--:|")
    for windows, length in SHAPES:
        with torch.inference_mode():
            print(row(eager, fast, windows, length, options.turns))


def row(eager: Any, fast: Any, windows: int, length: int, turns: int) -> str:
    """One line of the table."""
    ids, mask = torch.randint(0, 1000, (windows, length)), torch.ones(windows, length, dtype=torch.long)
    mask[1:, length - length // 8 :] = 0  # the first window is full
    states, pairs = torch.randn(windows, length, 768), mask[:, None, None, :] * mask[:, None, :, None]
    positions = {
        "relative_pos": eager.encoder.get_rel_pos(states), "rel_embeddings": eager.encoder.get_rel_embedding(),
    }  # fmt: skip

    def attention(model: Any) -> Any:
        return model.encoder.layer[0].attention.self(states, pairs, **positions)[0]

    def encoder(model: Any) -> Any:
        return model(input_ids=ids, attention_mask=mask).last_hidden_state

    apart: float = ((encoder(eager) - encoder(fast)).abs() * mask[:, :, None]).max().item()
    shown = []
    for part in (attention, encoder):
        slow, quick = best([partial(part, eager), partial(part, fast)], turns)
        shown.append(f"{slow:.1f} ms, {quick:.1f} ms, {slow / quick:.2f}")
    return f"| {windows} × {length} | {' | '.join(shown)} | {apart:.0e} |"


def best(ways: list[Callable[[], object]], turns: int) -> list[float]:
    """The shortest time of each way in milliseconds."""
    found = [float("inf")] * len(ways)
    for _ in range(turns):
        for number, way in enumerate(ways):
            started = process_time()
            way()
            found[number] = min(found[number], 1000 * (process_time() - started))
    return found


if __name__ == "__main__":
    main()
