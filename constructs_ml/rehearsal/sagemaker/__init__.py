"""SageMaker in the embedded account: its resources, and what each of them does."""
