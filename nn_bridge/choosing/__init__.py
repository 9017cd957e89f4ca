"""Which approximation each activation gets: by name, by histogram, by budget."""
