"""Incidents of stock: what a date makes of them, and what people and the clock do."""
