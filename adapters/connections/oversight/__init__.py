"""What is seen to after a reading: systems that refuse to be read, and invoices that are missing there."""
