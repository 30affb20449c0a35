"""Marks that people set on the foramina of a series: their file, their sources, their agreement.

Several marks may lie on one foramen, on different slices (thesis section 5.3). This package needs
no TensorFlow.
"""

from model.annotation.record import SCHEMA, Annotation, Mark, read, write

__all__ = ["SCHEMA", "Annotation", "Mark", "read", "write"]
