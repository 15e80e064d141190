"""A picture for each continuous code of a latent: what changes with it while all else stays.

As figure 2 of "InfoGAN", Chen et al. 2016 (arXiv:1606.03657).
"""

import jax
import numpy as np
from PIL import Image

from jaxgan.core.snapshot import Snapshot
from jaxgan.pictures import drawing

_ROWS = 10  # at most, one for each category
_REACH = 2.0  # twice as far as in training


def code_pictures(snapshot: Snapshot, key: jax.Array, ability: str) -> dict[str, Image.Image]:
    """The pictures by name: "code_continuous_0" and so on.

    Along a row, one draw of all else, a code rises from -2 to 2; where there are categories each row has one of its own.

    Args:
        snapshot: The game.
        key: The same key draws the same pictures.
        ability: What takes a number, a code, a strength, and labels where there are categories.
    """
    names = snapshot.classes(ability)[:_ROWS]
    rows, columns = len(names) or _ROWS, drawing.columns_for(snapshot.arrays["image"].shape)
    given = {"number": rows, "label": np.arange(rows, dtype=np.int32) if names else None}
    drawn = {}
    for code in snapshot.game.ability(ability).takes["code"].choices:
        images = [
            snapshot.use(ability, key, code=code, strength=strength, **given)
            for strength in np.linspace(-_REACH, _REACH, columns)
        ]
        shown = np.stack(images, axis=1).reshape(-1, *images[0].shape[1:])
        drawn[f"code_{code}"] = drawing.grid(shown, columns, names)
    return drawn
