"""Agent threads: durable talk between agents, and what wakes those who sleep."""
