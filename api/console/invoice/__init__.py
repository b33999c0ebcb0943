"""The page of an invoice: its course as a picture, and its journal in three depths."""
