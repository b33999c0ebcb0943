"""The invented portfolio that a first start plays."""
