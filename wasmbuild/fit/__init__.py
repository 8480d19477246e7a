"""Finding the engine settings of a program that nobody knows, by letting it load artifacts until it does."""
