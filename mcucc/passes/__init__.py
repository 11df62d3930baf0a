"""Graph to Graph transforms, one a file."""
