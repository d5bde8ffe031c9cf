"""Step Functions in the embedded account: moto's interpreter, with what it lacks put in its place."""
