"""The DICOM network node: the only place that knows both the model and the storage."""

__version__ = "0.1.0"
