"""Calls by which billing systems say that something may have changed: proven, kept, counted, and read again."""
