"""What a page is answered: pictures of a trained game, each made by one compiled call, and its records."""

import base64
import dataclasses
import functools
import io
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.special import softmax

from jaxgan import pictures
from jaxgan.core import few
from jaxgan.core.abilities import IMAGES, LABEL, NUMBER
from jaxgan.core.arrays import domain_arrays
from jaxgan.core.snapshot import Snapshot
from jaxgan.errors import UserError
from jaxgan.evaluation.protocol import Result, read_results
from jaxgan.explorer import panels
from jaxgan.explorer.asked import SEEDS, Asked
from jaxgan.explorer.space import Space
from jaxgan.foreign import open_picture
from jaxgan.mesh import data_mesh
from jaxgan.pictures.run_pictures import frames
from jaxgan.training import trained
from jaxgan.training.records import read_metrics
from jaxgan.training.run_folder import RunFolder
from jaxgan.training.trained import Trained

_DIRECTIONS = 12  # of each kind, or as many as a latent has components
_STATES = 4  # checkpoints in memory
_SHEET = 16  # pictures of one answer
_LIKELY = 10  # classes of an answer
_POINTS = 400  # of a curve


class Answers:
    """A run, as its page asks for it; of several threads one at a time asks the game.

    Args:
        workdir: The run's folder.
        step: The checkpoint that the page opens with; see `jaxgan.training.trained.load`.
        trust: As there.

    Raises:
        UserError: The folder holds no run, or nothing that it can do can be shown.
    """

    def __init__(self, workdir: str | Path, step: int | None = None, trust: bool = False) -> None:
        self._workdir, self._lock = Path(workdir), threading.Lock()
        # Directions take seconds, which a slider need not wait for; but on several devices two programs at a time might each
        # hold some of them and wait for the others.
        self._apart = threading.Lock() if data_mesh().size == 1 else self._lock
        with jax.set_mesh(data_mesh()):
            first = trained.load(workdir, step, trust)
            self._plan, self._first = first.plan, first.step
            self._described = panels.described(first.plan, first.snapshot)
        load = lambda step: first if step == first.step else trained.load_step(workdir, first.plan, step)  # noqa: E731
        self._at = functools.lru_cache(_STATES)(load)
        self._directions = functools.lru_cache(_STATES)(self._found)
        self._answers: dict[str, Callable[[Asked], dict[str, Any]]] = {
            "point": self._point,
            "strip": self._strip,
            "way": self._way,
            "sheet": self._sheet,
            "directions": self._number_of_directions,
            "ability": self._ability,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """What `ask` answers."""
        return tuple(self._answers)

    def run(self) -> dict[str, Any]:
        """What the page is told of the run."""
        steps = trained.steps(self._workdir)
        told = {"name": self._workdir.resolve().name, "step": self._first, "steps": steps}
        return told | self._described | {"frames": sorted(frames(RunFolder(self._workdir).samples))}

    def records(self) -> dict[str, Any]:
        """The run's curves, in panels, thinned out to what a page shows; and what was evaluated, the newest last."""
        folder = RunFolder(self._workdir)
        lines = [
            {name: value for name, value in line.items() if name != "state"} for line in read_metrics(folder.metrics)
        ]
        shown = {
            title: {name: _thinned(points) for name, points in curves.items()}
            for title, curves in pictures.curve_panels(lines).items()
        }
        rows = []
        for result in _results(folder.evaluation):
            rows.append([result.key, _finite(result.value), result.model.get("step")])
        return {"panels": shown, "evaluations": rows}

    def frame(self, step: int) -> bytes:
        """The picture that the run kept of its fixed noise at a step, as a PNG.

        Raises:
            UserError: It kept none.
        """
        kept = frames(RunFolder(self._workdir).samples)
        if step not in kept:
            raise UserError(f"there is no picture of step {step}")
        try:
            with open_picture(str(kept[step])) as picture:
                return _png(picture)
        except (OSError, SyntaxError) as error:
            raise UserError(f"the picture of step {step} cannot be read") from error

    def ask(self, name: str, fields: Any) -> dict[str, Any]:
        """Answers one of `names`.

        Args:
            name: Which.
            fields: What the request says.

        Returns:
            Plain values; pictures as URLs that hold them; and `ms`, how long it took.

        Raises:
            UserError: A field is none, or out of range.
        """
        asked = Asked(fields)
        with self._apart if name == "directions" else self._lock, jax.set_mesh(data_mesh()):
            began = time.perf_counter()
            answer = self._answers[name](asked)
            return answer | {"ms": round(1000 * (time.perf_counter() - began), 1)}

    # ---- the latents

    def _point(self, asked: Asked) -> dict[str, Any]:
        """The picture of one point."""
        now, point = self._moment(asked), self._read_point(asked)
        asked.done()
        return {"image": _url(self._drawn(now, point, [self._of(now, point)])[0])}

    def _strip(self, asked: Asked) -> dict[str, Any]:
        """Pictures of a point that moves along one of its directions, and where it then lies on it."""
        now, point = self._moment(asked), self._read_point(asked)
        index, number = asked.integer("along_index", 0, _DIRECTIONS - 1), asked.integer("number", 2, _SHEET)
        asked.done()
        places = np.linspace(-panels.REACH, panels.REACH, number).tolist()
        along = [*point["along"], *[0.0] * _DIRECTIONS][:_DIRECTIONS]
        moved = [point | {"along": [*along[:index], place, *along[index + 1 :]]} for place in places]
        points = [self._of(now, each) for each in moved]
        return {"places": places, "images": [_url(image) for image in self._drawn(now, point, points)]}

    def _way(self, asked: Asked) -> dict[str, Any]:
        """The picture at a place on the way through several points: 0 is the first, 1 the second ..."""
        now = self._moment(asked)
        points = []
        for each in asked.several("points", _SHEET):
            points.append(self._read_point(each))
            each.done()
        place = asked.number("place", 0, len(points) - 1) or 0.0
        asked.done()
        at = min(int(place), max(0, len(points) - 2))
        ends = [points[at], points[min(at + 1, len(points) - 1)]]
        here, there = _alike([self._of(now, each) for each in ends])
        middle = Space(now.snapshot, jax.random.key(0)).between(here, there, place - at)
        nearer = ends[int(place - at > 0.5)]
        psi = [each["truncation"] for each in ends]
        if None not in psi:
            nearer = nearer | {"truncation": psi[0] + (place - at) * (psi[1] - psi[0])}
        return {"image": _url(self._drawn(now, nearer, [middle])[0])}

    def _sheet(self, asked: Asked) -> dict[str, Any]:
        """Pictures of seeds in a row, and their seeds; of classes in turn where none is chosen."""
        now, first = self._moment(asked), self._read_point(asked)
        number = asked.integer("number", 1, _SHEET)
        asked.done()
        seeds = [(first["seed"] + index) % SEEDS for index in range(number)]
        points = [first | {"seed": seed, "along": []} for seed in seeds]
        images = [self._drawn(now, point, [self._of(now, point)])[0] for point in points]
        return {"seeds": seeds, "images": [_url(image) for image in images]}

    def _number_of_directions(self, asked: Asked) -> dict[str, Any]:
        """How many directions of each kind there are; the first time they are found, which takes seconds."""
        step = self._step(asked)
        asked.done()
        return {"directions": {name: len(found) for name, found in self._directions(step).items()}}

    def _found(self, step: int) -> dict[str, np.ndarray]:
        snapshot = self._at(step).snapshot
        label = 0 if snapshot.classes("generate") else None
        try:
            return Space(snapshot, jax.random.key(0)).directions(_DIRECTIONS, label)
        except UserError:  # no layer reads the latent itself
            return {}

    def _read_point(self, asked: Asked) -> dict[str, Any]:
        """The fields of a point: what it is drawn from, and how it was moved."""
        space = self._described["space"]
        if space is None:
            raise UserError("this game has no latents to explore")
        limits, classes = space["truncation"], len(space["classes"])
        point: dict[str, Any] = {
            "seed": asked.integer("seed", 0, SEEDS - 1),
            "label": asked.label("label", classes) if classes else None,
            "truncation": asked.number("truncation", limits["low"], limits["high"]) if limits else None,
            "basis": asked.choice("basis", ("principal", "closed_form"), "principal"),
            "along": asked.numbers("along", _DIRECTIONS, -panels.REACH, panels.REACH),
            "noise": asked.integer("noise", 0, SEEDS - 1, 0) if space["noise"] else 0,
            "mix": None,  # or the seed of other styles, and the slots that have them
        }
        if space["slots"] and (mix := asked.fields("mix")) is not None:
            first, last = mix.integer("first", 0, space["slots"]), mix.integer("last", 0, space["slots"])
            point["mix"] = (mix.integer("seed", 0, SEEDS - 1), first, last)
            mix.done()
        return point

    def _of(self, now: Trained, point: dict[str, Any]) -> np.ndarray:
        """The latents (1, D) of a point; of styles that are mixed, one for each slot, (1, slots D)."""
        label = self._label(point)
        limits = self._described["space"]["truncation"]
        limit = point["truncation"] if limits and limits["by"] == "latents" else None

        def carried(seed: int) -> np.ndarray:
            space = Space(now.snapshot, jax.random.key(seed))
            return space.carried(space.draw(1, limit), label)

        found = carried(point["seed"])
        if any(point["along"]):
            known = self._directions(now.step).get(point["basis"], np.zeros((0, found.shape[1])))
            along = np.asarray(point["along"][: len(known)], np.float32)
            found = found + along[None] @ known[: len(along)].astype(np.float32)
        if point["mix"] is not None:
            seed, first, last = point["mix"]
            styles = np.repeat(found[:, None], self._described["space"]["slots"], axis=1)
            styles[:, first:last] = carried(seed)[:, None]
            found = styles.reshape(1, -1)
        return found

    def _drawn(self, now: Trained, point: dict[str, Any], latents: list[np.ndarray]) -> np.ndarray:
        """Images (N, H, W, C) of latents, with a point's class, noise and truncation."""
        space, limits = Space(now.snapshot, jax.random.key(point["noise"])), self._described["space"]["truncation"]
        more = {"truncation": point["truncation"]} if limits and limits["by"] == space.maker else {}
        return space.images(np.stack(latents, axis=1), self._label(point), **more)[0]

    def _label(self, point: dict[str, Any]) -> np.ndarray | None:
        classes = len(self._described["space"]["classes"])
        if not classes:
            return None
        return np.array([point["seed"] % classes if point["label"] is None else point["label"]], np.int32)

    # ---- the other abilities

    def _ability(self, asked: Asked) -> dict[str, Any]:
        """What an ability gives: pictures of seeds in a row, or what becomes of the pictures that are dropped."""
        now = self._moment(asked)
        snapshot = now.snapshot
        known = panels.offered(snapshot)
        name = asked.choice("name", known)
        if name is None:
            raise UserError("name is missing: say which ability")
        declared = known[name]
        given = asked.arguments(declared, snapshot, name)
        seed = asked.integer("seed", 0, SEEDS - 1, 0)
        if declared.kinds(IMAGES):
            return self._of_pictures(asked, now, name, given, seed)
        number = asked.integer("number", 1, _SHEET, 1)
        asked.done()
        seeds, images = [(seed + index) % SEEDS for index in range(number)], []
        for each in seeds:
            (image,) = snapshot.use(name, jax.random.key(each), **self._for_one(snapshot, name, given, each))
            if declared.drawn == "attention":
                beside = self._for_one(snapshot, "sample", {"label": given.get("label")}, each)
                samples = snapshot.use("sample", jax.random.key(each), **beside)
                (image,) = pictures.looking(samples, image[None], given.get("row", 0.5), given.get("column", 0.5))
            images.append(image)
        return {"seeds": seeds, "images": [_url(image) for image in images]}

    def _of_pictures(self, asked: Asked, now: Trained, name: str, given: dict[str, Any], seed: int) -> dict[str, Any]:
        snapshot = now.snapshot
        declared, data = snapshot.game.ability(name), self._plan.config.data
        if declared.ways:
            called = dict(zip(domain_arrays(len(self._plan.domains)), self._plan.domains, strict=True))
            given["source"], given["target"] = declared.way(given.get("source"), given.get("target"), called)
        dropped = {}
        for each in declared.kinds(IMAGES):
            spec = snapshot.image_spec(name, each, given.get("source"))
            if (picture := asked.picture(each, spec, data)) is not None:
                dropped[each] = picture[None]
            elif declared.takes[each].required:
                raise UserError(f"{each} is missing: drop a picture")
        asked.done()
        given = self._for_one(snapshot, name, given | dropped, seed)
        (result,) = snapshot.use(name, jax.random.key(seed), **given)
        answer: dict[str, Any] = {"before": {each: _url(picture[0]) for each, picture in dropped.items()}}
        answer["note"] = few.warning(snapshot, now.state, name, given, 1)
        if declared.gives == "images":
            return answer | {"images": [_url(result)]}
        if declared.gives == "scores":
            return answer | {"score": round(float(result), 4)}
        names = snapshot.called(name, len(result), self._plan.domains)
        shares = softmax(result.astype(np.float64))
        return answer | {
            "shares": [[names[index], round(float(shares[index]), 4)] for index in shares.argsort()[::-1][:_LIKELY]]
        }

    def _for_one(self, snapshot: Snapshot, name: str, given: dict[str, Any], seed: int) -> dict[str, Any]:
        """The arguments of an ability for one picture; its class by the seed, where none is chosen."""
        declared, found = (
            snapshot.game.ability(name),
            {each: value for each, value in given.items() if value is not None},
        )
        for each in declared.kinds(LABEL):
            label = found.get(each, seed % len(snapshot.classes(name)))
            found[each] = np.array([label], np.int32)
        return found | dict.fromkeys(declared.kinds(NUMBER), 1)

    # ---- checkpoints

    def _step(self, asked: Asked) -> int:
        return asked.integer("step", 0, 2**53, self._first)

    def _moment(self, asked: Asked) -> Trained:
        """The game at a step, asked for one image in a call."""
        now = self._at(self._step(asked))
        return dataclasses.replace(now, snapshot=now.snapshot.in_calls_of(1))


def _results(path: Path) -> list[Result]:
    """The newest lines of an evaluation.jsonl; what is no result, as a line that is being written, is left out."""
    return read_results(path, _POINTS) if path.exists() else []


def _alike(found: list[np.ndarray]) -> list[np.ndarray]:
    """Latents of one length: where one of them has a style for each slot, all have."""
    most = max(each.shape[1] for each in found)
    return [np.tile(each, (1, most // each.shape[1])) for each in found]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """Some of a curve's points, evenly chosen, the last among them."""
    if len(points) <= _POINTS:
        return points
    return [points[round(index)] for index in np.linspace(0, len(points) - 1, _POINTS)]


def _png(picture: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _url(image: np.ndarray) -> str:
    """An image (H, W, C) in [-1, 1] as a URL that holds it."""
    return "data:image/png;base64," + base64.b64encode(_png(pictures.to_image(pictures.to_uint8(image)))).decode()
