"""Looking at a game while it trains, without touching it: pictures and metrics, at their steps."""

import dataclasses
import itertools
import zlib

import jax

from jaxgan import pictures
from jaxgan.core import State
from jaxgan.data import Source
from jaxgan.evaluation.monitored import Choice
from jaxgan.evaluation.protocol import Result, append_results
from jaxgan.foreign import printable
from jaxgan.pictures.run_pictures import RunPictures
from jaxgan.processes import told_by_first
from jaxgan.training.broken import CollapseError
from jaxgan.training.busy import busy
from jaxgan.training.guard import LOST, SIZE, Guard, described, state_of
from jaxgan.training.plan import Plan
from jaxgan.training.records import Records
from jaxgan.training.run_folder import RunFolder


class Observer:
    """Draws and measures the averaged players when it is time to, into a run's pictures and records.

    Args:
        plan: The run's plan.
        source: Its training data.
        choice: What to measure; the first one's score tells the best checkpoint.
        folder: The run's folder.
        records: Where values go.
        step: The step that the run goes on from; None: it begins.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        choice: Choice,
        folder: RunFolder,
        records: Records,
        step: int | None,
    ) -> None:
        source = source.measured
        self._config, self._compiled, self._source, self._metrics = plan.config, plan.compiled, source, choice.metrics
        self._folder, self._records, self._asked = folder, records, choice.pictures
        self._guard = None if plan.config.guard == "off" else Guard(plan, source)
        self._pictures = RunPictures(folder, plan.compiled, source, self._key("pictures"), step, records.write)
        if step is None and choice.told():
            records.say(choice.told())

    def due(self, step: int, last: bool = False) -> bool:
        """Whether there is something to look at after `step` steps that was not looked at yet."""
        return self._draws(step, last) or self._measures(step, last)

    def look(self, state: State, step: int, images: int, stage: int, last: bool = False) -> float | None:
        """Draws and measures what is due; returns the score if it was measured, and is finite.

        Args:
            state: The game, after `step` steps and `images` real images.
            step: As the host counts it.
            images: As the host counts them.
            stage: The stage of the last step.
            last: Whether it is the end, at which everything is due.

        Raises:
            CollapseError: The guard finds the game lost for the second time in a row, and is to do something about it.
        """
        draws, measures = self._draws(step, last), self._measures(step, last)
        if not (draws or measures):
            return None
        snapshot = self._compiled.at(state, stage)
        if draws:
            first = self._pictures.latest is None
            with busy("drawing pictures"):
                self._pictures.draw(snapshot, step)
            if first and self._pictures.latest is not None:
                self._records.say(f"first picture: {self._pictures.latest}")
            for name, draw in self._asked.items():
                with busy(f"drawing {name}"):
                    picture = draw(snapshot, self._key("pictures"))
                if self._records.write:
                    pictures.save(picture, self._folder.picture(name.replace("/", "_")))
            if last:
                self._pictures.draw_at_the_end(snapshot)
        if not measures:
            return None
        measured: dict[str, float | Result] = {}
        for name, metric in self._metrics.items():
            with busy(f"measuring {name}"):
                own = metric.measure(snapshot, self._source, self._config, self._key(name))
                # Two metrics may call a value alike: that of the second has its metric's name before it.
                measured |= {f"{name}/{each}" if each in measured else each: value for each, value in own.items()}
        if self._guard is not None:
            with busy("looking whether the game has collapsed"):
                measured |= self._guard.measure(state, snapshot, self._key("guard"), self._records.lines)
        values = {name: value.value if isinstance(value, Result) else value for name, value in measured.items()}
        # Whether to keep a checkpoint hangs on these: all processes must see the same ones.
        values = told_by_first(lambda: {name: float(value) for name, value in values.items()})
        shown = state_of(values) if self._guard is not None and step else ""
        before = next((line["state"] for line in reversed(self._records.lines) if "state" in line), "")
        self._records.evaluated(step, images, values, shown)
        model = {"workdir": str(self._folder.path), "step": step}
        results = [dataclasses.replace(value, model=model) for value in measured.values() if isinstance(value, Result)]
        if results and self._records.write:
            append_results(self._folder.evaluation, results)
        if self._config.guard in ("stop", "return") and shown in LOST and before in LOST:
            raise CollapseError(f"{shown} at step {step} ({described(values)}), after {before}", step)
        if not self._metrics:
            return None
        # As it is recorded: a run that goes on from the records must come to the same.
        return self._records.series(self._score).get(step)

    def finish(self) -> None:
        """Draws what sums the run up."""
        self._pictures.finish(self._records.lines)

    def summary(self) -> str:
        """Where everything lies, and what the metrics say, for people."""
        folder = self._folder
        places = [
            ("samples", self._pictures.latest),
            ("real beside fake", folder.real_and_fake),
            ("loss curves", folder.losses),
        ]
        places += [("animation", folder.animation), ("metrics", folder.metrics), ("checkpoint", folder.checkpoints)]
        lines = [f"{name:<18}{path}" for name, path in places if path is not None and path.exists()]
        judged = [line for line in self._records.lines if "state" in line]
        if judged:
            last = judged[-1]
            same = list(itertools.takewhile(lambda line: line["state"] == last["state"], reversed(judged)))
            lines.append(
                f"{'state':<17} {printable(last['state'])} since step {same[-1]['step']}   ({described(last)})"
            )
        for name, metric in self._metrics.items():
            own = f"{name}/{metric.score}"  # where another metric has a value of this name
            score = own if any(own in line for line in self._records.lines) else metric.score
            by_step = self._records.series(score)
            if not by_step:
                lines.append(f"{score:<17} never a finite number")
                continue
            notes = [f"untrained {by_step[0]:.4g}"] if 0 in by_step else []
            if metric.floor:
                notes.append(f"real held-out data {self._records.series(metric.floor)[max(by_step)]:.4g}")
            notes.append("lower is better" if metric.lower_is_better else "higher is better")
            lines.append(f"{score:<17} {by_step[max(by_step)]:.4g}   ({', '.join(notes)})")
        return "\n".join(lines)

    @property
    def _score(self) -> str:
        """What every evaluation has a value of."""
        return next((metric.score for metric in self._metrics.values()), SIZE)

    def _draws(self, step: int, last: bool) -> bool:
        return (last or _due(step, self._config.sample_every)) and step not in self._pictures.frames

    def _measures(self, step: int, last: bool) -> bool:
        if not (last or _due(step, self._config.evaluate_every)):
            return False  # asked after every step
        # A run may go on with other metrics; a value that was not finite was measured all the same.
        known = {name for line in self._records.lines if line["step"] == step for name in line}
        wanted = [metric.score for metric in self._metrics.values()] or ([SIZE] if self._guard else [])
        return any(name not in known for name in wanted)

    def _key(self, what: str) -> jax.Array:
        """The same noise at every step, so that pictures and values can be compared."""
        return jax.random.fold_in(jax.random.key(self._config.seed), zlib.crc32(what.encode()))


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
