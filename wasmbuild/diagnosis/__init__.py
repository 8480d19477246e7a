"""What Wasmtime says when it refuses something, and what that means: one table, whose rows the rooms put in words."""
