"""What AWS has and allows: data with its source and date, read when asked for."""
