"""Stockwatch: stock availability, lost-customer risk and alerts from partners' inventory feeds."""
