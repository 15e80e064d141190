"""What systems are composed of: what a turn draws, pairs of reals and fakes, terms beside an objective, usual abilities."""

from jaxgan.parts.abilities import (
    classify_ability,
    judge_ability,
    match_ability,
    sample_abilities,
    sample_ability,
    upscale_ability,
)
from jaxgan.parts.codes import ENCODER, NormalCode, code_abilities
from jaxgan.parts.domains import translate_ability
from jaxgan.parts.draws import Draws, known_classes, label_of
from jaxgan.parts.pairs import Pair, as_verdict, make_pair, scores_of
from jaxgan.parts.self_supervision import Rotations, SelfSupervision
from jaxgan.parts.terms import DISCRIMINATOR, GENERATOR, Term
from jaxgan.parts.two_domains import Adversaries
from jaxgan.parts.two_players import read, two_player_game
from jaxgan.parts.weighted import Terms, merged

__all__ = [
    "DISCRIMINATOR",
    "ENCODER",
    "GENERATOR",
    "Adversaries",
    "Draws",
    "NormalCode",
    "Pair",
    "Rotations",
    "SelfSupervision",
    "Term",
    "Terms",
    "as_verdict",
    "classify_ability",
    "code_abilities",
    "judge_ability",
    "known_classes",
    "label_of",
    "make_pair",
    "match_ability",
    "merged",
    "read",
    "sample_abilities",
    "sample_ability",
    "scores_of",
    "translate_ability",
    "two_player_game",
    "upscale_ability",
]
