"""The best weights so far by the score on dev, kept in memory."""

from __future__ import annotations

from torch import Tensor, nn


class Best:
    """Keeps a copy of a model's weights whenever its score is the highest yet."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.score = float("-inf")
        self.epoch = -1
        self._state: dict[str, Tensor] = {}

    def offer(self, score: float, epoch: int) -> bool:
        """Keep the weights as they are now if ``score`` is a record; says whether it was."""
        if score <= self.score:
            return False
        self.score, self.epoch = score, epoch
        self._state = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
        return True

    def restore(self) -> None:
        """Put the best weights back."""
        if self._state:
            self.model.load_state_dict(self._state)
