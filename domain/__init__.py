"""The business rules of collecting overdue invoices: pure, without I/O and without a clock of their own."""
