"""What requests make happen: commands to cases, uploads, notes and tasks."""
