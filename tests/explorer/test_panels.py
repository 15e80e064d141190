"""What a page is told of each system follows from its abilities: each argument that can be given has a control."""

import json
import pathlib

import jax
import pytest

from jaxgan.core.abilities import IMAGES, LATENTS, NUMBER
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.explorer import panels
from jaxgan.mesh import data_mesh
from jaxgan.training.command_line import load_config
from jaxgan.training.plan import plan_without_data

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "configs").glob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_system_has_its_page(path, monkeypatch):
    monkeypatch.setattr(Snapshot, "use", lambda *_, **__: None)  # nothing is computed to describe a game
    with jax.set_mesh(data_mesh()):
        plan = plan_without_data(load_config(str(path)))
        snapshot = plan.compiled.at(None, 0)  # type: ignore[arg-type]
        abilities = snapshot.game.abilities
        if not any(spec.kind == "image" for spec in plan.arrays.values()):
            with pytest.raises(UserError, match="are vectors"):
                panels.described(plan, snapshot)
            return
        told = json.loads(json.dumps(panels.described(plan, snapshot), allow_nan=False))
    shown = {each["name"]: each for each in told["abilities"]}
    for name, ability in abilities.items():
        of_latents = any(ability.takes[each].required for each in ability.kinds(LATENTS))
        if name == "sample":
            assert (told["space"] is not None) != (name in shown)
            continue
        assert (name in shown) == (ability.gives != "latents" and not of_latents), name
    for name, panel in shown.items():
        takes = abilities[name].takes
        controls = {each["name"]: each for each in panel["controls"]}
        assert {each["name"] for each in panel["pictures"]} == set(abilities[name].kinds(IMAGES))
        for each, argument in takes.items():
            if argument.kind in (NUMBER, IMAGES, LATENTS):
                continue
            control = controls.pop(each)
            assert control["required"] == argument.required
            assert {"choices", "low"} & control.keys() or control["kind"] in ("text", "graph")
        assert not controls
    if told["space"]:
        space = told["space"]
        assert bool(space["classes"]) == ("label" in abilities["generate"].takes)
        assert bool(space["slots"]) == space["mapped"] == ("map" in abilities)
