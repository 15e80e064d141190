"""What a discriminator returns where it has more than a score."""

from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """A network's answers about a minibatch of samples; what it does not answer is None.

    A discriminator that has nothing but scores returns them as a plain array instead.

    Attributes:
        score: Float32 scores of shape (batch,), or of a shape of the network's own, such as (batch, height, width).
            None for a classifier, whose only judgement is its class logits.
        features: Activations of one or several layers: an array with a leading batch axis, or a pytree of such arrays.
        class_logits: Float32 logits of shape (batch, classes).
        match: How well each sample fits the condition that it was judged beside, of the shape of `score`, where that is a
            judgement of its own and `score` says how real the sample is whatever its condition.
    """

    score: Any
    features: Any = None
    class_logits: Any = None
    match: Any = None
