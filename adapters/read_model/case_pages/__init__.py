"""What the page of one case shows beside its row."""
