"""What every kind of gallery must do."""
