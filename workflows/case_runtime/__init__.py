"""What the workflows of all cases share: sessions, effects, timers, search attributes, activity options."""
