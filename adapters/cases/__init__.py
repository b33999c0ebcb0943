"""The database's side of a case: its stored state, its journal entries, and the input of its workflow."""
