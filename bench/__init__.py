"""The project's own measurements. Absolute figures are this machine's; quote the ratios."""
