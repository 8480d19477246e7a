"""What people see while something is built or verified."""
