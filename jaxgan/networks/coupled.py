"""Networks of several domains, of which some layers are one: the parameters of a part that is tied exist once."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import UserError

OUTER, INNER = "outer", "inner"
DOMAINS = ("a", "b")


class Coupled(nn.Module):
    """A network in two parts, outer layers near the image and inner ones far from it, which are tied or not.

    A tied part is called "inner" or "outer" in the tree of parameters, and is the same for both domains; of one that is not,
    each domain has its own, "inner_a" and "inner_b". Where both are tied, the network is one, and the domain an input: a
    vector for each is added to what the network is given, behind a matrix ("told").

    A subclass has the field `tied` and says what its parts are, `_part`, and which comes first, `_order`.
    """

    @nn.compact
    def __call__(self, x: jax.Array, domain: str | None = None) -> jax.Array:
        """Runs the layers of a domain, "a" or "b"; None, to initialise, makes those of both and answers for the last."""
        tied: tuple[str, ...] = self.tied
        if not set(tied) <= {OUTER, INNER}:
            raise UserError(f"{type(self).__name__}: tied={tied}, but it may name {OUTER!r} and {INNER!r} alone")
        parts: dict[str, nn.Module] = {}
        for each in (domain,) if domain else DOMAINS:
            y = x
            if set(tied) == {OUTER, INNER}:
                y = self._told(parts, x, DOMAINS.index(each))
            for part in self._order:
                name = part if part in tied else f"{part}_{each}"
                if name not in parts:
                    parts[name] = self._part(part, name)
                y = parts[name](y)
        return y

    def _told(self, parts: dict[str, nn.Module], x: jax.Array, domain: int) -> jax.Array:
        if "told" not in parts:
            parts["told"] = nn.Dense(x.shape[-1], name="told")
        label = jax.nn.one_hot(jnp.full(x.shape[:-1], domain), len(DOMAINS), dtype=x.dtype)
        return parts["told"](jnp.concatenate([x, label], axis=-1))

    def _part(self, part: str, name: str) -> nn.Module:
        raise NotImplementedError
