"""Which commands there are, and the one that is asked for: python -m jaxgan COMMAND --workdir=RUN"""

import sys
from collections.abc import Callable, Sequence

import jax

from jaxgan.commands import browse, convert, evaluate, explore, export, prepare, use, video, weights
from jaxgan.commands.options import Parser
from jaxgan.errors import UserError, nearest
from jaxgan.explorer import space
from jaxgan.mesh import data_mesh
from jaxgan.training.trained import load

_USAGE = """\
usage: python -m jaxgan COMMAND --workdir=RUN [options]

  browse        shows a run as a page in the browser
  convert       takes in a generator of another program
  evaluate      measures a run, or a folder of images
  explore       shows what a run's latents do: pictures between them, truncated ones, and directions found without labels
  export        writes a run as one file, to be used elsewhere
  prepare       resizes a folder of images once, into a zip
  video         walks through a run's latents, as a GIF or an MP4
  weights FILE  converts the weights of a feature network for evaluate, once
  ABILITY       asks the run's game for something that it can do: sample, translate, classify, judge ...

python -m jaxgan --workdir=RUN lists what a run can do, and python -m jaxgan ABILITY --workdir=RUN --help its options."""


_OTHERS: dict[str, Callable[[list[str]], None]] = {
    "browse": browse.main,
    "convert": convert.main,
    "evaluate": evaluate.main,
    "explore": explore.main,
    "export": export.main,
    "prepare": prepare.main,
    "video": video.main,
    "weights": weights.main,
}
_USUAL = ("sample", "translate", "upscale", "classify", "judge", "encode", "reconstruct")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command that the first argument names, or lists the commands.

    Args:
        arguments: The command's arguments; None: those of the process.

    Returns:
        The command's exit status.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and not arguments[0].startswith("-"):
        name, *rest = arguments
        if name not in _OTHERS:
            about = any(each.startswith(("--workdir", "--help", "-h")) for each in rest)
            if name not in _USUAL and not about:  # without a run nobody can say whether its game knows the word
                commands = nearest(name, (*_OTHERS, *_USUAL))
                raise UserError(f"{name}: {commands} (an ability of a run's game needs --workdir=RUN)")
            return use.main(name, rest)
        _OTHERS[name](rest)
        return 0
    parser = Parser(subject="python -m jaxgan without a COMMAND", add_help=False)
    parser.add_argument("--workdir")
    for switch in ("--trust", "--help", "-h"):
        parser.add_argument(switch, action="store_true")
    asked = parser.parse_args(arguments)
    print(_USAGE if asked.workdir is None else abilities(asked.workdir, asked.trust))
    return 0


def abilities(workdir: str, trust: bool = False) -> str:
    """What a run can do, a line for each ability, for people.

    Args:
        workdir: The run's folder.
        trust: As in `jaxgan.training.trained.load`.
    """
    with jax.set_mesh(data_mesh()):
        plan = load(workdir, trust=trust).plan
    game = plan.game
    rows = {name: ability.help for name, ability in game.abilities.items()}
    if space.can(game.abilities):
        rows |= {"explore": "shows what its latents do", "video": "walks through them"}
    images = any(spec.kind == "image" for spec in plan.arrays.values())
    rows |= {"browse": "shows it as a page in the browser"} if images else {}
    rows |= {"evaluate": "measures it"}
    width = max(map(len, rows))
    lines = [f"  {name:<{width}}  {what}" for name, what in rows.items()]
    return "\n".join([f"python -m jaxgan COMMAND --workdir={workdir}", *lines])
