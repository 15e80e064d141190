"""Every adversarial objective by name, for configs and the command line."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.errors import UserError
from jaxgan.losses import adversarial
from jaxgan.losses.adversarial import Objective
from jaxgan.losses.energy import energy
from jaxgan.losses.f_divergences import f_divergence
from jaxgan.losses.relativistic import relativistic

# Name -> the function that makes the objective; its parameters are the fields that a config may give.
OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "minimax": adversarial.minimax_objective,
    "non_saturating": adversarial.non_saturating_objective,
    "least_squares": adversarial.least_squares_objective,
    "wasserstein": adversarial.wasserstein_objective,
    "hinge": adversarial.hinge_objective,
    "f_divergence": f_divergence,
    "relativistic": relativistic,
    "energy": energy,
}


def make_objective(spec: Objective | str | Mapping[str, Any]) -> Objective:
    """The objective that `spec` names.

    Args:
        spec: An `Objective`, which is returned; a name in `OBJECTIVES`; or {"name": ..., **fields}, such as
            {"name": "f_divergence", "divergence": "kl"}.

    Raises:
        UserError: An unknown name or field, a missing field, or a value that the objective does not take.
    """
    if isinstance(spec, Objective):
        return spec
    fields = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    name = fields.pop("name", None)
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise UserError(f"the objective {name!r} is unknown: choose one of {', '.join(OBJECTIVES)}")
    maker = OBJECTIVES[name]
    known = inspect.signature(maker).parameters
    for field in fields:
        if field not in known:
            choice = f"it has {', '.join(known)}" if known else "it has none"
            raise UserError(f"the objective {name!r} has no field {field!r}: {choice}")
    for field, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and field not in fields:
            raise UserError(f"the objective {name!r} needs {field!r}: give {{'name': {name!r}, {field!r}: ...}}")
    return maker(**fields)
