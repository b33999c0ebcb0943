"""The invented portfolio that a first start can play, and the invented staff that works it by a script."""
