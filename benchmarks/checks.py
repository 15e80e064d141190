"""The table of learning checks: what each trained game keeps, and what its controls break. `benchmarks.zoo` runs it."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

BELOW, ABOVE = "<=", ">="
FAMILIES = ("objectives", "images", "translation")


@dataclasses.dataclass(frozen=True)
class Check:
    """One row of the evidence.

    Attributes:
        config: configs/<config>.py.
        bounds: For each measured value, "<=" or ">=" and the bound that the trained game keeps.
        variant: Of the config.
        changes: Config fields to set.
        baselines: For each value, what something trivial reaches, in words; "" takes the untrained game's value.
        control: Whether this row is a broken game, which must break at least one bound.
        family: Which of `FAMILIES` it belongs to.
        derive: More values, from the finished run's folder.
    """

    config: str
    bounds: Mapping[str, tuple[str, float]]
    variant: str = ""
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    baselines: Mapping[str, str] = dataclasses.field(default_factory=dict)
    control: bool = False
    family: str = "images"
    derive: Callable[[pathlib.Path], dict[str, float]] | None = None

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether the last evaluation of a run keeps every bound."""
        return all(
            values[name] <= bound if side == BELOW else values[name] >= bound
            for name, (side, bound) in self.bounds.items()
        )


_TRANSLATION = {
    "agreement_ab": (ABOVE, 0.9),
    "agreement_ba": (ABOVE, 0.9),
    "cycle_l1": (BELOW, 0.11),
    "counterpart_mse_ab": (BELOW, 0.02),
    "counterpart_mse_ba": (BELOW, 0.02),
}
_IDENTITY = {"agreement_ab": (ABOVE, 0.85), "agreement_ba": (ABOVE, 0.85)}

CHECKS: dict[str, Check] = {
    "dcgan": Check("dcgan", {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}),
    "wgan_gp": Check("wgan_gp", {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}),
    "wgan_gp: 25 Gaussians": Check("wgan_gp", {"modes": (ABOVE, 24), "high_quality": (ABOVE, 0.6)}, "grid25"),
    "biggan_like": Check(
        "biggan_like",
        {"class_accuracy": (ABOVE, 0.9), "digit_fd": (BELOW, 25.0)},
        baselines={"class_accuracy": "0.10 (chance)"},
    ),
    "progan": Check("progan", {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}),
    "cyclegan: inverted digits": Check("cyclegan", _TRANSLATION),
    "cyclegan without cycle loss": Check(
        "cyclegan",
        _TRANSLATION,
        changes={"game.cycle": 0.0},
        control=True,
    ),
    "cyclegan: thresholded digits": Check("cyclegan", _IDENTITY, "thresholded"),
    "cyclegan without identity loss": Check("cyclegan", _IDENTITY, "thresholded", {"game.identity": 0.0}, control=True),
}

PAPERS = {
    "dcgan": "[Radford et al. 2015](https://arxiv.org/abs/1511.06434), with [Goodfellow et al. 2014](https://arxiv.org/abs/1406.2661)",
    "wgan_gp": "[Gulrajani et al. 2017](https://arxiv.org/abs/1704.00028)",
    "biggan_like": "[Brock et al. 2018](https://arxiv.org/abs/1809.11096)",
    "cyclegan": "[Zhu et al. 2017](https://arxiv.org/abs/1703.10593)",
    "progan": "[Karras et al. 2017](https://arxiv.org/abs/1710.10196)",
}
