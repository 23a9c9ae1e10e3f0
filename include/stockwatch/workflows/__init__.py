"""Use cases: each takes the services it works with and returns what it did.

feeds -> checks -> incidents and promises -> messages; `backtest` does the same over history without touching anything.
"""
