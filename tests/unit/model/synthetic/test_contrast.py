import numpy as np
import pytest

from model.synthetic.contrast import FAT, GRAIN, KINDS, WATER, Kind, Priors, Timing, table
from model.synthetic.relaxation import RELAXATION
from model.synthetic.tissue import Tissue


def signals(kind: Kind, count: int = 200) -> np.ndarray:
    """Give (draws, 256) relative to subcutaneous fat."""
    rows = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        made = table(rng, kind, Timing.sample(rng, kind))
        rows.append(made[:, WATER] + made[:, FAT])
    found = np.array(rows)
    return found / found[:, [Tissue.SUBCUTANEOUS_FAT]]


def test_every_tissue_has_values() -> None:
    assert set(RELAXATION) == set(Tissue)


def test_kinds_come_in_the_shares_of_the_priors() -> None:
    rng = np.random.default_rng(1)
    drawn = [Priors().draw(rng) for _ in range(4000)]
    shares = [drawn.count(kind) / len(drawn) for kind in KINDS]
    np.testing.assert_allclose(shares, [0.45, 0.20, 0.35], atol=0.03)


@pytest.mark.parametrize("weights", [(0, 0, 0), (-1, 1, 1)])
def test_weights_that_mean_nothing_are_refused(weights: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="expected none below 0"):
        Priors(*weights)


@pytest.mark.parametrize("kind", KINDS)
def test_tables_are_finite_and_not_negative(kind: Kind) -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        made = table(rng, kind, Timing.sample(rng, kind))
        assert made.shape == (256, 4)
        assert np.isfinite(made).all()
        assert made[:, : GRAIN + 1].min() >= 0


def test_t1_has_the_order_of_real_t1() -> None:
    middle = dict(zip(Tissue, np.median(signals("T1"), axis=0)[list(Tissue)], strict=True))
    order = (
        Tissue.FORAMINAL_FAT,
        Tissue.MARROW,
        Tissue.MUSCLE,
        Tissue.CSF,
        Tissue.LONGITUDINAL_LIGAMENT,
        Tissue.AIR,
    )
    values = [middle[tissue] for tissue in order]
    assert values == sorted(values, reverse=True)
    assert middle[Tissue.NERVE_ROOT] < 0.5
    assert middle[Tissue.CORTICAL_BONE] < 0.2


@pytest.mark.parametrize(
    ("tissue", "real"),
    [
        (Tissue.MARROW, 0.55),
        (Tissue.NUCLEUS_DEGENERATE, 0.37),
        (Tissue.CSF, 0.27),
        (Tissue.MUSCLE, 0.37),
    ],
)
def test_what_was_measured_on_a_real_t1_lies_inside_the_spread(tissue: Tissue, real: float) -> None:
    low, high = np.quantile(signals("T1")[:, tissue], [0.1, 0.9])
    assert low < real < high


def test_t2_shows_fluid_bright_and_muscle_dark() -> None:
    middle = np.median(signals("T2"), axis=0)
    assert middle[Tissue.CSF] > 1.0
    assert middle[Tissue.NUCLEUS] > middle[Tissue.NUCLEUS_DEGENERATE] > middle[Tissue.ANNULUS]
    assert middle[Tissue.MUSCLE] < 0.4


def test_free_contrasts_put_fat_above_and_below_marrow() -> None:
    found = signals("free")[:, Tissue.MARROW]
    assert 0.2 < (found > 1).mean() < 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_marrow_goes_on_from_the_body_into_the_pedicle(kind: Kind) -> None:
    found = signals(kind)
    share = found[:, Tissue.MARROW_POSTERIOR] / np.maximum(found[:, Tissue.MARROW], 1e-9)
    np.testing.assert_allclose(share, 1.0, atol=0.1)
