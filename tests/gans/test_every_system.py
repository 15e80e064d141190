"""What every system must do: be called without a config, play, sample, and let ADA adapt."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.augment import ada, adaptive
from jaxgan.core import Due, View
from jaxgan.core.abilities import CHOICE, DOMAIN, GRAPH, IMAGES, LABEL, LATENTS, NUMBER, STRENGTH, TEXT
from jaxgan.core.players import flatten
from jaxgan.core.state import Clock
from jaxgan.errors import UserError
from jaxgan.parts import terms
from jaxgan.parts.terms import TERMS
from tests.gans.tiny_players import BATCH, CLASSES, SIDE, arrays, make

WITH_TERMS = [system for system in gans.systems() if "terms" in inspect.signature(getattr(gans, system)).parameters]
SETTINGS = {"images": 40, "every": 2}


def watched() -> View:
    """ADA, which also keeps the scores it was last told; of its pictures' changes mirroring alone, which is soon compiled."""
    view = ada("b", **SETTINGS)

    def mirrored(key: jax.Array, x: jax.Array, clock: Clock, state: tuple[adaptive.AdaState, jax.Array]) -> jax.Array:
        chosen = jax.random.uniform(key, (len(x), 1, 1, 1)) < state[0].p / 2
        return jnp.where(chosen, x[:, :, ::-1], x)

    return View(
        mirrored,
        lambda: (view.init(), jnp.zeros(BATCH)),
        lambda state, scores: (view.update(state[0], scores), scores),
    )


@pytest.fixture(scope="module", params=gans.systems())
def run(request):
    """A system's game, and (state, metrics, who moved) after each of three steps; a step has one turn of the discriminator.

    The first of them is the first one that its discriminator plays: what is learned before is in `begun`.
    """
    game = make(request.param, watched, discriminator_steps=1, warm_up=0)
    game = game.complete(arrays())
    step, state = jax.jit(game.step, static_argnames="due"), jax.jit(game.init)(jax.random.key(0), arrays())
    begun, seen = state, [(state, {}, set())]
    for index in range(6):
        if len(seen) > 3:
            break
        due = game.due(index, BATCH * index)
        minibatches = tuple(arrays(seed=10 * index + i) for i in range(game.minibatches(due)))
        state, metrics = step(state, minibatches, due=due)
        moved = {name for turn in game.stages[due.stage].turns for name in turn.players}
        played = (state, {name: np.asarray(value) for name, value in metrics.items()}, moved)
        judged = any("discriminator" in turn.name for turn in game.stages[due.stage].turns)
        seen = [*seen, played] if judged else [played]
    return begun, game, seen


def test_it_plays_and_all_players_move(run):
    first, game, seen = run
    last, metrics, _ = seen[-1]
    assert all(np.isfinite(value).all() and value.shape == () for value in metrics.values()), metrics
    assert all(int(step) == -1 for step in last.nonfinite.values())
    for name in game.players:
        before, after = (jax.tree.leaves(flatten(state.players)[name].params) for state in (first, last))
        assert any((old != new).any() for old, new in zip(before, after, strict=True)), name


def test_it_does_what_it_declares(run):
    _, game, seen = run
    batch, state = arrays(), seen[-1][0]
    assert game.abilities
    for name, ability in game.abilities.items():
        given = {}
        for argument, declared in ability.takes.items():
            if declared.kind == NUMBER:
                given[argument] = BATCH
            elif declared.kind == LABEL:
                given[argument] = jnp.arange(BATCH) % CLASSES
            elif declared.kind == IMAGES:
                given[argument] = batch[declared.array or "a"]
            elif declared.kind == LATENTS:
                given[argument] = game.use("latents", state, jax.random.key(1), BATCH)
                if declared.space == "w":
                    given[argument] = game.use("map", state, jax.random.key(1), latents=given[argument])
            elif declared.kind == TEXT:
                given[argument] = batch[declared.array][:, 0]
            elif declared.kind == GRAPH:
                given[argument] = batch[declared.array]
            elif declared.kind == DOMAIN:
                way = dict(zip(("source", "target"), ability.ways[0], strict=True)) if ability.ways else {}
                given[argument] = way.get(argument, declared.choices[0])
            elif declared.kind == CHOICE and declared.required:
                given[argument] = declared.choices[-1]
            elif declared.kind == STRENGTH and declared.required:
                given[argument] = 0.5
        made = np.asarray(game.use(name, state, jax.random.key(1), **given))
        assert len(made) == BATCH and np.isfinite(made).all()
        latents = (6,)  # W, beside z
        if name in ("latents", "encode"):
            latents = (5,)
            if "target" in game.abilities.get("translate", game.abilities[name]).takes:
                latents = (SIDE * SIDE // 2,)
        if "edit" in game.abilities:
            latents = (5 + CLASSES + 2,)  # a category and two codes behind z
        expected = {"images": (SIDE, SIDE, 1), "scores": (), "class_logits": (CLASSES,), "latents": latents}
        assert made.shape[1:] == expected[ability.gives], name
    assert {"sample", "translate", "upscale", "restyle"} & game.abilities.keys()


def test_ada_adapts_by_the_scores_of_reals(run):
    _, game, seen = run
    judges = [name for name in game.players if "discriminator" in name]
    if not judges:
        pytest.skip("no discriminator, and nothing that adapts")
    for name in judges:
        copies = game.players[name].copies
        for copy in range(max(1, copies)):
            at = copy if copies else ...
            views = [jax.tree.map(lambda leaf, at=at: leaf[at], flatten(one[0].players)[name].view) for one in seen]
            expected, told = adaptive.start(), 0
            for ((_, before), (ours, scores)), moves in zip(itertools.pairwise(views), seen[1:], strict=True):
                if once_more := not np.array_equal(scores, before):
                    expected, told = adaptive.update(expected, scores, **SETTINGS), told + 1
                # Of several copies a step chooses some; a GAN may be trained in another stage.
                assert once_more or copies or name not in moves[2]
                jax.tree.map(np.testing.assert_array_equal, ours, expected)
            assert told or copies  # each time it moved; of three steps p has moved once, by the first two
            assert copies or int(expected.count) == len(scores) * (told % SETTINGS["every"])


@pytest.mark.long
@pytest.mark.parametrize("system", WITH_TERMS)
def test_every_term_is_computed_or_refused_by_its_name(system):
    batch, computed = arrays(), []
    for name, maker in TERMS.items():
        term = maker(0.5) if name == "top_k" else maker()
        try:
            game = make(system, terms=(term,), discriminator_steps=1, warm_up=0).complete(batch)
            due = Due(len(game.stages) - 1, tuple(turn.name for turn in game.stages[-1].turns))
            state = jax.eval_shape(game.init, jax.random.key(0), batch)
            play = lambda state, game=game, due=due: game.step(state, (batch,) * game.minibatches(due), due)  # noqa: E731
            logged = jax.eval_shape(play, state)[1]
        except UserError as error:
            assert f"the term {name!r}" in str(error)
            continue
        computed.append(name)
        assert any(metric.partition("/")[2].startswith(name) for metric in logged), (name, sorted(logged))
    assert {"r1", "lecam", "feature_matching"} <= set(computed)


def test_terms_that_need_latents_are_refused_where_there_are_none():
    for system in ("cyclegan", "pix2pix", "lapgan", "srgan"):
        for term in (terms.latent_consistency(), terms.latent_diversity(), terms.path_length()):
            game = make(system, terms=(term,), pretraining_steps=0).complete(arrays())
            state, due = jax.eval_shape(game.init, jax.random.key(0), arrays()), game.due(0, 0)
            with pytest.raises(UserError, match=f"the term '{term.name}': it needs a generator of latents"):
                jax.eval_shape(lambda state, game=game, due=due: game.step(state, arrays(), due), state)
