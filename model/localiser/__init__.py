"""The two-stage localiser: a coarse network names levels, a fine one finds the foramen's centre.

The coarse network sees the whole volume at low resolution; `chain` turns its answer into a strict
order of levels; the fine network looks at a crop around each. The proposal is the thesis's own
(section 8.2).
"""
