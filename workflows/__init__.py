"""What happens when: durable, deterministic, and readable as the policy it carries out."""
