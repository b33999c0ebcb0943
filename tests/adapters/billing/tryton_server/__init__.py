"""A real Tryton server, in an environment of its own: prepare.py and serve.py run there, server.py here."""
