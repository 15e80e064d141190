"""The table of learning checks: what each trained game keeps, and what its controls break. `benchmarks.zoo` runs it."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import derived
from jaxgan.config import named
from jaxgan.losses import DIVERGENCES

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
    "cycle_l1_aba_noisy": (BELOW, 0.11),
    "counterpart_mse_ab": (BELOW, 0.02),
    "counterpart_mse_ba": (BELOW, 0.02),
}
# Without the identity loss digits agree, but colours are exchanged (Zhu et al. 2017, section 5.2).
_TINTED = {
    "counterpart_mse_ab": (BELOW, 0.15),
    "counterpart_mse_ba": (BELOW, 0.08),
    "agreement_ab": (ABOVE, 0.9),
    "agreement_ba": (ABOVE, 0.9),
}
# Sixteen cells cannot tell what the digit was like, and yet it comes back, until noise covers what was hidden in the cells.
_HIDING = {
    "cycle_l1_aba": (BELOW, 0.115),
    "cycle_l1_aba_noisy": (ABOVE, 0.13),
    "counterpart_mse_ab": (BELOW, 0.03),
    "agreement_ab": (ABOVE, 0.75),
    "agreement_ba": (ABOVE, 0.75),
}

_DIGITS = {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}
_RING = {"modes": (ABOVE, 8), "high_quality": (ABOVE, 0.6)}
_GRID = {"modes": (ABOVE, 24), "high_quality": (ABOVE, 0.4)}
_CHANCE = {"class_accuracy": "0.10 (chance)"}


def _objective(config: str, bounds: Mapping[str, tuple[str, float]], variant: str = "", **fields: Any) -> Check:
    return Check(config, bounds, variant, family="objectives", **fields)


# The least divergence that any normal density has from a mixture of two, and whether that one covers both or seeks one.
_NEAREST = {"divergence": (BELOW, 1.15)}
_SPREAD = {
    "kl": {"deviation_error": (BELOW, 10.0)},
    "pearson": {"deviation_error": (BELOW, 10.0)},
    "reverse_kl": {"deviation_error": (ABOVE, 60.0)},
    "neyman": {"deviation_error": (ABOVE, 60.0)},
}


def _of(divergence: str) -> dict[str, str]:
    return {"game.objective.divergence": divergence}


_SMOOTH = {"players.discriminator.constraint": named("spectral_regularization", weight=0.1)}

CHECKS: dict[str, Check] = {
    "gan": _objective("gan", _DIGITS),
    "gan: saturating": _objective("gan", _DIGITS, "minimax"),
    "gan: a normal density": _objective(
        "gan",
        {
            "mean_error": (BELOW, 10.0),
            "deviation_error": (BELOW, 10.0),
            "d_real": (BELOW, 0.6),
            "d_fake": (ABOVE, 0.4),
        },
        "gaussian1d",
        derive=derived.verdicts,
    ),
    # Without a penalty an objective drops a mode now and then; DRAGAN, with one, is asked for all.
    "gan: eight Gaussians": _objective("gan", _RING | {"modes": (ABOVE, 6)}, "ring8"),
    "gan on 25 Gaussians": _objective("gan", _GRID, "grid25", control=True),
    "fgan": _objective("fgan", _DIGITS | {"digit_fd": (BELOW, 40.0)}),
    "fgan: total variation": _objective("fgan", _DIGITS | {"digit_fd": (BELOW, 40.0)}, changes=_of("total_variation")),
    **{
        f"fgan: nearest normal in {name}": _objective(
            "fgan",
            _NEAREST | _SPREAD.get(name, {}),
            "kl",
            changes=_of(name),
            derive=derived.divergence_left,
            # Its T is bounded: where the discriminator is sure, total variation says nothing of where to go.
            control=name == "total_variation",
        )
        for name in DIVERGENCES
    },
    "lsgan": _objective("lsgan", _DIGITS),
    "lsgan: Pearson's coding": _objective("lsgan", _DIGITS, "pearson"),
    "lsgan: eight Gaussians": _objective("lsgan", _RING | {"modes": (ABOVE, 6)}, "ring8"),
    "wgan": _objective("wgan", _DIGITS),
    "wgan: a normal density": _objective(
        "wgan", {"rank_correlation": (ABOVE, 0.8)}, "gaussian1d", derive=derived.critic_follows_wasserstein
    ),
    "wgan_gp": _objective(
        "wgan_gp", _DIGITS | {"gradient_norm_error": (BELOW, 0.4)}, derive=derived.gradient_on_the_line
    ),
    "wgan_gp: 25 Gaussians": _objective("wgan_gp", _GRID, "grid25"),
    "dragan": _objective("dragan", _DIGITS),
    "dragan: eight Gaussians": _objective("dragan", _RING, "ring8"),
    "sngan": _objective("sngan", _DIGITS | {"sigma_error": (BELOW, 0.05)}, derive=derived.spectral_norms),
    "sngan: projection": _objective(
        "sngan", {"class_accuracy": (ABOVE, 0.9), "digit_fd": (BELOW, 25.0)}, "projection", baselines=_CHANCE
    ),
    "spectral-norm regularisation": _objective(
        "lsgan", _DIGITS | {"sigma": (BELOW, 0.65)}, changes=_SMOOTH, derive=derived.largest_singular_values
    ),
    "lsgan without that regularisation": _objective(
        "lsgan", {"sigma": (BELOW, 0.65)}, derive=derived.largest_singular_values, control=True
    ),
    "rgan": _objective("rgan", _DIGITS),
    "rgan: average": _objective("rgan", _DIGITS, "average"),
    "ebgan": _objective(
        "ebgan",
        _DIGITS | {"fake_energy": (ABOVE, 1.0), "noise_energy": (ABOVE, 2.0)},
        derive=derived.energies,
    ),
    "began": _objective(
        "began",
        {
            "digit_fd": (BELOW, 35.0),
            "digits_present": (ABOVE, 8),
            "convergence_share": (BELOW, 0.3),
            "diversity": (ABOVE, 0.7),
        },
        derive=derived.balance,
    ),
    "began with gamma 0.4": _objective(
        "began", {"diversity": (ABOVE, 0.7)}, changes={"game.gamma": 0.4}, derive=derived.balance, control=True
    ),
    "improved_gan": _objective(
        "improved_gan", {"label_accuracy": (ABOVE, 0.88)}, baselines={"label_accuracy": "0.10 (chance)"}
    ),
    "improved_gan from the labels alone": _objective(
        "improved_gan", {"label_accuracy": (ABOVE, 0.88)}, "supervised", control=True
    ),
    "r3gan": _objective("r3gan", _DIGITS),
    "r3gan: 25 Gaussians": _objective("r3gan", {"modes": (ABOVE, 25)}, "grid25"),
    "r3gan: stacked digits": _objective("r3gan", {"modes": (ABOVE, 995), "reverse_kl": (BELOW, 0.25)}, "stacked"),
    "dcgan": Check("dcgan", {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}),
    "dcgan: stacked digits": _objective("dcgan", {"modes": (ABOVE, 950), "reverse_kl": (BELOW, 0.6)}, "stacked"),
    "biggan_like": Check(
        "biggan_like",
        {"class_accuracy": (ABOVE, 0.9), "digit_fd": (BELOW, 25.0)},
        baselines={"class_accuracy": "0.10 (chance)"},
    ),
    "progan": Check("progan", {"digit_fd": (BELOW, 25.0), "digits_present": (ABOVE, 10)}),
    "cyclegan: inverted digits": Check("cyclegan", _TRANSLATION, family="translation"),
    "cyclegan without cycle loss": Check(
        "cyclegan",
        _TRANSLATION,
        changes={"game.cycle": 0.0},
        control=True,
        family="translation",
    ),
    "cyclegan: tinted digits": Check("cyclegan", _TINTED, "tinted", family="translation"),
    "cyclegan without identity loss": Check(
        "cyclegan", _TINTED, "tinted", {"game.identity": 0.0}, control=True, family="translation"
    ),
    "cyclegan: what 4x4 cells hide": Check("cyclegan", _HIDING, "low_resolution", family="translation"),
}


def _arxiv(authors: str, number: str) -> str:
    return f"[{authors}](https://arxiv.org/abs/{number})"


PAPERS = {
    "began": _arxiv("Berthelot et al. 2017", "1703.10717"),
    "biggan_like": _arxiv("Brock et al. 2018", "1809.11096"),
    "cyclegan": _arxiv("Zhu et al. 2017", "1703.10593"),
    "dcgan": _arxiv("Radford et al. 2015", "1511.06434"),
    "dragan": _arxiv("Kodali et al. 2017", "1705.07215"),
    "ebgan": _arxiv("Zhao et al. 2016", "1609.03126"),
    "fgan": _arxiv("Nowozin et al. 2016", "1606.00709"),
    "gan": _arxiv("Goodfellow et al. 2014", "1406.2661"),
    "improved_gan": _arxiv("Salimans et al. 2016", "1606.03498"),
    "lsgan": _arxiv("Mao et al. 2016", "1611.04076"),
    "progan": _arxiv("Karras et al. 2017", "1710.10196"),
    "r3gan": _arxiv("Huang et al. 2024", "2501.05441"),
    "rgan": _arxiv("Jolicoeur-Martineau 2018", "1807.00734"),
    "sngan": _arxiv("Miyato et al. 2018", "1802.05957"),
    "wgan": _arxiv("Arjovsky et al. 2017", "1701.07875"),
    "wgan_gp": _arxiv("Gulrajani et al. 2017", "1704.00028"),
}
