"""The lessons of the literature as pictures that anyone can make again, each with the numbers that were measured.

python -m benchmarks.gallery                                   all of them: four minutes on two CPU cores
python -m benchmarks.gallery --only saturation collapse        some; the page keeps what it says of the others
python -m benchmarks.gallery --story runs/gan-ring8 gan-ring8  moments of a toy run, for the page's end

Pictures and the page are written to docs/gallery. Seeds are fixed: the same machine makes the same numbers.
"""

import argparse
import importlib
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.gallery.lesson import Lesson, picture, save
from benchmarks.gallery.story import toy_story
from jaxgan.training import command_line

FOLDER = Path(__file__).parents[2] / "docs" / "gallery"
NAMES = (
    "saturation",
    "distances",
    "nonsaturating",
    "stale",
    "divergences",
    "squares",
    "plan",
    "lipschitz",
    "relativistic",
    "collapse",
    "r1",
    "fractional",
)
_HEAD = """# Gallery

What the literature says of GANs, measured: each lesson's picture and numbers come from a run of

    python -m benchmarks.gallery

four minutes on two CPU cores, with jaxgan's own games and losses on small networks.
"""


def section(name: str, lesson: Lesson, text: str) -> str:
    """What the page says of a lesson."""
    command = f"`python -m benchmarks.gallery --only {name}`"
    return f"## {lesson.title}\n\n![{lesson.title}]({name}.png)\n\n{text}\n\n{lesson.papers}. {command}\n"


def read_sections(page: str) -> dict[str, str]:
    """The sections of lessons that a page has, by name."""
    return dict(re.findall(r"<!-- lesson: (\w+) -->\n(.*?)<!-- end -->\n", page, flags=re.DOTALL))


def make_page(sections: Mapping[str, str], stories: Iterable[str]) -> str:
    """The page: lessons in the order of `NAMES`, then the toy runs, each named system-toy."""
    parts = [f"<!-- lesson: {name} -->\n{sections[name]}<!-- end -->\n" for name in NAMES if name in sections]
    runs = []
    for story in sorted(stories):
        system, _, toy = story.partition("-")
        runs.append(f"`python train.py --config=configs/{system}.py:{toy}`\n\n![{system} on {toy}]({story}.png)\n")
    if runs:
        parts += [
            "## Toy runs\n\nMoments of a run: samples over data, and behind them the discriminator's logit.\n",
            *runs,
        ]
    return "\n".join([_HEAD, *parts])


def main() -> None:
    """Makes what is asked for, and the page anew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="LESSON", help=", ".join(NAMES))
    parser.add_argument("--story", nargs=2, metavar=("WORKDIR", "NAME"), help="only this; NAME is system-toy")
    asked = parser.parse_args()
    command_line.use_compilation_cache()
    page = FOLDER / "README.md"
    sections = read_sections(page.read_text()) if page.exists() else {}
    if asked.story:
        workdir, name = asked.story
        toy_story(list(Path(workdir, "samples").glob("step_*.png")), FOLDER / f"{name}.png")
    for name in () if asked.story else asked.only or NAMES:
        start = time.perf_counter()
        lesson: Lesson = importlib.import_module(f"benchmarks.gallery.{name}").LESSON
        figure, text = lesson.draw()
        save(picture(figure), FOLDER / f"{name}.png")
        sections[name] = section(name, lesson, text)
        print(f"{name}: {time.perf_counter() - start:.0f} s\n{text}\n", flush=True)
    page.write_text(make_page(sections, [path.stem for path in FOLDER.glob("*-*.png")]))


if __name__ == "__main__":
    main()
