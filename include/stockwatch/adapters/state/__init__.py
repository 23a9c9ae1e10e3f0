"""The state store: what was delivered, checked, decided and sent. SQLite by default, PostgreSQL in production."""

from include.stockwatch.adapters.state.store import State

__all__ = ["State"]
