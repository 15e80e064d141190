"""A function as ONNX, by the library jax2onnx."""

import contextlib
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.errors import UserError
from jaxgan.exporting.functions import SEED, Exported
from jaxgan.files import atomically

# jax2onnx 0.17 asks for an orbax-checkpoint before 0.11.37, older than the one that writes checkpoints here, but does not
# import it: hence without its dependencies, those that it needs being in the extra.
_CURE = "pip install 'jaxgan[onnx]' && pip install --no-deps 'jax2onnx>=0.17,<0.18'"
_OPSET = 21
_TOLERANCE = 1e-4  # of what onnxruntime gives, of the largest number where that is above 1


def write_onnx(path: Path, exported: Exported, batch_size: int | None = None) -> int | None:
    """Writes a function of any batch size, or, where its network needs to know it, of one; arrays stay (B, H, W, C).

    Args:
        path: The file.
        exported: The function, which draws nothing.
        batch_size: The only one; None: any, if that works.

    Returns:
        The only batch size that it takes; None: any.

    Raises:
        UserError: The function draws, jax2onnx is not installed, jax2onnx does not know an operation of it, or what onnxruntime
            makes of the file is something else.
    """
    if any(each.name == SEED for each in exported.inputs):
        raise UserError(
            f"{exported.ability} draws random numbers, which ONNX cannot as JAX does: take --format=stablehlo"
        )
    try:
        import onnxruntime  # noqa: F401
        from jax2onnx import to_onnx
    except ImportError as error:
        raise UserError(f"--format=onnx needs jax2onnx and what it needs: {_CURE}") from error

    def model(batch: Any) -> Any:
        shapes = [each.abstract(batch) for each in exported.inputs]
        names = [each.name for each in exported.inputs]
        with _quiet():
            return to_onnx(
                _plain(exported.function, shapes),
                inputs=shapes,
                input_names=names,
                output_names=["output"],  # one name for all, that no input has
                opset=_OPSET,
                model_name=f"jaxgan_{exported.ability}",
            )

    size, made = batch_size, None
    try:
        if size is None:
            with contextlib.suppress(Exception):  # of whatever kind the operation raises that must know the number
                made = model(jax.export.symbolic_shape("batch")[0])
            size = None if made is not None else 16
        made = model(size) if made is None else made
    except NotImplementedError as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"jax2onnx does not take {exported.ability} of this game ({reason}): take --format=stablehlo"
        ) from error
    with atomically(path) as temporary:
        temporary.write_bytes(made.SerializeToString())
        _check(temporary, exported, size or 3)
    return size


def _check(path: Path, exported: Exported, batch: int) -> None:
    """Runs the file by onnxruntime, beside the function.

    Raises:
        UserError: It does not run, or gives something else.
    """
    import onnxruntime

    rng = np.random.default_rng(0)
    inputs = {each.name: rng.uniform(-1, 1, each.abstract(batch).shape).astype(each.dtype) for each in exported.inputs}
    wanted = np.asarray(jax.jit(exported.function)(*inputs.values()))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it throws says it all
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, inputs)
    except Exception as error:  # it has kinds of its own
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"onnxruntime does not run {exported.ability} ({reason}): take --format=stablehlo") from error
    difference, scale = float(np.abs(found - wanted).max()), max(1.0, float(np.abs(wanted).max()))
    if not difference <= _TOLERANCE * scale:
        raise UserError(
            f"onnxruntime makes something else of {exported.ability}, by {difference:.2g}: take --format=stablehlo"
        )


@contextlib.contextmanager
def _quiet() -> Any:
    """Keeps jax2onnx from telling of examples that it does not find, and onnx from shapes that stay open."""
    loggers = [logging.getLogger(name) for name in ("jax2onnx", "onnx_ir")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _plain(function: Any, shapes: Sequence[jax.ShapeDtypeStruct]) -> Any:
    """The same function with nothing in it but operations on its inputs: what depends on no input is computed now, calls are
    opened, and where platforms have forms of their own it is the one of those that are not named."""
    # Traced here, and not by jax2onnx, which puts functions of its own in the place of JAX's and Flax's meanwhile.
    closed = jax.make_jaxpr(function)(*shapes)

    def run(*inputs: Any) -> Any:
        (result,) = _evaluated(closed.jaxpr, closed.consts, inputs)
        return result

    return run


def _evaluated(jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *inputs), strict=True))
    read = lambda atom: atom.val if hasattr(atom, "val") else values[atom]  # noqa: E731
    for equation in jaxpr.eqns:
        given, primitive, params = [read(atom) for atom in equation.invars], equation.primitive, equation.params
        inner = next((params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in params), None)
        known = not any(isinstance(value, jax.core.Tracer) for value in given)
        if primitive.name == "platform_index":
            made = [np.int32(params["platforms"].index(None))]
        elif primitive.name == "cond" and not isinstance(given[0], jax.core.Tracer):
            branch = params["branches"][int(given[0])]
            made = _evaluated(branch.jaxpr, branch.consts, given[1:])
        elif inner is not None and primitive.name not in ("while", "scan", "reduce_window"):
            made = _evaluated(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), given)
        else:
            with jax.ensure_compile_time_eval() if known else contextlib.nullcontext():
                result = primitive.bind(*given, **params)
            made = list(result) if primitive.multiple_results else [result]
        values.update(zip(equation.outvars, made, strict=True))
    return [read(atom) for atom in jaxpr.outvars]
