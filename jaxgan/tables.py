"""What configs can name: a table for each kind, read when it is needed, so that a command imports only what it uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

Maker = Callable[..., Any]


class _Lazy(Mapping[str, Maker]):
    """A room's makers by name; only those that are asked for are imported."""

    def __init__(self, room: ModuleType, names: Iterable[str]) -> None:
        self._room, self._names = room, tuple(names)

    def __getitem__(self, name: str) -> Maker:
        if name not in self._names:
            raise KeyError(name)
        return getattr(self._room, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def table(kind: str) -> Mapping[str, Maker]:
    """What a name of this kind may be, and the class or function that makes it.

    Args:
        kind: "network", "optimizer", "constraint", "average", "schedule", "view", "term", "objective", "content",
            "system" or "source".
    """
    return _TABLES[kind]()


def _networks() -> Mapping[str, Maker]:
    from jaxgan import networks

    return _Lazy(networks, networks.names())


def _optimizers() -> Mapping[str, Maker]:
    import optax

    from jaxgan.core.optimizers import adam_rising_b2

    return {
        "adagrad": optax.adagrad,
        "adam": optax.adam,
        "adam_rising_b2": adam_rising_b2,
        "rmsprop": optax.rmsprop,
        "sgd": optax.sgd,
    }


def _constraints() -> Mapping[str, Maker]:
    from jaxgan.core import constraints, regularizers

    return {
        "spectral_norm": constraints.spectral_norm,
        "clip": constraints.clip,
        "max_norm": constraints.max_norm,
        "equalized": constraints.equalized,
        "singular_value_clamp": constraints.singular_value_clamp,
        "l2_decay": regularizers.l2_decay,
        "orthogonal": regularizers.orthogonal,
        "spectral_regularization": regularizers.spectral_regularization,
        "singular_value_regularization": regularizers.singular_value_regularization,
        "historical_averaging": regularizers.historical_averaging,
    }


def _averages() -> Mapping[str, Maker]:
    from jaxgan.core import averaging

    return {"exponential": averaging.exponential, "half_life": averaging.half_life}


def _schedules() -> Mapping[str, Maker]:
    from jaxgan.core import schedules

    return {
        "linear_decay": schedules.linear_decay,
        "cosine_decay": schedules.cosine_decay,
        "cosine_ramp": schedules.cosine_ramp,
        "gaussian_ramp": schedules.gaussian_ramp,
        "exponential_decay": schedules.exponential_decay,
        "piecewise": schedules.piecewise,
    }


def _views() -> Mapping[str, Maker]:
    from jaxgan import augment

    return augment.VIEWS


def _terms() -> Mapping[str, Maker]:
    from jaxgan.parts import terms

    return terms.TERMS


def _objectives() -> Mapping[str, Maker]:
    from jaxgan import losses

    return losses.OBJECTIVES


def _contents() -> Mapping[str, Maker]:
    from jaxgan.features.content import CONTENTS

    return CONTENTS


def _systems() -> Mapping[str, Maker]:
    from jaxgan import gans

    return _Lazy(gans, gans.systems())


def _sources() -> Mapping[str, Maker]:
    from jaxgan.data.factory import SOURCES

    return {name: source.make for name, source in SOURCES.items()}


_TABLES: dict[str, Callable[[], Mapping[str, Maker]]] = {
    "network": _networks,
    "optimizer": _optimizers,
    "constraint": _constraints,
    "average": _averages,
    "schedule": _schedules,
    "view": _views,
    "term": _terms,
    "objective": _objectives,
    "content": _contents,
    "system": _systems,
    "source": _sources,
}


def is_made(made: Any, kind: str) -> bool:
    """Whether something is of a kind; averages and schedules are functions of the clock."""
    if kind == "network":
        import flax.linen as nn

        return isinstance(made, nn.Module)
    if kind == "optimizer":
        import optax

        return isinstance(made, optax.GradientTransformation)
    if kind == "constraint":
        from jaxgan.core.constraints import Constraint

        return isinstance(made, Constraint)
    if kind == "view":
        from jaxgan.core.views import View

        return isinstance(made, View)
    if kind == "term":
        from jaxgan.parts.terms import Term

        return isinstance(made, Term)
    if kind == "objective":
        from jaxgan.losses import Objective

        return isinstance(made, Objective)
    if kind == "system":
        from jaxgan.core import Game

        return isinstance(made, Game)
    if kind == "source":
        from jaxgan.data import Source

        return isinstance(made, Source)
    return callable(made) or (kind == "content" and made is None)  # its weights may not be there
