"""What varies between people: every parameter of the anatomy, drawn once and written down.

Per-level tuples are counted up from the sacrum: entry 0 belongs to the lowest disc (L5/S1), the
lowest vertebra (L5) or the lowest foramen; `LEVELS_ABOVE` entries reach up to T9.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

LEVELS_ABOVE: Final = 10

NO_TRANSITION: Final = "none"
LUMBARISED: Final = "lumbarised S1"
SACRALISED: Final = "sacralised L5"


@dataclass(frozen=True, slots=True)
class Traits:
    """One person's spine and trunk.

    Attributes:
        sex: "F" or "M".
        scale: length of the spine relative to the mean adult.
        breadth: width and depth of the vertebrae relative to `scale`.
        lumbar_count: vertebrae without ribs above the sacrum, 4, 5 or 6.
        transitional: "none", "lumbarised S1" or "sacralised L5".
        lordosis_deg: between the upper endplates of S1 and L1, 20..70.
        lordosis_high: how much more (positive) of it than usual lies above L5, -0.9..0.9.
        chord_tilt_deg: lean of the line through the foramina; negative runs forward to the feet.
        scoliosis_mm: sideways deviation of the lumbar curve's apex, -30..30; positive to the left.
        scoliosis_apex: level of the apex as a share of the way from S1 to T12.
        twist_deg: axial rotation at the apex.
        yaw_deg: axial turn of the whole spine on the table.
        roll_deg: coronal lean of the whole spine on the table.
        canal_scale: width of the spinal canal relative to the mean.
        disc_height: per disc, relative to a healthy one, 0.2..1.1.
        degeneration: per disc, 0 (bright nucleus) .. 1 (dark).
        bulge_mm: per disc, how far it stands back into the canal.
        slip_mm: per vertebra, forward (positive) or backward slip on the one below, to 10 mm.
        wedge: per vertebra, lost share of the front height (fracture), 0..0.5.
        crush: per vertebra, lost share of the whole height, 0..0.4.
        concavity_mm: per vertebra, depth of the endplates' dish.
        schmorl_mm: per vertebra, depth of a Schmorl node (0 for none).
        tilt_deg: per vertebra, own (pitch, roll, yaw) apart from the curve.
        uneven_mm: per vertebra, how much its left pedicle stands (back, higher) than its right one.
        facet_growth: per level (left, right), hypertrophy 0..1.
        narrowing: per level (left, right), foraminal stenosis grade after Lee 2010, 0..3.
        modic: per disc, 0, 1 or 2.
        osteophyte_mm: per disc, reach of the spurs at the rims.
        conus_level: number of the vertebra (counted up from the sacrum, fractions allowed) at whose
            middle the cord ends; 5 is L1.
        sac_end: sacral segment where the dural sac ends, 1.0 (top of S1) .. 3.0.
        epidural_fat: share of the usual fat, 0.6..1.6.
        fat_mm: subcutaneous fat behind the spine.
        belly_fat_mm: subcutaneous fat in front.
        trunk_depth_mm: from the front of L3 to the inside of the abdominal wall.
        muscle_fat: share of fat in the back muscles, 0..0.6.
        muscle_scale: size of the muscles.
        calcified: how wavy and wide the aorta is, 0..1.
    """

    sex: str
    scale: float
    breadth: float
    lumbar_count: int
    transitional: str
    lordosis_deg: float
    lordosis_high: float
    chord_tilt_deg: float
    scoliosis_mm: float
    scoliosis_apex: float
    twist_deg: float
    yaw_deg: float
    roll_deg: float
    canal_scale: float
    disc_height: tuple[float, ...]
    degeneration: tuple[float, ...]
    bulge_mm: tuple[float, ...]
    slip_mm: tuple[float, ...]
    wedge: tuple[float, ...]
    crush: tuple[float, ...]
    concavity_mm: tuple[float, ...]
    schmorl_mm: tuple[float, ...]
    tilt_deg: tuple[tuple[float, float, float], ...]
    uneven_mm: tuple[tuple[float, float], ...]
    facet_growth: tuple[tuple[float, float], ...]
    narrowing: tuple[tuple[int, int], ...]
    modic: tuple[int, ...]
    osteophyte_mm: tuple[float, ...]
    conus_level: float
    sac_end: float
    epidural_fat: float
    fat_mm: float
    belly_fat_mm: float
    trunk_depth_mm: float
    muscle_fat: float
    muscle_scale: float
    calcified: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Draw a person.

        Frequencies of degeneration follow age loosely: one number per person drives discs, facets,
        osteophytes and the fat of the muscles, so that they go together as in life.
        """
        wear = float(rng.beta(1.6, 1.8))
        woman = bool(rng.random() < 0.5)
        discs = _discs(rng, wear)
        return cls(
            sex="F" if woman else "M",
            scale=_normal(rng, 0.97 if woman else 1.04, 0.045, 0.84, 1.17),
            breadth=_normal(rng, 0.985 if woman else 1.015, 0.03, 0.88, 1.12),
            lumbar_count=int(rng.choice([4, 5, 6], p=[0.05, 0.85, 0.10])),
            transitional=str(
                rng.choice([NO_TRANSITION, LUMBARISED, SACRALISED], p=[0.90, 0.05, 0.05])
            ),
            lordosis_deg=_normal(rng, 51.0, 13.0, 20.0, 70.0),
            lordosis_high=_normal(rng, 0.0, 0.42, -0.9, 0.9),
            chord_tilt_deg=_normal(rng, -8.1, 4.7, -20.0, 4.0),
            scoliosis_mm=_scoliosis(rng),
            scoliosis_apex=float(rng.uniform(0.3, 0.75)),
            twist_deg=_normal(rng, 0.0, 1.5, -10.0, 10.0),
            yaw_deg=_normal(rng, 0.0, 3.2, -8.0, 8.0),
            roll_deg=_normal(rng, 0.0, 1.2, -5.0, 5.0),
            canal_scale=_normal(rng, 1.0, 0.07, 0.78, 1.2),
            **discs,
            **_bodies(rng),
            **_joints(rng, wear),
            conus_level=_normal(rng, 5.2, 0.7, 3.6, 6.8),
            sac_end=_normal(rng, 2.2, 0.35, 1.2, 3.2),
            epidural_fat=_normal(rng, 1.0, 0.2, 0.6, 1.6),
            fat_mm=float(np.clip(rng.lognormal(np.log(16.0), 0.5), 4.0, 55.0)),
            belly_fat_mm=float(np.clip(rng.lognormal(np.log(18.0), 0.5), 4.0, 60.0)),
            trunk_depth_mm=_normal(rng, 85.0, 20.0, 45.0, 135.0),
            muscle_fat=float(np.clip(0.05 + 0.35 * wear * rng.random() + 0.1 * woman, 0.0, 0.6)),
            muscle_scale=_normal(rng, 0.95 if woman else 1.08, 0.09, 0.75, 1.3),
            calcified=float(wear * rng.random()),
        )


def _normal(rng: np.random.Generator, mean: float, sd: float, least: float, most: float) -> float:
    return float(np.clip(rng.normal(mean, sd), least, most))


def _scoliosis(rng: np.random.Generator) -> float:
    """Draw the apex's deviation: mostly a few mm, rarely to 30."""
    size = rng.exponential(2.0) if rng.random() < 0.93 else rng.triangular(6.0, 8.0, 30.0)
    return float(np.clip(size, 0.0, 30.0) * rng.choice([-1.0, 1.0]))


def _discs(rng: np.random.Generator, wear: float) -> dict[str, Any]:
    """Draw the discs; the lower two wear most."""
    load = np.interp(np.arange(LEVELS_ABOVE), [0, 1, 2, 5, 9], [1.1, 1.15, 0.8, 0.5, 0.4])
    degeneration = np.clip(wear * load + rng.normal(0.0, 0.17, LEVELS_ABOVE), 0.0, 1.0)
    height = 1.02 + rng.normal(0.0, 0.09, LEVELS_ABOVE) - 0.3 * degeneration**2
    worn = rng.random(LEVELS_ABOVE) < 0.35 * np.clip(degeneration - 0.45, 0.0, 1.0)
    height = np.where(worn, rng.uniform(0.2, 0.6, LEVELS_ABOVE), height)
    bulge = np.clip(rng.gamma(2.0, 0.6, LEVELS_ABOVE) * (0.3 + degeneration), 0.0, 5.0)
    slip = np.where(
        rng.random(LEVELS_ABOVE) < [0.08, 0.10, 0.05, 0.03, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0],
        rng.uniform(2.0, 10.0, LEVELS_ABOVE) * np.where(rng.random(LEVELS_ABOVE) < 0.75, 1, -0.5),
        rng.normal(0.0, 0.5, LEVELS_ABOVE),
    )
    modic = np.where(
        rng.random(LEVELS_ABOVE) < 0.35 * np.clip(degeneration - 0.3, 0.0, 1.0),
        rng.integers(1, 3, LEVELS_ABOVE),
        0,
    )
    spurs = np.clip(rng.gamma(1.5, 1.6, LEVELS_ABOVE) * degeneration, 0.0, 9.0)
    return {
        "disc_height": _floats(np.clip(height, 0.2, 1.1)),
        "degeneration": _floats(degeneration),
        "bulge_mm": _floats(bulge),
        "slip_mm": _floats(np.clip(slip, -6.0, 10.0)),
        "modic": tuple(int(one) for one in modic),
        "osteophyte_mm": _floats(spurs),
    }


def _bodies(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the bodies' own shapes: fractures in few, tilt and irregular endplates in all."""
    broken = rng.random(LEVELS_ABOVE) < 0.03
    crushed = rng.random(LEVELS_ABOVE) < 0.012
    nodes = rng.random(LEVELS_ABOVE) < 0.08
    uneven = rng.normal(0.0, 2.8, (LEVELS_ABOVE, 2))
    tilt = rng.normal(0.0, 1.0, (LEVELS_ABOVE, 3)) * (1.3, 1.2, 0.9)
    return {
        "wedge": _floats(np.where(broken, rng.uniform(0.1, 0.5, LEVELS_ABOVE), 0.0)),
        "crush": _floats(np.where(crushed, rng.uniform(0.1, 0.4, LEVELS_ABOVE), 0.0)),
        "concavity_mm": _floats(np.clip(rng.normal(1.4, 0.5, LEVELS_ABOVE), 0.4, 4.0)),
        "schmorl_mm": _floats(np.where(nodes, rng.uniform(2.0, 6.0, LEVELS_ABOVE), 0.0)),
        "uneven_mm": tuple((float(a), float(b)) for a, b in uneven),
        "tilt_deg": tuple((float(a), float(b), float(c)) for a, b, c in tilt),
    }


def _joints(rng: np.random.Generator, wear: float) -> dict[str, Any]:
    """Draw facets and foramina; L5/S1 and L4/5 narrow most."""
    load = np.interp(np.arange(LEVELS_ABOVE), [0, 1, 2, 5, 9], [1.0, 1.0, 0.7, 0.4, 0.3])[:, None]
    growth = np.clip(wear * load + rng.normal(0.0, 0.2, (LEVELS_ABOVE, 2)), 0.0, 1.0)
    score = 1.3 * growth + rng.normal(0.0, 0.45, growth.shape)
    grades = np.digitize(score, [0.85, 1.25, 1.6])
    return {
        "facet_growth": tuple((float(a), float(b)) for a, b in growth),
        "narrowing": tuple((int(a), int(b)) for a, b in grades),
    }


def _floats(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(one) for one in values)
