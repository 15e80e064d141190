"""What codes of images of two domains are measured by while a game trains: whether they mean the same in both."""

import jax
import numpy as np
from ml_collections import ConfigDict

from jaxgan.core.abilities import DOMAIN
from jaxgan.core.snapshot import CompiledGame, Snapshot
from jaxgan.data import Source
from jaxgan.evaluation.translation_metrics import held_out_pairs


def common_codes(snapshot: Snapshot, source: Source, config: ConfigDict, key: jax.Array) -> dict[str, float]:
    """Whether held-out digits of one class have near codes across domains, and whether a translation keeps its code.

    "code_agreement" is the share of images whose nearest code in the other domain, of other digits than its own counterpart,
    is of the same class; "code_kept" the share whose translation has a code nearer to their own than to another image's;
    "code_loop" how far it is from their own, as a share of how far another image's is from it, in mean absolute differences.
    """
    held_out = held_out_pairs(config, source)
    label, shares, kept, moved, apart = held_out["label"], [], [], [], []
    codes = {name: snapshot.use("encode", key, images=held_out[name], source=name) for name in ("a", "b")}
    for name, target in (("a", "b"), ("b", "a")):
        distances = _squares(codes[name], codes[target])
        np.fill_diagonal(distances, np.inf)
        shares.append(label[distances.argmin(axis=1)] == label)
        made = snapshot.use("translate", key, images=held_out[name], source=name, target=target)
        again = snapshot.use("encode", key, images=made, source=target)
        others = np.roll(codes[name], len(codes[name]) // 2, axis=0)
        kept.append(np.square(again - codes[name]).sum(axis=1) < np.square(again - others).sum(axis=1))
        moved.append(np.abs(again - codes[name]).mean())
        apart.append(np.abs(others - codes[name]).mean())
    return {
        "code_agreement": float(np.mean(shares)),
        "code_kept": float(np.mean(kept)),
        "code_loop": float(np.mean(moved) / max(np.mean(apart), 1e-12)),
    }


def _squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared distances (N, M) of the rows of x (N, D) and y (M, D)."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    return np.square(x).sum(axis=1)[:, None] + np.square(y).sum(axis=1)[None] - 2 * x @ y.T


def needs_common_codes(compiled: CompiledGame, source: Source, config: ConfigDict) -> str:
    """The game must encode images of both domains and translate them, and the data must be digits."""
    ability = compiled.game.abilities.get("encode")
    if ability is None or not ability.kinds(DOMAIN) or "translate" not in compiled.game.abilities:
        return "the game has no codes of several domains"
    return (
        "" if config.data.name == "digits_translation" else "the data are not digits (data.name='digits_translation')"
    )
