"""Claims of Dzekman (2024): what the right prior buys with few data, and what is left of it with many."""
