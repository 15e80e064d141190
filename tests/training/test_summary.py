"""The dry run's memory: values counted by hand, and beside the compiler's own count."""

import re

import jax
import jax.numpy as jnp
import pytest

from jaxgan.data import make_source
from jaxgan.training import summarize, summary
from jaxgan.training.live_bytes import live_bytes
from jaxgan.training.plan import Plan

KIB = jax.ShapeDtypeStruct((256,), jnp.float32)  # 1 KiB, as is each of its images under a map


def test_values_live_from_where_they_are_made_to_where_they_are_last_read():
    # One after the other: each takes the place of the last but one. The argument and the result are not counted.
    assert live_bytes(lambda x: jnp.tanh(jnp.tanh(jnp.tanh(x))), KIB) == 2 * 1024
    # The derivative reads back what the function left: cos x, cos sin x, ... for each of eight sines.
    chain = lambda x: jnp.sum(eight(x))  # noqa: E731
    assert 8 * 1024 < live_bytes(jax.grad(chain), KIB) < 12 * 1024


def eight(x):
    for _ in range(8):
        x = jnp.sin(x)
    return x


def test_what_is_computed_twice_is_made_once():
    assert live_bytes(lambda x: jnp.tanh(x) + jnp.sin(x), KIB) == 2 * 1024
    assert live_bytes(lambda x: jnp.tanh(x) + jnp.tanh(x), KIB) == 1024


def test_a_loop_needs_one_turn_of_its_body_and_rematerialisation_less_than_the_whole():
    body = lambda x: jnp.cos(jnp.tanh(x)) * jnp.sin(x)  # noqa: E731
    alone = live_bytes(body, KIB)
    looped = live_bytes(lambda x: jax.lax.fori_loop(0, 100, lambda i, x: body(x), x), KIB)
    assert alone <= looped <= alone + 1024
    twice = lambda f: lambda x: jnp.sum(f(f(x)))  # noqa: E731
    assert live_bytes(jax.grad(twice(jax.checkpoint(eight))), KIB) < live_bytes(jax.grad(twice(eight)), KIB) - 4 * 1024


@pytest.mark.parametrize("variant", ["dcgan", "cyclegan"])
def test_the_estimate_is_near_the_compilers_own_count(tiny, variant, monkeypatch):
    config = tiny(variant)
    config.batch_size = 512  # 64 on each of eight devices: an estimate that forgot them would be eight times as large

    source = make_source(config.data)

    def megabytes():
        text = summarize(Plan.of(config, source.arrays, source.domains))  # however few data there are
        return text, float(re.search(r"activations and gradients of a step +([\d,.]+) MiB", text)[1].replace(",", ""))

    text, counted = megabytes()
    assert "the compiler's own count" in text
    monkeypatch.setattr(summary, "_CHEAP_TO_COMPILE", 0)
    text, estimated = megabytes()
    assert "an estimate" in text
    assert jax.device_count() == 8
    assert 0.4 < estimated / counted < 2.5
    config.batch_size = 1024
    assert 1.6 < megabytes()[1] / estimated < 2.1
