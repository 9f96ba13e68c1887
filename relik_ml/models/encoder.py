"""The base class of encoders."""

from torch import Tensor, nn

from relik_ml.network import ReaderBatch, States


class Encoder(nn.Module):
    """Base class of encoders, which contextualise a batch jointly with its passages or apart from them."""

    frozen = ""
    """Prefix of the weights that are never trained. They are stored in a file of their own."""
    packed = False
    """Whether the other weights are stored as int8."""

    def forward(self, batch: ReaderBatch[Tensor]) -> States[Tensor]:
        """States of tokens and symbols."""
        raise NotImplementedError
