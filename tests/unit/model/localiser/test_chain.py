"""The chain names levels in strict order, from doubtful heatmaps and missing candidates."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import LEVELS, SIDES, Side
from model.localiser.chain import STATES, Candidate, Chain, ChainSpec, name_levels

SPEC = ChainSpec()
SEEN = {(state, side): 0.99 for state in STATES for side in SIDES}


def spine(unit_mm: float = 34.0, sure: float = 0.9, blur: float = 0.15) -> list[Candidate]:
    """Give all foramina, in place, with heatmaps that leak a little to the neighbours."""
    heights = -unit_mm * np.concatenate([[0.0], np.cumsum(SPEC.gaps)])
    found = []
    for (state, z), (side, x) in itertools.product(
        enumerate(heights), zip(SIDES, (18.0, -18.0), strict=True)
    ):
        mass = np.full(len(STATES), 0.01)
        mass[[max(state - 1, 0), min(state + 1, len(STATES) - 1)]] = blur
        mass[state] = 1 - 2 * blur
        found.append(Candidate(side, np.array([x, 30.0, z]), mass, sure))
    return found


def named(chain: Chain) -> dict[tuple[str, Side], float]:
    return {key: float(one.point_mm[2]) for key, one in chain.chosen.items()}


def test_all_levels_in_place() -> None:
    found = spine()
    chain = name_levels(found, SEEN, SPEC)
    assert len(chain.chosen) == 14
    for index, one in enumerate(found):
        assert chain.chosen[STATES[index // 2], one.side] is one
    assert chain.unit_mm == pytest.approx(34.0, abs=2.0)
    assert chain.margin > 5


def test_a_missing_level_is_left_out_and_the_others_keep_their_names() -> None:
    found = [one for index, one in enumerate(spine()) if index // 2 != 3]
    chain = name_levels(found, SEEN, SPEC)
    assert {state for state, _ in chain.chosen} == set(STATES) - {"L3"}


def test_a_side_may_lack_its_candidate() -> None:
    found = [one for index, one in enumerate(spine()) if index != 5]
    chain = name_levels(found, SEEN, SPEC)
    assert ("L2", SIDES[1]) not in chain.chosen
    assert ("L2", SIDES[0]) in chain.chosen
    assert len(chain.chosen) == 13


def test_a_stray_candidate_is_left_out() -> None:
    mass = np.full(len(STATES), 0.05)
    stray = Candidate("left", np.array([18.0, 30.0, -34.0 * 2.5]), mass, 0.5)
    chain = name_levels([*spine(), stray], SEEN, SPEC)
    assert stray not in chain.chosen.values()
    assert len(chain.chosen) == 14


def test_a_cut_field_of_view_starts_lower() -> None:
    found = spine()[4:]  # T12 and L1 are above the image
    presence = {**SEEN, **dict.fromkeys(itertools.product(("T12", "L1"), SIDES), 0.02)}
    chain = name_levels(found, presence, SPEC)
    assert {state for state, _ in chain.chosen} == {*LEVELS[1:], "S1"}


def test_one_wrong_heatmap_does_not_move_a_level() -> None:
    found = spine()
    wrong = found[6]
    mass = np.full(len(STATES), 0.01)
    mass[5] = 0.9  # this L3 looks like an L5
    found[6] = Candidate(wrong.side, wrong.point_mm, mass, wrong.sure)
    chain = name_levels(found, SEEN, SPEC)
    assert chain.chosen["L3", wrong.side] is found[6]


def test_doubt_about_the_shift_lowers_the_margin() -> None:
    sure = name_levels(spine(blur=0.05), SEEN, SPEC).margin
    doubtful = name_levels(spine(blur=0.33), SEEN, SPEC).margin
    assert doubtful < sure


def test_nothing_found_names_nothing() -> None:
    chain = name_levels([], SEEN, SPEC)
    assert chain.chosen == {}
    assert chain.margin == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_any_candidates_give_a_strict_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = [
        Candidate(
            SIDES[int(rng.integers(2))],
            np.array([0.0, rng.uniform(0, 60), rng.uniform(-200, 0)]),
            rng.dirichlet(np.ones(len(STATES))),
            float(rng.random()),
        )
        for _ in range(int(rng.integers(0, 12)))
    ]
    chain = name_levels(found, SEEN, SPEC)
    assert len({id(one) for one in chain.chosen.values()}) == len(chain.chosen)
    for side in SIDES:
        heights = [chain.chosen[s, side].point_mm[2] for s in STATES if (s, side) in chain.chosen]
        assert all(above > below for above, below in itertools.pairwise(heights))


def brute_force(found: list[Candidate]) -> float:
    """Cost of the cheapest naming of left candidates only, by trying every one."""
    best = np.inf
    for unit in np.linspace(-2, 2, 9) * SPEC.unit_mm[1] + SPEC.unit_mm[0]:
        for states in itertools.product((None, *range(len(STATES))), repeat=len(found)):
            taken = [(s, one) for s, one in zip(states, found, strict=True) if s is not None]
            order = [s for s, _ in taken]
            if order != sorted(set(order)):
                continue
            best = min(best, cost_of(taken, found, float(unit)))
    return best


def cost_of(taken: list[tuple[int, Candidate]], found: list[Candidate], unit: float) -> float:
    absent = min(SPEC.skip, -np.log(1 - 0.99))
    cost = 0.5 * ((unit - SPEC.unit_mm[0]) / SPEC.unit_mm[1]) ** 2
    cost += absent * (2 * len(STATES) - len(taken))
    cost += sum(SPEC.unmatched * one.sure for one in found if all(one is not t for _, t in taken))
    for state, one in taken:
        cost += -np.log(SPEC.floor + (1 - SPEC.floor) * one.mass[state])
    for (a, upper), (b, lower) in itertools.pairwise(taken):
        apart = upper.point_mm - lower.point_mm
        if apart[2] <= 0.3 * unit:
            return float("inf")
        sd = float(np.linalg.norm(SPEC.gap_sd[a:b]))
        far = np.linalg.norm(apart[1:]) / unit
        cost += 0.5 * min(((far - sum(SPEC.gaps[a:b])) / sd) ** 2, 50.0)
    return float(cost)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_cheapest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heights = sorted(rng.uniform(-160, 0, size=4), reverse=True)
    found = [
        Candidate("left", np.array([18.0, 30.0, z]), rng.dirichlet(np.ones(len(STATES))), 0.8)
        for z in heights
    ]
    assert name_levels(found, SEEN, SPEC).cost == pytest.approx(brute_force(found))
