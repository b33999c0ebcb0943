"""Doing one thing to many rows of a list: how many they are and what they come to, then how far it is, and what could not be done."""
