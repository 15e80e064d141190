"""Every network with a normalisation lets its config set what is added to the variance."""

import importlib
import pathlib

import flax.linen as nn
import pytest

from jaxgan.registry import resolve
from jaxgan.training.plan import plan_without_data

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.py"))


def networks_of(players):
    for each in players.values():
        if "network" in each:
            yield each.network
        else:
            yield from networks_of(each)


@pytest.mark.parametrize("name", NAMES)
def test_one_field_reaches_every_norm_of_a_network(name):
    config = resolve(importlib.import_module(f"configs.{name}").get_config())
    for network in networks_of(config.players):
        if "norm_epsilon" in network:
            network.norm_epsilon = 3e-4
    seen = {}

    def look(call, args, kwargs, context):
        if hasattr(context.module, "epsilon") and context.method_name == "__call__":
            seen["/".join(context.module.path)] = type(context.module).__name__, context.module.epsilon
        return call(*args, **kwargs)

    with nn.intercept_methods(look):
        plan_without_data(config).abstract_state()
    wrong = {path: found for path, found in seen.items() if found[1] != 3e-4}
    assert not wrong
    assert seen or name not in ("dcgan", "biggan_like", "biggan_deep", "sngan", "cyclegan", "stylegan")
