"""The words that configs are written in: `default`, `named`, `player`, `own_pictures`, `choose`; `Check` for learning checks.

A config is an `ml_collections.ConfigDict` of plain values. It names things and their fields; `jaxgan.registry` finds and
makes them, and fills in the fields that are left out.
"""

import copy
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan.errors import ConfigError, nearest

# Of `metrics`: what stands for those that suit the data, and what a name ends in that is measured only where that is possible.
DEFAULT, WISHED = "default", "?"


def default() -> ConfigDict:
    """The fields that every config has; a config file changes them and adds its players."""
    from jaxgan.data import DataConfig  # the data room is not needed to write a config

    return ConfigDict(
        {
            "system": "",  # a name in jaxgan.gans, or "module:function"
            "game": {},  # arguments of that system beside its players
            "players": {},  # by name, each made by `player`; or groups of them, by name
            "data": dataclasses.asdict(DataConfig()),  # see docs/data.md
            "seed": 0,  # of everything random
            "batch_size": 64,  # images in a minibatch, over all devices
            "steps": 1000,  # the run ends after this many steps ...
            "images": 0,  # ... or this many real images, whichever comes first (0: no such end)
            "dtype": "float32",  # what networks compute in; parameters, losses and statistics stay float32
            "accumulate": 1,  # parts of a minibatch whose gradients are averaged
            "statistics_batches": 16,  # batches that batch norm's sampling statistics are estimated over (0: each batch's own)
            "remat": "none",  # "blocks" computes the insides of networks' blocks once more for the gradient, for less memory
            "shard_optimizer": False,  # each device keeps a part of the optimisers' states, of several (ZeRO-1)
            "steps_per_call": 1,  # steps that one program plays, where nothing is due between them: docs/speed.md
            "log_every": 50,
            "sample_every": 250,
            "evaluate_every": 500,
            "evaluate_samples": 1000,
            # Names in jaxgan.evaluation.monitored, "default" for those that suit the data; a name that ends in "?" is left out
            # where it cannot be measured. The best checkpoint is kept by the first.
            "metrics": (DEFAULT,),
            # More pictures, drawn with the samples: "classes", and the training images that are "nearest" by their pixels, or
            # by features, "nearest/digits".
            "pictures": (),
            "checkpoint_every": 500,
            # Where a loss, a gradient or a parameter is not finite the run goes back to the newest of these checkpoints or the
            # best one, draws anew and goes on; it gives up at the next time after so many within so many steps.
            "rollbacks": 3,
            "rollback_window": 5000,
            "rollback_rate": 1.0,  # factor on all learning rates for each rollback
            # What follows when two evaluations in a row find the game collapsed, or won by one side: "tell" no more, "stop"
            # ends the run, "return" goes back to the best checkpoint, a rollback as above; "off" does not look.
            "guard": "tell",
        }
    )


def named(name: str, /, **fields: Any) -> ConfigDict:
    """Something to be made: its name in `jaxgan.registry`, or "module:attribute", and the fields to make it with."""
    return ConfigDict({"name": name, **fields})


def player(
    network: ConfigDict,
    optimizer: ConfigDict,
    constraints: tuple[ConfigDict, ...] = (),
    average: ConfigDict | None = None,
    schedule: ConfigDict | None = None,
    views: tuple[ConfigDict, ...] = (),
    frozen: str | None = None,
) -> ConfigDict:
    """A player's part of a config; each part is `named(...)`, or a tuple of them.

    Args:
        network: Its network.
        optimizer: What moves its parameters.
        constraints: What its weights must obey, in the order in which they apply.
        average: The moving average that samples are drawn from; None keeps none.
        schedule: Factor on its updates; None keeps the optimiser's own rate.
        views: What its network is shown instead of bare images, in the order in which they apply.
        frozen: A regular expression; parameters in whose path it is found are not trained. None trains all.
    """
    parts = {
        "network": network,
        "optimizer": optimizer,
        "constraints": constraints,
        "average": average,
        "schedule": schedule,
        "views": views,
        "frozen": frozen,
    }
    # Two players that are given the same part have a copy each: a change of one must not change the other.
    return ConfigDict(copy.deepcopy(parts))


def own_pictures(config: ConfigDict, size: int, batch_size: int, steps: int, **data: Any) -> ConfigDict:
    """Has a config train on pictures of the user's own instead of its data: `--config.data.path=photos` says where they lie.

    Args:
        config: Changed in place.
        size: Side of the images that the networks see, in pixels; pictures are resized and cropped to it.
        batch_size: Images in a minibatch.
        steps: Of the run; a long one is logged, drawn, measured and saved less often.
        data: More fields of `data`: `name`, which is "folder" (or a zip or tar of one) where nothing else is said.

    Returns:
        The config itself.
    """
    config.data = default().data
    config.data.update({"name": "folder", "path": "data/photos", "image_size": size, **data})
    config.batch_size, config.steps = batch_size, steps
    long = steps >= 10_000
    config.log_every, config.sample_every = (100, 1000) if long else (50, 250)
    config.evaluate_every = config.checkpoint_every = 5000 if long else 1000
    return config


def choose(variant: str, variants: Mapping[str, Callable[[], ConfigDict]]) -> ConfigDict:
    """The config that `configs/x.py:variant` asks for.

    Args:
        variant: What follows the colon; "" is the embedded default.
        variants: By name, functions that make a config.

    Raises:
        ConfigError: No such variant.
    """
    if variant not in variants:
        raise ConfigError(
            f"this config has no variant {variant!r}: {nearest(variant, [name for name in variants if name])}"
        )
    return variants[variant]()


_BOUND = re.compile(r"(<=|>=)\s*([-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)")


@dataclasses.dataclass(frozen=True)
class Check:
    """A learning check of a config: what the trained game keeps, or, where it is broken on purpose, breaks.

    Attributes:
        bounds: For each measured value, the bound that the trained game keeps: {"digit_fd": "<= 25", "modes": ">= 8"}.
        variant: Of the config; "" is the embedded default.
        changes: Config fields to set, {"game.objective.divergence": "kl"}.
        baselines: For each value, what something trivial reaches, in words; "" takes the untrained game's value.
        control: Whether this is a broken game, which must break at least one bound.
        computed: What reads more values from the finished run, a name in `benchmarks.computed`; "" for nothing.
    """

    bounds: Mapping[str, str]
    variant: str = ""
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    baselines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    control: bool = False
    computed: str = ""

    @property
    def limits(self) -> dict[str, tuple[str, float]]:
        """The bounds as "<=" or ">=" and a number.

        Raises:
            ConfigError: A bound is not written so.
        """
        limits = {}
        for name, text in self.bounds.items():
            match = _BOUND.fullmatch(text.strip())
            if match is None:
                raise ConfigError(f"the bound {name} {text!r} of a check is none: write '<= 25' or '>= 8'")
            limits[name] = match[1], float(match[2])
        return limits

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether the last evaluation of a run keeps every bound; a value that is not a number keeps none."""
        return all(
            values[name] <= bound if side == "<=" else values[name] >= bound
            for name, (side, bound) in self.limits.items()
        )
