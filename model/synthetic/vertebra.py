"""One vertebra above the sacrum: body and arch as one bone with a cortical shell."""

import numpy as np

from model.synthetic import arch, body
from model.synthetic.body import Body
from model.synthetic.canvas import Canvas, Window
from model.synthetic.noise import FloatGrid
from model.synthetic.segment import Facet
from model.synthetic.solid import Field
from model.synthetic.spine import Vertebra
from model.synthetic.tissue import Tissue
from model.synthetic.traits import Traits

_SHELL_MM = 0.75
_ARCH_SHELL_MM = 1.3


def paint(
    canvas: Canvas,
    vertebra: Vertebra,
    joints: tuple[tuple[Facet, Facet] | None, tuple[Facet, Facet]],
    traits: Traits,
    rng: np.random.Generator,
) -> None:
    """Paint the vertebra over whatever is there.

    Args:
        canvas: to paint on.
        vertebra: where and how large.
        joints: facet joints (above, below).
        traits: of the person.
        rng: for what the traits do not say.
    """
    size = vertebra.size
    half = 0.5 * size.height
    back = size.half_depth + size.canal_depth + size.spinous_length
    reach = size.transverse_reach + 4.0
    field = Field.open(
        canvas,
        vertebra.frame,
        (-reach, -size.half_depth - 9.0, -half - 28.0),
        (reach, back + 3.0, half + 17.0),
    )
    if field.value.size == 0:
        return
    shape = _body(vertebra, traits, rng)
    wide, deep, high = shape.reach()
    place, part = field.part((-wide, -deep, -high), (wide, deep, high))
    field.join(part, shape.distance(place), 0.0)
    arch.add(field, vertebra, joints[0], joints[1], traits)
    _roughen(field, vertebra.number)
    _paint_bone(field, size.half_depth + 1.0)
    index = vertebra.number - 1
    inner, cut = _inside(field, part)
    modic = (traits.modic[index + 1] if index + 1 < len(traits.modic) else 0, traits.modic[index])
    body.paint_inside(inner, shape, cut, modic, traits.wedge[index] > 0.15 and rng.random() < 0.5)


def _body(vertebra: Vertebra, traits: Traits, rng: np.random.Generator) -> Body:
    index, size = vertebra.number - 1, vertebra.size
    above = traits.osteophyte_mm[min(index + 1, len(traits.osteophyte_mm) - 1)]
    return Body(
        size=size,
        concavity_mm=traits.concavity_mm[index],
        node=(
            float(rng.normal(0.0, 0.3 * size.half_width)),
            float(rng.normal(0.0, 0.3 * size.half_depth)),
            traits.schmorl_mm[index],
            float(rng.choice([-1.0, 1.0])),
        ),
        spur_mm=(above, traits.osteophyte_mm[index]),
        phase=float(rng.normal(-np.pi / 2, 0.7)),
    )


def _roughen(field: Field, key: int) -> None:
    window = field.window
    near = np.abs(field.value) < 4
    bumps = 0.45 * window.rough(window.noise.MEDIUM_MM, key)
    bumps = bumps + 0.22 * window.rough(window.noise.FINE_MM, key + 20)
    field.value[near] += bumps[near]


def _paint_bone(field: Field, body_back: float) -> None:
    window, value = field.window, field.value
    window.fill(value < 0, Tissue.CORTICAL_BONE)
    thicker = np.clip((window.v - body_back) / 6.0, 0, 1) * (_ARCH_SHELL_MM - _SHELL_MM)
    inner = value < -_SHELL_MM - thicker
    window.fill(inner & (window.v < body_back), Tissue.MARROW)
    window.fill(inner & (window.v >= body_back), Tissue.MARROW_POSTERIOR)


def _inside(field: Field, part: tuple[slice, ...]) -> tuple[Window, FloatGrid]:
    return field.window.part(part), field.value[part]
