"""What a run reports while it goes on: metrics.jsonl, TensorBoard, and a bar or lines on the terminal."""

import contextlib
import datetime
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from jaxgan.errors import UserError
from jaxgan.files import atomically, named_errors
from jaxgan.foreign import parse_json, read_lines
from jaxgan.processes import told_by_first
from jaxgan.training.run_folder import RunFolder

# What differs between the metrics.jsonl of two runs of one config.
TIMINGS = ("seconds", "images_per_second")
# What begins so is not printed: values of each layer are too many to read, and the guard's are summed up in the state.
UNTOLD = ("layers/", "guard/")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics.jsonl; none if there is no file. Those that are no JSON, as a killed process or a full or
    damaged disk leaves them, are left out.

    Raises:
        UserError: It holds something else than numbers by name.
    """
    lines: list[dict[str, Any]] = []
    for text in read_lines(path) if path.exists() else []:
        try:
            line = parse_json(text, path)
        except UserError:
            continue
        if not isinstance(line, dict) or not all(isinstance(line.get(name), int) for name in ("step", "images")):
            raise UserError(f"{path} holds a line that is no record of a step, {text[:80]!r}: remove that line")
        if not all(isinstance(value, str if name == "state" else int | float | None) for name, value in line.items()):
            raise UserError(f"{path} holds a line with a value that is no number, {text[:80]!r}: remove that line")
        lines.append(line)
    return lines


def series(lines: Iterable[Mapping[str, Any]], name: str) -> dict[int, float]:
    """One metric of such lines by step."""
    return {line["step"]: line[name] for line in lines if line.get(name) is not None}


class Stopwatch:
    """Seconds that were spent training, from `start` on: what happens inside `paused` does not count."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.started = False
        self.stood = 0.0  # seconds inside `paused`
        self._counted, self._since = seconds, math.inf  # what is counted, and since when it counts again

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._counted + max(0.0, time.perf_counter() - self._since)

    def start(self) -> None:
        """Begins to count."""
        self.started, self._since = True, time.perf_counter()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still during its `with` block."""
        self._counted, self._since = self.seconds, math.inf
        began = time.perf_counter()
        try:
            yield
        finally:
            self.stood += time.perf_counter() - began
            if self.started:
                self.start()

    def skip(self, seconds: float) -> None:
        """Takes out of what was counted the seconds that something else stood still."""
        if self.started:
            self._counted -= seconds


def say(text: str, label: str = "") -> None:
    """Prints a line to stderr, above a bar if there is one; after the run's label, which tells it from those beside it."""
    tqdm.write(f"{label}: {text}" if label else text, file=sys.stderr)


class Records:
    """The records of one run; a context manager that closes its files.

    A line of metrics.jsonl is `{"step", "images", ...}` and either a step's metrics, as they were at that very step,
    beside `TIMINGS`, or the values of an evaluation. Of a turn that is not due at that step they are those of the last step
    at which it was; where the run went on from a later one, it has none until the turn is due again. What was written after
    the step that a run goes on from is cut off first, so that the file of a resumed run reads like that of one that never
    stopped but for these.

    Args:
        folder: The run's folder.
        step: The step that the run goes on from; None: it begins.
        rollbacks: How many times it went back until then; of later ones the file knows from a future that is given up.
        write: Whether this process writes and prints.
        label: What every line for people begins with, where several runs go on side by side; there is no bar then.
    """

    def __init__(
        self, folder: RunFolder, step: int | None, rollbacks: int = 0, write: bool = True, label: str = ""
    ) -> None:
        self.lines: list[dict[str, Any]] = []
        if step is not None:
            known = (line for line in told_by_first(lambda: read_metrics(folder.metrics)) if line["step"] <= step)
            self.lines = [line for line in known if (line.get("rollbacks") or 0) <= rollbacks]
        self._lap = (0, 0.0)  # images and seconds at the last log step
        self._start = (0.0, 0.0)  # when the first step was done, and how much of the run was
        self.write, self._files, self._path, self._label = write, contextlib.ExitStack(), folder.metrics, label
        self._bar: Any = None
        self._board: Any = None
        if write:
            with atomically(folder.metrics) as temporary:
                temporary.write_text("".join(json.dumps(line) + "\n" for line in self.lines))
            self._file = self._files.enter_context(folder.metrics.open("a"))
            self._board = _tensorboard(folder, 0 if step is None else step + 1, self._files)
            if sys.stderr.isatty() and not label:
                look = "{percentage:3.0f}%|{bar:20}| {desc}"
                self._bar = self._files.enter_context(tqdm(total=1.0, bar_format=look, dynamic_ncols=True))
        self.stopwatch = Stopwatch(max((line.get("seconds", 0.0) for line in self.lines), default=0.0))

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *error: Any) -> None:
        with named_errors(self._path):
            self._files.close()

    def say(self, text: str) -> None:
        """Prints a line to stderr, above the bar if there is one."""
        if self.write:
            say(text, self._label)

    def progress(self, images: int, fraction: float) -> None:
        """Moves the bar; to be called after every step. Time counts from the end of the first one on.

        Args:
            images: Real images consumed.
            fraction: How much of the run is done, in [0, 1].
        """
        if not self.stopwatch.started:
            self.stopwatch.start()
            self._lap, self._start = (images, self.stopwatch.seconds), (time.perf_counter(), fraction)
        if self._bar is not None:
            self._bar.update(fraction - self._bar.n)

    def log(self, step: int, images: int, metrics: Mapping[str, float], fraction: float) -> None:
        """Records a step.

        Args:
            step: How many steps have been played.
            images: Real images consumed.
            metrics: The last step's own, on the host.
            fraction: How much of the run is done.
        """
        seconds = self.stopwatch.seconds
        shown, passed = images - self._lap[0], seconds - self._lap[1]
        rate = shown / passed if shown and passed else math.nan  # after the very first step there is nothing to tell
        self._lap = (images, seconds)
        self._append(step, images, {**metrics, "images_per_second": rate, "seconds": seconds})
        losses = {name: value for name, value in metrics.items() if name.endswith("/loss")}
        left = self._time_left(fraction)
        if self._bar is not None:
            text = "  ".join(f"{name.removesuffix('/loss')} {value:.3f}" for name, value in losses.items())
            self._bar.set_description_str(f"step {step}  {text}  {rate:.0f} images/s  {left} left")
        else:
            text = " ".join(f"{name}={value:.4g}" for name, value in losses.items())
            self.say(f"step={step} images={images} {text} images/s={rate:.1f} left={left}")

    def rolled_back(self, step: int, images: int, rollbacks: int, broken: int) -> None:
        """Records that the run goes on from `step` once more, for the `rollbacks`-th time, since it broke at step `broken`."""
        self._append(step, images, {"rollbacks": rollbacks, "broken_step": broken})

    def evaluated(self, step: int, images: int, values: Mapping[str, float], state: str = "") -> None:
        """Records the values of an evaluation after `step` steps, and the state that they show."""
        self._append(step, images, values, state)
        shown = {name: value for name, value in values.items() if not name.startswith(UNTOLD)}
        told = [f"{name}={value:.4g}" for name, value in shown.items()] + ([f"state={state}"] if state else [])
        if told:
            self.say(f"step={step} " + " ".join(told))

    def print(self, text: str) -> None:
        """Prints what is not progress but result, to stdout."""
        if self.write:
            if self._bar is not None:
                self._bar.close()
            print(f"{self._label}\n{text}" if self._label else text)

    def result(self, step: int, images: int) -> dict[str, float]:
        """The last value of everything, "untrained/..." for values before the first step, and the counts."""
        last: dict[str, float] = {}
        for line in self.lines:
            prefix = "" if line["step"] or "rollbacks" in line else "untrained/"
            last |= {prefix + name: value for name, value in line.items() if name not in ("step", "images", "state")}
        return {"seconds": 0.0, **last, "step": step, "images": images}

    def series(self, name: str) -> dict[int, float]:
        """One metric by step."""
        return series(self.lines, name)

    def _append(self, step: int, images: int, values: Mapping[str, float], state: str = "") -> None:
        # Six digits say it all, and JSON has no NaN.
        rounded = {name: float(f"{value:.6g}") if math.isfinite(value) else None for name, value in values.items()}
        line = {"step": step, "images": images, **rounded} | ({"state": state} if state else {})
        self.lines.append(line)
        if self.write:
            with named_errors(self._path):
                self._file.write(json.dumps(line) + "\n")
                self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                if math.isfinite(value):  # it would warn of others
                    self._board.add_scalar(name, value, step)

    def _time_left(self, fraction: float) -> str:
        began, before = self._start
        if fraction <= before:
            return "?"
        seconds = (time.perf_counter() - began) * (1.0 - fraction) / (fraction - before)
        return str(datetime.timedelta(seconds=round(seconds)))


def _tensorboard(folder: RunFolder, purge_step: int, files: contextlib.ExitStack) -> Any:
    """A TensorBoard writer if tensorboardX is installed; what was written from `purge_step` on is hidden."""
    try:
        import tensorboardX  # it imports PyTorch where there is one, which takes seconds
    except ImportError:
        return None
    return files.enter_context(tensorboardX.SummaryWriter(str(folder.tensorboard), purge_step=purge_step))
