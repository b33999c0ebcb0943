"""E-mail: building messages, SMTP, and the local inbox."""
