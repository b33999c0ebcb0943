"""The collection of one overdue invoice: its commands, promises, escalations, disputes, and its case."""
