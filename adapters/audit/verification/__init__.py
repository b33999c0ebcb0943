"""The verification that what is stored has not been changed since it was written."""
