"""Invoices from CSV and Excel files: columns, rows, verdicts, bookings."""
