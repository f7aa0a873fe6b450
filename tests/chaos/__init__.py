"""Real processes, killed at random moments under load: what was answered 200 reaches every vendor."""
