"""Receiving: what stands between a scanner's connection and the bytes on the disk.

`node.scp` listens; everything it is made of is here. `docs/explanation/receiving.md` tells how the
parts work together.
"""
