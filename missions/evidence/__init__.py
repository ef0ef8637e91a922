"""Evidence of missions: where it is kept, how the tree of it looks, how a bundle is made of it, and
what of it may leave the house."""
