"""The tables of docs/translation.md: what is put into them, and where."""

import pytest

from benchmarks import translation

COST = {
    "players": {"generator_ab": 3000, "generator_ba": 3000, "discriminator_a": 1000, "discriminator_b": 1000},
    "copies": dict.fromkeys(("generator_ab", "generator_ba", "discriminator_a", "discriminator_b"), 1),
    "domain": "inverted",
    "megaflops": 12.4,
}


def test_a_row_has_means_over_seeds_and_ways():
    results = [
        {"agreement": 0.9, "counterpart_mse_ab": 0.1, "counterpart_mse_ba": 0.3, "cycle_l1": 0.05},
        {"agreement": 1.0, "counterpart_mse_ab": 0.2, "counterpart_mse_ba": 0.2, "cycle_l1": 0.07},
    ]
    row = translation.learned_row("cyclegan", results, COST)
    assert row == "| `cyclegan` | inverted | 0.950 | 0.200 | 0.060 | - | 12 | 6 | 8 |"


def test_networks_grow_with_the_domains():
    assert translation.growth_row("cyclegan", COST).endswith("| 4, 8 | 12, 24 | 24, 48 | 112, 224 |")
    copied = {"players": {"encoder": 6000, "discriminator": 3000}, "copies": {"encoder": 3, "discriminator": 3}}
    assert translation.growth_row("combogan", copied).endswith("| 4, 6 | 6, 9 | 8, 12 | 16, 24 |")
    assert translation.growth_row("stargan", COST).endswith("| 4, 8 | 4, 8 | 4, 8 | 4, 8 |")


@pytest.mark.slow
def test_a_step_of_a_system_is_counted():
    cost = translation.costs("domain_adversarial")
    assert set(cost["players"]) == {"encoder", "decoder", "code_classifier"} and cost["domain"] == "bar"
    assert cost["megaflops"] > 1
