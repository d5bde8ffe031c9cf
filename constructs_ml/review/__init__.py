"""What a change does when it is deployed, told before it is."""
