"""The posterior arch: pedicles, articular processes, laminae, spinous and transverse processes."""

from dataclasses import replace

import numpy as np

from model.affine import FloatArray
from model.synthetic.frame import Frame
from model.synthetic.segment import SIDES, Facet
from model.synthetic.solid import Bar, Field, intersect, plane
from model.synthetic.spine import Size, Vertebra
from model.synthetic.traits import Traits

Place3 = tuple[float, float, float]

JOINT_MM = 1.7  # width of the joint space with both cartilages


def pedicle_middle(vertebra: Vertebra, side: int, traits: Traits) -> Place3:
    """Give the middle of a pedicle, local mm; the two differ as the traits say."""
    size = vertebra.size
    back, high = traits.uneven_mm[vertebra.number - 1]
    return (
        side * size.pedicle_centre,
        size.half_depth + 4.0 + 0.5 * side * back,
        size.pedicle_rise + 0.5 * side * high,
    )


def add(
    field: Field,
    vertebra: Vertebra,
    above: tuple[Facet, Facet] | None,
    below: tuple[Facet, Facet],
    traits: Traits,
) -> None:
    """Join the arch to the field of a vertebra.

    Args:
        field: holds the body already; in the vertebra's frame.
        vertebra: whose arch it is.
        above: joints with the vertebra above, None at the top of the map.
        below: joints with the vertebra below.
        traits: of the person.
    """
    for side, facet in zip(SIDES, below, strict=True):
        middle = pedicle_middle(vertebra, side, traits)
        _pedicle(field, vertebra.size, middle)
        _pars(field, vertebra, middle, facet, traits)
        _transverse(field, vertebra, middle, side)
        if above is not None:
            root = (middle[0] + 0.05 * side, middle[1] + 5.0, middle[2] - 0.5)
            add_superior(field, vertebra.frame, root, above[0 if side > 0 else 1], traits)
    _spinous(field, vertebra)


def _pedicle(field: Field, size: Size, middle: Place3) -> None:
    u, v, w = middle
    high, wide = size.pedicle_half_height, size.pedicle_half_width
    bar = Bar(
        (u * 0.93, v - 7.0, w + 0.5),
        (u * 1.02, v + 6.0, w - 1.0),
        (high * 1.08, high * 0.95),
        (wide * 1.15, wide * 1.05),
    )
    field.add(bar, 2.2)


def _pars(
    field: Field,
    vertebra: Vertebra,
    middle: Place3,
    facet: Facet,
    traits: Traits,
) -> None:
    """Join pars, lamina and inferior articular process of one side."""
    size, side = vertebra.size, facet.side
    joint = vertebra.frame.to_local(facet.frame.origin_mm)
    grown = traits.scale * traits.breadth
    back = size.half_depth + size.canal_depth
    knee = (0.5 * (middle[0] + joint[0]), middle[1] + 9.5 * grown, -0.22 * size.height)
    top = (middle[0], middle[1] + 5.5 * grown, middle[2] - 1.0)
    hinge = (side * max(5.0, abs(joint[0]) - 6.5), back - 1.5, -0.40 * size.height)
    seam = (0.0, back + 2.5, -0.36 * size.height)
    tip_mm = [(4.2 + 0.8 * facet.growth) * grown, 0.0, -6.0 * grown]
    tip = vertebra.frame.to_local(facet.frame.to_patient(tip_mm))
    across = (side * 0.6, 0.0, 0.0)
    field.add(_scaled(Bar(top, knee, (6.0, 6.0), (4.6, 3.7), across), grown), 2.5)
    field.add(_scaled(Bar(knee, hinge, (7.0, 8.0), (3.4, 3.1)), grown), 2.0)
    field.add(_scaled(Bar(hinge, seam, (7.8, 8.2), (2.7, 2.9)), grown), 2.0)
    _process(field, vertebra.frame, (knee, tip), facet, grown)


def _scaled(bar: Bar, grown: float) -> Bar:
    """Thicken a rod; its ends stay."""
    return replace(
        bar,
        upright=(bar.upright[0] * grown, bar.upright[1] * grown),
        broad=(bar.broad[0] * grown, bar.broad[1] * grown),
    )


def add_superior(field: Field, frame: Frame, root: Place3, facet: Facet, traits: Traits) -> None:
    """Join a superior articular process: from its root up to the joint above."""
    grown = traits.scale * traits.breadth
    tip_mm = [(-4.2 - 1.0 * facet.growth) * grown, 0.0, 6.0 * grown]
    tip = frame.to_local(facet.frame.to_patient(tip_mm))
    _process(field, frame, (root, tip), facet, -grown)


def _process(
    field: Field, frame: Frame, line: tuple[Place3, FloatArray], facet: Facet, signed: float
) -> None:
    """Join an articular process, cut flat where the joint is.

    Args:
        field: of its vertebra.
        frame: of its vertebra.
        line: where it leaves the arch and where it ends, local mm.
        facet: its joint.
        signed: scale of its thickness, negative for the superior process.
    """
    normal = facet.frame.axes[0] @ frame.axes.T
    (root, tip), sign, grown = line, np.sign(signed), abs(signed)
    bar = Bar(
        root,
        (float(tip[0]), float(tip[1]), float(tip[2])),
        (4.6 * grown, (4.3 + 1.4 * facet.growth) * grown),
        (6.0 * grown, (6.8 + 1.2 * facet.growth) * grown),
        (float(normal[0]), float(normal[1]), float(normal[2])),
    )
    place, part = field.part(*bar.box(2.0))
    joint = frame.to_local(facet.frame.origin_mm) + sign * normal * JOINT_MM / 2
    solid = intersect(bar.distance(place), -sign * plane(place, joint, normal), 0.6)
    field.join(part, solid, 1.8)


def _spinous(field: Field, vertebra: Vertebra) -> None:
    """Join the spinous process: a plate, hatchet-shaped in the lumbar spine, steep above."""
    size = vertebra.size
    back = size.half_depth + size.canal_depth
    drop = 0.52 if not vertebra.ribs else 0.75 + 0.13 * min(vertebra.number - 5, 4)
    tip = back + size.spinous_length * (0.97 if not vertebra.ribs else 0.8)
    high = 0.30 * size.height if vertebra.ribs else 0.36 * size.height
    low_w = -drop * size.height
    field.add(
        Bar(
            (0.0, back + 3.0, -0.42 * size.height),
            (0.0, tip - high * 0.8, low_w),
            (high * 0.95, high * 1.1),
            (3.7, 4.8),
        ),
        2.5,
    )
    field.add(
        Bar(
            (0.0, tip - high * 0.7, low_w + 0.35 * high),
            (0.0, tip - high * 0.75, low_w - 0.5 * high),
            (4.8, 4.8),
            (5.2, 5.6),
            (0.0, 1.0, 0.0),
        ),
        2.0,
    )


def _transverse(field: Field, vertebra: Vertebra, middle: Place3, side: int) -> None:
    reach, size = vertebra.size.transverse_reach, vertebra.size
    rise = 6.0 if vertebra.ribs else 1.5
    behind = 12.0 if vertebra.ribs else 5.0
    stout = 2.1 if reach > 52 * size.half_width / 25 else 1.0
    start = (middle[0], middle[1] + 5.0, middle[2] - 2.0)
    end = (side * reach, middle[1] + behind, middle[2] + rise - 2.0)
    field.add(Bar(start, end, (5.0 * stout, 3.8 * stout), (3.2 * stout, 2.4 * stout)), 2.0)
