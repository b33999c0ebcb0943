"""When a customer may be contacted, what a contact asks for, and what can become of a letter."""
