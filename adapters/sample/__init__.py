"""The invented portfolio that a first start can play."""
