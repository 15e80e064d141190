"""What a discriminator that generates is measured by: its energy along chains of its own, beside that of reals and of noise."""

from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.abilities import pixel_distance
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source, other_split
from jaxgan.evaluation.held_out import spread_records

_LOOKS = 10  # along a chain
_CHAINS = 256


def chain_energy(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """The energy - D(x) of noise, of samples and of reals, in deviations of the energy of held-out reals from their mean.

    "energy_noise" is the mean where chains begin, "energy_sample" where they end, "energy_fall" the difference; "energy_rising"
    the largest rise from one tenth of the chain to the next, at most 0 where the energy falls all along.
    """
    search = snapshot.game.ability("sample").search
    assert search is not None
    number = min(_CHAINS, config.evaluate_samples)
    begin = snapshot.nets_call(lambda nets, key: search.start(nets, key, number=number))

    def go_on(nets: Any, key: jax.Array, found: Any, index: jax.Array) -> Any:
        return search.step(nets, key, found, index, pixel_distance, number=number)

    step, found = snapshot.nets_call(go_on), begin(key)

    def energy(images: Any) -> np.ndarray:
        return -snapshot.use("judge", key, images=np.asarray(images))

    real = energy(spread_records(other_split(config.data, "test", source.arrays))["image"])
    means = [float(energy(found).mean())]
    for index in range(search.steps):
        found = step(key, found, np.int32(index))
        if (index + 1) * _LOOKS // search.steps > index * _LOOKS // search.steps:
            means.append(float(energy(found).mean()))
    walk = (np.array(means) - real.mean()) / real.std()
    return {
        "energy_fall": float(walk[0] - walk[-1]),
        "energy_noise": float(walk[0]),
        "energy_sample": float(walk[-1]),
        "energy_rising": float(np.diff(walk).max()),
    }


def needs_chains(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must find its samples step by step, and judge images."""
    abilities = compiled.game.abilities
    walks = "sample" in abilities and abilities["sample"].search is not None and "judge" in abilities
    return "" if walks else "the game does not find its samples by a discriminator's gradient"
