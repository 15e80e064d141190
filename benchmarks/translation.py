"""Which translator for which data: what systems keep of the same digits, and what they cost; docs/translation.md has it.

python -m benchmarks.translation                          reads or trains the zoo's runs of each system, three seeds
python -m benchmarks.translation --workdir=runs/zoo --seeds=1

What was learned is read from the learning checks' runs (`python -m benchmarks.zoo`), which are trained where they are missing.
The cost of a step is what XLA counts of the compiled program, for no machine is alike another: floating-point operations for
each image of the minibatch.
"""

import argparse
import pathlib
import re
import sys
from typing import Any

import jax

from benchmarks import zoo
from benchmarks.pages import put
from jaxgan import gans
from jaxgan.core.arrays import minibatch
from jaxgan.training import command_line
from jaxgan.training.plan import plan_without_data

PAGE = zoo.DOCS / "translation.md"
SYSTEMS = (
    "pix2pix",
    "cyclegan",
    "discogan",
    "dualgan",
    "unit",
    "xgan",
    "stargan",
    "combogan",
    "direct_translation",
    "domain_adversarial",
)
# How often the networks of a game (of copies of a player: one) are there where there are n domains.
GROWTH = {
    "cyclegan": ("a game for each pair of domains", lambda n: n * (n - 1) // 2),
    "combogan": ("an encoder, a decoder and a discriminator for each domain", lambda n: n),
    "stargan": ("one generator and one discriminator", lambda n: 1),
}
_NUMBERS = (2, 3, 4, 8)


def costs(name: str) -> dict[str, Any]:
    """A system's parameters, by player, and the operations of a training step for each image, in millions."""
    config = zoo.CONFIGS[name].get_config()
    plan = plan_without_data(config)
    game, state = plan.game, plan.abstract_state()
    step = (len(game.stages) > 1 and game.stages[-2].until_step) or 0
    due = game.due(step, step * config.batch_size)
    batches = (minibatch(plan.arrays, config.batch_size),) * game.minibatches(due)
    compiled = jax.jit(game.step, static_argnames="due").lower(state, batches, due=due).compile()
    analysis = compiled.cost_analysis()
    players = {each: sum(leaf.size for leaf in jax.tree.leaves(one.params)) for each, one in state.players.items()}
    copies = {each: player.copies or 1 for each, player in game.players.items()}
    return {
        "players": players,
        "copies": copies,
        "domain": ", ".join(config.data.domains[1:]) or config.data.domain or "inverted",
        "megaflops": analysis["flops"] / len(batches) / config.batch_size / 1e6,
    }


def _judges(player: str) -> bool:
    return "discriminator" in player or "classifier" in player


def learned_row(name: str, results: list[dict[str, float]], cost: dict[str, Any]) -> str:
    def mean(pattern: str) -> str:
        found = [value for result in results for name, value in result.items() if re.fullmatch(pattern, name)]
        return f"{sum(found) / len(found):.3f}" if found else "-"

    used = sum(size for player, size in cost["players"].items() if not _judges(player))
    cells = [
        f"`{name}`",
        cost["domain"],
        mean("agreement"),
        mean("counterpart_mse_[a-z]+"),
        mean("cycle_l1"),
        mean("cycle_l1_[a-z]+_noisy"),
        f"{cost['megaflops']:.0f}",
        f"{used / 1e3:.0f}",
        f"{sum(cost['players'].values()) / 1e3:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def growth_row(name: str, cost: dict[str, Any]) -> str:
    words, times = GROWTH[name]
    one = sum(size / cost["copies"][player] for player, size in cost["players"].items())
    cells = [f"{times(n) * len(cost['players'])}, {times(n) * one / 1e3:.0f}" for n in _NUMBERS]
    return f"| `{name}` | {words} | {' | '.join(cells)} |"


def tables(learned: dict[str, list[dict[str, float]]], cost: dict[str, dict[str, Any]]) -> dict[str, str]:
    """What was learned and what it costs; and how the networks grow."""
    first = [
        "| system | domain | agreement | squared error | cycle | with noise | Mflop | thousand parameters | in training |",
        "|---|---|---|---|---|---|---|---|---|",
        *(learned_row(name, results, cost[name]) for name, results in learned.items()),
    ]
    second = [
        f"| system | networks | {' | '.join(f'{number} domains' for number in _NUMBERS)} |",
        "|---|---|" + "---|" * len(_NUMBERS),
        *(growth_row(name, cost[name]) for name in GROWTH if name in cost),
    ]
    return {"learned": "\n".join(first), "growth": "\n".join(second)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workdir", type=pathlib.Path, default=pathlib.Path("runs/zoo"))
    arguments = parser.parse_args()
    command_line.use_compilation_cache()
    learned, cost = {}, {}
    for name in SYSTEMS:
        if name in gans.systems():
            seeds = range(arguments.seeds)
            learned[name] = [zoo.run(name, zoo.ROWS[name], seed, arguments.workdir) for seed in seeds]
            cost[name] = costs(name)
            print(learned_row(name, learned[name], cost[name]), flush=True)
    put(PAGE, tables(learned, cost))
    return 0


if __name__ == "__main__":
    sys.exit(command_line.run(main))
