"""How bright each tissue is: T1- and T2-weighted priors, or a free mixture.

Networks trained on physically plausible contrasts alone learn the prior, those trained on free
Gaussian mixtures alone (Billot et al., SynthSeg) never see it; a share of each serves both.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from model.synthetic import relaxation
from model.synthetic.relaxation import RELAXATION
from model.synthetic.tissue import Tissue

Kind = Literal["T1", "T2", "free"]
Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.float32]

KINDS: Final[tuple[Kind, ...]] = ("T1", "T2", "free")
WATER, FAT, GRAIN, STREAK = range(4)  # columns of a table

_TISSUES: Final = tuple(Tissue)
_VALUES: Final = np.array([int(tissue) for tissue in _TISSUES])
_MARROWS: Final = (
    Tissue.MARROW,
    Tissue.MARROW_POSTERIOR,
    Tissue.MARROW_SACRUM,
    Tissue.ILIAC_MARROW,
    Tissue.RIB,
)
_GRAINY: Final = (*_MARROWS, Tissue.MODIC_1, Tissue.MODIC_2, Tissue.MARROW_FRACTURE)
_MUSCLES: Final = (Tissue.MUSCLE, Tissue.QUADRATUS, Tissue.PSOAS, Tissue.ABDOMINAL_WALL)
_FLOWING: Final = (Tissue.AORTA, Tissue.VENA_CAVA, Tissue.VESSEL)
_EMPTY: Final = (Tissue.AIR, Tissue.BOWEL_GAS, Tissue.METAL)
_UNEVEN: Final = (Tissue.BOWEL_CONTENT, Tissue.VISCERAL_FAT, Tissue.PELVIC_ORGAN, Tissue.STOMACH)


@dataclass(frozen=True, slots=True)
class Priors:
    """How often each kind of contrast is drawn; the weights need not sum to 1."""

    t1: float = 0.45
    t2: float = 0.20
    free: float = 0.35

    def __post_init__(self) -> None:
        weights = (self.t1, self.t2, self.free)
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(f"weights {weights}: expected none below 0 and one above")

    def draw(self, rng: np.random.Generator) -> Kind:
        """Draw a kind of contrast."""
        weights = np.array([self.t1, self.t2, self.free])
        return KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]


@dataclass(frozen=True, slots=True)
class Timing:
    """Of a spin echo, ms, and the field, T."""

    tr_ms: float
    te_ms: float
    field_t: float

    @classmethod
    def sample(cls, rng: np.random.Generator, kind: Kind) -> "Timing":
        """Draw what lumbar protocols use for a kind of contrast."""
        field_t = 1.5 if rng.random() < 0.6 else 3.0
        if kind == "T2":
            return cls(rng.uniform(2600, 4800), rng.uniform(75, 125), field_t)
        return cls(rng.uniform(420, 720), rng.uniform(7, 14), field_t)


@dataclass(frozen=True, slots=True)
class _Body:
    """Relaxation of one person's tissues, each (tissues,) in the order of `Tissue`."""

    t1_ms: Floats
    t2_ms: Floats
    density: Floats
    fat: Floats
    fat_t1_ms: float
    fat_t2_ms: float


def table(rng: np.random.Generator, kind: Kind, timing: Timing) -> Table:
    """Draw the look of every label: float32 (256, 4).

    Columns: signal of water, signal of fat (which chemical shift displaces), relative strength of
    grain (marrow) and of streaks (muscle). Signals are near 0..1 and never negative; labels that
    name no tissue are dark.
    """
    body = _body(rng, timing.field_t)
    if kind == "free":
        water, fat = _free(rng, body)
    else:
        water, fat = _spin_echo(body, timing)
        spread = np.exp(rng.normal(0.0, 0.09, len(_TISSUES)))
        water, fat = water * spread, fat * spread
        _flow(rng, water, kind)
    _tie_marrows(rng, water, fat)
    result = np.zeros((256, 4), dtype=np.float32)
    result[_VALUES, WATER], result[_VALUES, FAT] = water, fat
    _texture(rng, result)
    return result


def _rows(tissues: Iterable[Tissue]) -> list[int]:
    return [_TISSUES.index(tissue) for tissue in tissues]


def _body(rng: np.random.Generator, field_t: float) -> _Body:
    strong = field_t > 2
    values = [RELAXATION[tissue] for tissue in _TISSUES]
    count = len(values)
    fat = np.array([one.fat for one in values])
    fat = fat + rng.normal(size=count) * [one.fat_spread for one in values]
    fat[_rows(_MARROWS)] += rng.uniform(-0.20, 0.20)  # marrow turns to fat with age, everywhere
    return _Body(
        t1_ms=_spread(rng, [one.t1_ms[strong] for one in values], relaxation.T1_SPREAD),
        t2_ms=_spread(rng, [one.t2_ms for one in values], relaxation.T2_SPREAD),
        density=_spread(rng, [one.density for one in values], relaxation.DENSITY_SPREAD),
        fat=np.clip(fat, 0.0, 0.98),
        fat_t1_ms=float(_spread(rng, [relaxation.FAT_T1_MS[strong]], 0.06)[0]),
        fat_t2_ms=float(_spread(rng, [relaxation.FAT_T2_MS], 0.10)[0]),
    )


def _spread(rng: np.random.Generator, centres: list[float], relative: float) -> Floats:
    return np.asarray(centres) * np.exp(rng.normal(0.0, relative, len(centres)))


def _spin_echo(body: _Body, timing: Timing) -> tuple[Floats, Floats]:
    """Apply PD (1 - exp(-TR/T1)) exp(-TE/T2) to water and to fat."""
    tr_ms, te_ms = timing.tr_ms, timing.te_ms
    water = (1 - np.exp(-tr_ms / body.t1_ms)) * np.exp(-te_ms / body.t2_ms)
    fat = (1 - np.exp(-tr_ms / body.fat_t1_ms)) * np.exp(-te_ms / body.fat_t2_ms)
    return body.density * (1 - body.fat) * water, body.density * body.fat * fat


def _inversion_recovery(rng: np.random.Generator, body: _Body) -> tuple[Floats, Floats]:
    """Null fat by its T1 (STIR): |1 - 2 exp(-TI/T1) + exp(-TR/T1)| exp(-TE/T2)."""
    tr_ms, te_ms = rng.uniform(2800, 5000), rng.uniform(30, 90)
    ti_ms = np.log(2) * body.fat_t1_ms * rng.uniform(0.85, 1.1)

    def signal(t1_ms: Floats, t2_ms: Floats) -> Floats:
        recovered = 1 - 2 * np.exp(-ti_ms / t1_ms) + np.exp(-tr_ms / t1_ms)
        return np.asarray(np.abs(recovered) * np.exp(-te_ms / t2_ms))

    fat = signal(np.array(body.fat_t1_ms), np.array(body.fat_t2_ms))
    water = signal(body.t1_ms, body.t2_ms)
    return body.density * (1 - body.fat) * water, body.density * body.fat * fat


def _gradient_echo(rng: np.random.Generator, body: _Body) -> tuple[Floats, Floats]:
    """Spoil a gradient echo; trabeculae shorten T2* of marrow, phases of fat may oppose."""
    tr_ms, te_ms, angle = rng.uniform(8, 400), rng.uniform(2, 18), np.deg2rad(rng.uniform(8, 60))
    t2_star_ms = 1 / (1 / body.t2_ms + 1 / rng.uniform(20, 60))
    t2_star_ms[_rows(_GRAINY)] = rng.uniform(5, 18)

    def signal(t1_ms: Floats, decay_ms: Floats) -> Floats:
        left = np.exp(-tr_ms / t1_ms)
        steady = np.sin(angle) * (1 - left) / (1 - np.cos(angle) * left)
        return np.asarray(steady * np.exp(-te_ms / decay_ms))

    water = body.density * (1 - body.fat) * signal(body.t1_ms, t2_star_ms)
    fat = body.density * body.fat * signal(np.array(body.fat_t1_ms), t2_star_ms)
    if rng.random() < 0.4:
        return np.abs(water - fat), np.zeros_like(fat)
    return water, fat


def _free(rng: np.random.Generator, body: _Body) -> tuple[Floats, Floats]:
    way = rng.random()
    if way < 0.15:
        return _scaled(*_inversion_recovery(rng, body))
    if way < 0.35:
        return _scaled(*_gradient_echo(rng, body))
    count = len(_TISSUES)
    mean = rng.uniform(0.02, 1.0, count)
    if rng.random() < 0.5:  # tissues that look alike on some real contrast
        classes = rng.integers(0, int(rng.integers(6, 20)), count)
        mean = mean[classes] + rng.normal(0.0, 0.03, count)
    mean = np.clip(mean, 0.01, 1.0)
    if rng.random() < 0.85:
        mean[_rows(_EMPTY)] = 0.0
    return mean * (1 - body.fat), mean * body.fat


def _scaled(water: Floats, fat: Floats) -> tuple[Floats, Floats]:
    top = max(float(np.quantile(water + fat, 0.95)), 1e-6)
    return water / top, fat / top


def _tie_marrows(rng: np.random.Generator, water: Floats, fat: Floats) -> None:
    """Make all marrow alike: a pedicle goes on from its body without an edge."""
    first, *others = _rows(_MARROWS)
    share = np.exp(rng.normal(0.0, 0.02, len(others)))
    water[others], fat[others] = water[first] * share, fat[first] * share


def _flow(rng: np.random.Generator, water: Floats, kind: Kind) -> None:
    """Empty vessels of signal as flow does in a spin echo; let slow flow keep some."""
    for row in _rows(_FLOWING):
        water[row] *= rng.uniform(0.1, 0.6) if rng.random() < 0.8 else rng.uniform(0.6, 1.2)
    for row in _rows((Tissue.VENA_CAVA,)):  # veins flow slowly
        water[row] *= rng.uniform(1.0, 2.5)
    for row in _rows((Tissue.CSF,)):  # in T1 the sac is brightened by roots that no map resolves
        water[row] *= rng.uniform(0.8, 1.05) if kind == "T2" else rng.uniform(0.85, 1.25)


def _texture(rng: np.random.Generator, result: Table) -> None:
    """Set relative strengths: an even floor, grain of marrow, streaks of fat in muscle."""
    result[_VALUES, GRAIN] = rng.uniform(0.01, 0.06, len(_VALUES))
    result[_rows_of(_GRAINY), GRAIN] = rng.uniform(0.02, 0.07)
    result[_rows_of(_UNEVEN), GRAIN] = rng.uniform(0.02, 0.10, len(_UNEVEN))
    result[Tissue.VISCERAL_FAT, GRAIN] = rng.uniform(0.02, 0.04)
    result[Tissue.MUSCLE_FAT, GRAIN] = rng.uniform(0.05, 0.15)
    signal = result[:, WATER] + result[:, FAT]
    muscles = _rows_of(_MUSCLES)
    pure = np.maximum(signal[muscles], 0.02)
    excess = (signal[Tissue.SUBCUTANEOUS_FAT] - pure) / pure
    result[muscles, STREAK] = np.clip(rng.uniform(0.01, 0.10) * excess, -0.2, 0.3)
    result[Tissue.CSF, STREAK] = rng.uniform(-0.25, 0.05)  # pulsation takes signal away


def _rows_of(tissues: Iterable[Tissue]) -> list[int]:
    return [int(tissue) for tissue in tissues]
