"""The human gate: who must sign a request, who may sign it, and when it lapses."""
