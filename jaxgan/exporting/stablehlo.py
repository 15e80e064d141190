"""A function as StableHLO, by `jax.export`: one file that JAX runs without this library, on the platforms it is made for."""

from collections.abc import Sequence
from pathlib import Path

import jax

from jaxgan.errors import UserError
from jaxgan.exporting.functions import Exported
from jaxgan.files import atomically

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def write_stablehlo(
    path: Path, exported: Exported, platforms: Sequence[str], batch_size: int | None = None
) -> int | None:
    """Writes a function of any batch size, or, where its network needs to know it, of one.

    Args:
        path: The file.
        exported: The function.
        platforms: Of `PLATFORMS`.
        batch_size: The only one; None: any, if that works.

    Returns:
        The only batch size that it takes; None: any.

    Raises:
        UserError: The library flatbuffers is not installed.
    """
    try:
        import flatbuffers  # noqa: F401
    except ImportError as error:
        raise UserError("--format=stablehlo needs the library flatbuffers: pip install 'jaxgan[export]'") from error
    size = batch_size or exported.number
    if size is None:
        try:
            (symbol,) = jax.export.symbolic_shape("batch")
            program = _program(exported, platforms, symbol)
        except Exception:  # of whatever kind the operation raises that must know the number
            size = 16
    if size is not None:
        program = _program(exported, platforms, size)
    with atomically(path) as temporary:
        temporary.write_bytes(program.serialize())
    return size


def _program(exported: Exported, platforms: Sequence[str], batch: object) -> jax.export.Exported:
    shapes = [each.abstract(batch) for each in exported.inputs]
    return jax.export.export(jax.jit(exported.function), platforms=list(platforms))(*shapes)
