"""What a page is told of a run: which panels it has, with which controls. All of it follows from the game's abilities."""

from typing import Any

import jax

from jaxgan.core.abilities import CHOICE, DOMAIN, GRAPH, IMAGES, LABEL, LATENTS, STRENGTH, TEXT, Ability, Argument
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.explorer.space import Space, can
from jaxgan.pictures.style_pictures import slots
from jaxgan.training.plan import Plan

REACH = 4.0  # deviations that a point may be moved along a direction
MOST_TRUNCATION = 3.0  # of a threshold that has no bounds of its own
_SHOWN = ("images", "class_logits", "scores")


def offered(snapshot: Snapshot) -> dict[str, Ability]:
    """The abilities that have a panel of their own: they answer by what can be seen to what can be typed or dropped.

    Those of latents are the panel of the latents.
    """
    found = {}
    for name, ability in snapshot.game.abilities.items():
        latents = any(ability.takes[each].required for each in ability.kinds(LATENTS))
        of_space = name == "sample" and can(snapshot.game.abilities)
        if ability.gives in _SHOWN and not latents and not of_space:
            found[name] = ability
    return found


def truncation(snapshot: Snapshot) -> dict[str, Any] | None:
    """How the points of the space are truncated: `by` the ability that takes it, and the bounds; None where they are not."""
    maker = Space(snapshot, jax.random.key(0)).maker
    for by in (maker, "latents"):
        if snapshot.takes(by, "truncation"):
            argument = snapshot.game.ability(by).takes["truncation"]
            low, high = argument.bounds or (0.05, MOST_TRUNCATION)
            try:
                if by == "latents":  # those of some distributions have no tails
                    snapshot.use("latents", jax.random.key(0), number=1, truncation=1.0)
            except UserError:
                return None
            return {"by": by, "low": low, "high": high, "help": argument.help}
    return None


def described(plan: Plan, snapshot: Snapshot) -> dict[str, Any]:
    """All that the page is told of a game, as plain values.

    Raises:
        UserError: The game makes no images, or none that could be shown.
    """
    shape = next(spec.shape for spec in snapshot.arrays.values() if spec.kind != "label")
    if len(shape) == 1:
        raise UserError("browse shows images, but the samples of this run are vectors: take sample or generate")
    domains = dict(zip(domain_arrays(len(plan.domains)), plan.domains, strict=False))
    space = None
    if can(snapshot.game.abilities):
        of = Space(snapshot, jax.random.key(0))
        space = {
            "mapped": of.mapped,
            "classes": snapshot.classes("generate"),
            "truncation": truncation(snapshot),
            "slots": slots(snapshot) if of.mapped else 0,
            "noise": snapshot.game.ability(of.maker).draws,
            "reach": REACH,
        }
    abilities = [_panel(snapshot, name, ability, domains) for name, ability in offered(snapshot).items()]
    if not (space or abilities):
        raise UserError("nothing that this run's game can do can be shown in a page: take its other commands")
    return {"system": plan.config.system, "shape": shape, "space": space, "abilities": abilities}


def _panel(snapshot: Snapshot, name: str, ability: Ability, domains: dict[str, str]) -> dict[str, Any]:
    classes = snapshot.classes(name)
    controls = [_control(each, argument, classes, domains) for each, argument in ability.takes.items()]
    return {
        "name": name,
        "help": ability.help,
        "gives": ability.gives,
        "attends": ability.drawn == "attention",
        "seed": not ability.kinds(IMAGES) or ability.draws,
        "pictures": [{"name": each, "help": ability.takes[each].help} for each in ability.kinds(IMAGES)],
        "controls": [control for control in controls if control is not None],
    }


def _control(name: str, argument: Argument, classes: tuple[str, ...], domains: dict[str, str]) -> dict[str, Any] | None:
    """A control for one argument; None for what has none: numbers, images, latents."""
    control = {"name": name, "help": argument.help, "kind": argument.kind, "required": argument.required}
    if argument.kind == LABEL:
        return control | {"choices": [[index, called] for index, called in enumerate(classes)]}
    if argument.kind in (DOMAIN, CHOICE):
        return control | {"choices": [[choice, domains.get(choice, choice)] for choice in argument.choices]}
    if argument.kind == STRENGTH:
        low, high = argument.bounds or (0.05, MOST_TRUNCATION)
        return control | {"low": low, "high": high}
    return control if argument.kind in (TEXT, GRAPH) else None
