"""The suspension of an account: warning, notice period, sign-off, suspension, reinstatement."""
