"""What all requests share: sign-in, permissions, idempotency, problems, pagination."""
