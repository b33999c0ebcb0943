"""What workflows ask of the outside world."""
