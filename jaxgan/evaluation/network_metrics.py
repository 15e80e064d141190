"""What the networks themselves say while a game trains; the table is in `jaxgan.evaluation.monitored`.

Functions as in `jaxgan.evaluation.sample_metrics`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from jaxgan import metrics
from jaxgan.core import Nets
from jaxgan.core.constraints import as_matrix, path_string, weights
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source

_LOOKED_AT = 64  # samples whose attention is measured
_LEADING = 3  # singular values of a layer


def attention(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """How far the generator's last attention reaches, beside equal weights, and the least |gamma| of all attention layers.

    All are 0 for networks without attention.
    """
    latents = snapshot.use("latents", key, number=_LOOKED_AT)
    label = (np.arange(_LOOKED_AT) % max(1, source.num_classes),) if snapshot.takes("sample", "label") else ()

    def look(nets: Nets, latents: jax.Array, *label: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        leaves = [pair for _, net in nets for pair in jax.tree_util.tree_leaves_with_path(net.params)]
        gammas = [abs(leaf) for path, leaf in leaves if path_string(path).endswith("/gamma")]
        gamma = jnp.stack(gammas).min() if gammas else jnp.zeros(())
        maps = nets.generator(latents, *label, attention_maps=True)[1] if snapshot.takes("attend", "row") else ()
        if not maps:
            return gamma, jnp.zeros(()), jnp.zeros(())
        equal = jnp.full_like(maps[-1], 1 / maps[-1][0, 0, 0].size)
        return gamma, metrics.attention_reach(maps[-1]), metrics.attention_reach(equal)

    gamma, reach, equal = snapshot.nets_call(look)(latents, *label)
    return {"attention_reach": float(reach), "attention_equal": float(equal), "attention_gamma": float(gamma)}


def singular_values(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """The three largest singular values of every weight as it is stored, without moving averages, and the largest of all.

    Those of spectral norm's raw weights are what foretells a collapse in BigGAN (Brock et al. 2018, arXiv:1809.11096, section 4
    and figure 3). Exact, by the eigenvalues of the smaller Gram matrix.
    """
    read = snapshot.without_average().nets_call(lambda nets: {name: weights(net.params) for name, net in nets})
    values: dict[str, float] = {}
    for player, leaves in read().items():
        for path, leaf in leaves.items():
            matrix = np.asarray(as_matrix(leaf), np.float64)
            gram = matrix.T @ matrix if matrix.shape[0] > matrix.shape[1] else matrix @ matrix.T
            leading = np.sqrt(np.maximum(np.linalg.eigvalsh(gram), 0.0))[::-1][:_LEADING]
            layer = path.rpartition("/")[0]
            values |= {f"layers/sigma_{index}/{player}/{layer}": float(value) for index, value in enumerate(leading)}
    return {"largest_singular_value": max(values.values())} | values


def needs_latents(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must have a generator of latents."""
    return "" if "latents" in compiled.game.abilities and "generator" in compiled.game.players else "it has no latents"


def needs_weights(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """Each player must be one network."""
    copied = [name for name, player in compiled.game.players.items() if player.copies]
    return f"{copied[0]} is several networks" if copied else ""
