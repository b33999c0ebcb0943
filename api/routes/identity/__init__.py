"""The routes of users: who may sign in, as what, with which tokens, and where they are signed in."""
