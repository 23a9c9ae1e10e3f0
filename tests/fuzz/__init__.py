"""Damaged files for every reader, made from a seed, and for each reader an oracle that knows what must not be lost.

`mutation` damages, `case` runs one file and judges it, the other modules make the files of one reader each. They are run
by `scripts/fuzz.py`; inputs that once failed are tests in `test_regressions`.
"""
