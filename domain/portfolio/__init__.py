"""Who collects which accounts, and in which order a collector's work is done."""
