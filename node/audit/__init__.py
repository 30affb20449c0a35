"""Audit: what was done, as DICOM Audit Messages (PS3.15 section A.5) to a collector by syslog."""
