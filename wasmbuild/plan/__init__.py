"""What has to be made of a declaration: a graph of steps, for builds of our own and for other programs."""
