"""The state store: what was delivered, checked, decided and sent."""

from include.stockwatch.adapters.state.store import State

__all__ = ["State"]
