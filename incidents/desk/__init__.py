"""What customers read, on the review desk: whoever words it for them, of this house or of another,
needs no console for it."""
