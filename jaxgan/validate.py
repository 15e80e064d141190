"""The one judge of a config's values: their types by annotation, their ranges by the field's name."""

import types
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter
from math import isfinite
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from jaxgan.errors import ConfigError

_SEQUENCES = (tuple, list, Sequence)
_MAPPINGS = (dict, Mapping)


class _Range(NamedTuple):
    words: str
    holds: Callable[[float], bool]


_POSITIVE = _Range("above 0", lambda value: value > 0)
_NOT_NEGATIVE = _Range("at least 0", lambda value: value >= 0)
_AT_LEAST_1 = _Range("at least 1", lambda value: value >= 1)
_BELOW_1 = _Range("in [0, 1)", lambda value: 0 <= value < 1)
_SHARE = _Range("in [0, 1]", lambda value: 0 <= value <= 1)
_PIXELS = _Range("from 1 to 16384", lambda value: 1 <= value <= 16384)
_IMAGES = _Range("from 1 to 10,000,000", lambda value: 1 <= value <= 10_000_000)
_BATCH = _Range("from 1 to 1,048,576", lambda value: 1 <= value <= 2**20)
_SETTING = _Range("from 0 to 65,536", lambda value: 0 <= value <= 2**16)
_SIZE = _Range("from 1 to 65,536", lambda value: 1 <= value <= 2**16)  # of a layer, or a latent
_POOL = _Range("from 0 to 1,048,576", lambda value: 0 <= value <= 2**20)
# What Python repeats while it builds or compiles a game.
_REPEATS = _Range("from 1 to 1024", lambda value: 1 <= value <= 1024)
_PICTURES = _Range("from 2 to 64", lambda value: 2 <= value <= 64)
_FRAMES = _Range("from 1 to 1000", lambda value: 1 <= value <= 1000)
_PORT = _Range("from 0 to 65535", lambda value: 0 <= value <= 65535)
SEED = _Range("at least 0 and below 2**32", lambda value: 0 <= value < 2**32)

# Of the fields that stand at the top of a config.
_COMMON: dict[str, _Range] = {
    "batch_size": _BATCH,
    "accumulate": _REPEATS,
    "steps_per_call": _REPEATS,
    "log_every": _AT_LEAST_1,
    "evaluate_samples": _IMAGES,
    "statistics_batches": _SETTING,
    **dict.fromkeys(("steps", "images", "sample_every", "evaluate_every", "checkpoint_every"), _NOT_NEGATIVE),
    "seed": SEED,
    "rollbacks": _SETTING,
    "rollback_window": _AT_LEAST_1,
    "rollback_rate": _Range("above 0 and at most 1", lambda value: 0 < value <= 1),
}
# Of all other fields, wherever they stand.
_FIELDS: dict[str, _Range] = {
    **dict.fromkeys(("learning_rate", "scale", "attention", "step_size", "gradient_limit"), _POSITIVE),
    **dict.fromkeys(("b1", "b2", "final_b2", "momentum", "decay"), _BELOW_1),
    **dict.fromkeys(("dropout_rate", "input_dropout", "hidden_dropout"), _BELOW_1),
    **dict.fromkeys(("probability", "max_unreadable", "fresh_share"), _SHARE),
    **dict.fromkeys(("width", "widths", "base_width", "max_width", "group_width", "hidden", "units"), _SIZE),
    **dict.fromkeys(("latent_size", "content_size", "style_size", "dense", "resolution"), _SIZE),
    **dict.fromkeys(("every", "output_shape"), _AT_LEAST_1),
    **dict.fromkeys(("chain_steps", "sample_steps", "classifier_steps"), _REPEATS),
    **dict.fromkeys(("discriminator_steps", "generator_fakes", "pieces", "blocks", "layers", "depths"), _REPEATS),
    "batch_sizes": _BATCH,
    **dict.fromkeys(("embedded_classes", "projected_classes", "class_logits", "num_classes"), _SETTING),
    **dict.fromkeys(("labelled", "pretraining_steps", "clustering_steps"), _NOT_NEGATIVE),
    **dict.fromkeys(("labelled_draw",), SEED),
    **dict.fromkeys(("label_weight", "discriminator_rotation", "generator_rotation"), _NOT_NEGATIVE),
    **dict.fromkeys(("clusters", "rotated_one_in"), _AT_LEAST_1),
    "clustering_batch_size": _BATCH,
    **dict.fromkeys(("penalty", "gamma", "cycle", "identity", "class_weight", "classification"), _NOT_NEGATIVE),
    **dict.fromkeys(("feature_weight", "prior_weight", "latent_weight", "score_penalty"), _NOT_NEGATIVE),
    **dict.fromkeys(("reconstruction", "adversarial", "gain", "ramp_up", "ramp_images"), _NOT_NEGATIVE),
    **dict.fromkeys(("weight", "eps", "epsilon", "deviation", "margin", "start", "stop", "updates"), _NOT_NEGATIVE),
    **dict.fromkeys(("final", "floor", "fade_images", "stable_images", "downsamples"), _NOT_NEGATIVE),
    **dict.fromkeys(("eps_root", "weight_deviation", "weight_range", "hidden_noise", "input_noise"), _NOT_NEGATIVE),
    **dict.fromkeys(("initial_scale", "warm_up", "warm_up_steps", "full_precision_stages"), _NOT_NEGATIVE),
    "shared_size": _SETTING,
    **dict.fromkeys(("content_weight", "box_weight", "mask_weight"), _NOT_NEGATIVE),
    **dict.fromkeys(("object_size", "mask_size"), _SIZE),
    "rounds": _SETTING,
    "scale_factor": _SETTING,
    "outer_kernel": _AT_LEAST_1,
    "outputs": _SETTING,
    **dict.fromkeys(("pool_size", "kept_chains"), _POOL),
    **dict.fromkeys(("image_size", "image_size_b", "load_size"), _PIXELS),
}
# Of the commands' options, by kind.
_OPTIONS = {"number": _IMAGES, "strength": _POSITIVE, "setting": _SETTING, "seed": SEED, "pictures": _PICTURES}
_OPTIONS |= {"port": _PORT, "frames": _FRAMES}
_CHOICES = {"dtype": ("float32", "bfloat16", "float16"), "guard": ("tell", "stop", "return", "off")}
_CHOICES["remat"] = ("none", "blocks")


class Misfit(Exception):
    """A value that an annotation does not admit."""


def fit(value: Any, annotation: Any) -> Any:
    """The value as the annotation has it: lists become tuples, and whole numbers floats where a float is asked for.

    Args:
        value: Plain data of a config, or something made already.
        annotation: A type, a union, `tuple[int, ...]`, `Mapping[str, float]`, `Literal[...]`; one that is missing, `Any` or
            a name in quotes admits everything, and any other (a `Callable`, a protocol) all that is no plain data.

    Raises:
        Misfit: It has another type.
    """
    if annotation is Any or annotation is Parameter.empty or isinstance(annotation, str):
        return value
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return _fit_one_of(value, inner)
    if origin is Literal:
        return _require(value, value in inner)
    if annotation in (None, types.NoneType):
        return _require(value, value is None)
    if annotation is float:
        return float(
            _require(value, isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value))
        )
    if annotation is int:
        return _require(value, isinstance(value, int) and not isinstance(value, bool))
    if origin in _SEQUENCES or annotation in _SEQUENCES:
        return _fit_items(value, inner)
    if origin in _MAPPINGS or annotation in _MAPPINGS:
        _require(value, isinstance(value, Mapping))
        return {key: fit(item, inner[1] if inner else Any) for key, item in value.items()}
    if isinstance(annotation, type) and not getattr(annotation, "_is_protocol", False):
        return _require(value, isinstance(value, annotation))
    return _require(value, not is_plain(value))


def _fit_one_of(value: Any, annotations: Sequence[Any]) -> Any:
    # A whole number stays one where both kinds are admitted.
    for annotation in sorted(annotations, key=lambda each: each is float):
        try:
            return fit(value, annotation)
        except Misfit:
            continue
    raise Misfit


def _fit_items(value: Any, inner: tuple[Any, ...]) -> tuple[Any, ...]:
    _require(value, isinstance(value, tuple | list))
    if inner and inner[-1] is not Ellipsis and len(inner) > 1:
        _require(value, len(value) == len(inner))
        return tuple(fit(item, annotation) for item, annotation in zip(value, inner, strict=True))
    return tuple(fit(item, inner[0] if inner else Any) for item in value)


def _require(value: Any, condition: bool) -> Any:
    if not condition:
        raise Misfit
    return value


def is_plain(value: Any) -> bool:
    """Whether a value is plain data: none, a number, a word, or tuples and mappings of such."""
    if isinstance(value, Mapping):
        return all(is_plain(item) for item in value.values())
    if isinstance(value, tuple | list):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def like(value: Any) -> Any:
    """The annotation of a field that has none, by a value that it may have."""
    if isinstance(value, tuple):
        return tuple[like(value[0]), ...] if value else tuple[str, ...]  # type: ignore[misc]
    return Any if value is None else type(value)


def check(value: Any, annotation: Any, where: str) -> Any:
    """The value of a field, fitted to its annotation, after a look at its range.

    Args:
        value: See `fit`.
        annotation: See `fit`.
        where: The field's place, "config.players.generator.network.width"; its last word says which range it has.

    Raises:
        ConfigError: Another type, or out of range.
    """
    try:
        fitted = fit(value, annotation)
    except Misfit:
        raise ConfigError(f"{where}={value!r}, but it must be {describe(annotation)}") from None
    holder, _, name = where.rpartition(".")
    bounds = (_COMMON if holder == "config" else _FIELDS).get(name)
    numbers = [number for number in _numbers(fitted) if bounds is not None and not bounds.holds(number)]
    if bounds is not None and numbers:
        raise ConfigError(f"{where}={value!r}, but it must be {bounds.words}")
    choices = _CHOICES.get(name, ())
    if choices and isinstance(fitted, str) and fitted not in choices:
        raise ConfigError(f"{where}={value!r}, but it must be {' or '.join(choices)}")
    return fitted


def check_option(name: str, value: float, kind: str) -> None:
    """Checks the number that is given to an option of a command.

    Args:
        name: Of the option, without its dashes.
        value: The number.
        kind: "number" of images, "strength", "setting", "seed", "pictures" of a row, "port", or "frames".

    Raises:
        ConfigError: It is out of range, or not finite.
    """
    if not (isfinite(value) and _OPTIONS[kind].holds(value)):
        raise ConfigError(f"--{name}={value}, but it must be {_OPTIONS[kind].words}")


def _numbers(value: Any) -> list[float]:
    """The numbers in a value: itself, or those of a tuple or a mapping."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def describe(annotation: Any) -> str:
    """An annotation in words: "an integer or (an integer, an integer) or none"."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        # Arrays are of Python alone: a config cannot hold one.
        words = [describe(each) for each in inner if getattr(each, "__name__", "").rpartition(".")[2] != "Array"]
        return " or ".join(word for index, word in enumerate(words) if word not in words[:index])
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in _SEQUENCES:
        if len(inner) == 1 or inner[-1] is Ellipsis:
            return f"a tuple of {describe(inner[0]).removeprefix('an ').removeprefix('a ')}s"
        return f"({', '.join(describe(each) for each in inner)})"
    if origin in _MAPPINGS or annotation in _MAPPINGS:
        return "names with values, {'name': value}"
    plain: dict[Any, str] = {
        int: "an integer",
        float: "a number",
        bool: "true or false",
        str: "a string",
        tuple: "a tuple",
    }
    plain |= {None: "none", types.NoneType: "none"}
    if annotation in plain:
        return plain[annotation]
    return f"a {annotation.__name__}" if isinstance(annotation, type) and not origin else "a part, named('...')"
