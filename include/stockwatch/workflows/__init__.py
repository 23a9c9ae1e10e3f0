"""Use cases: each takes the services it works with and returns what it did.

landing -> ingest -> gate -> check -> delivery; `replay` does the same over history without touching anything.
"""
