"""A dispute over an invoice: who must resolve it by when, and what each resolution does."""
