"""Program to readable C99, through the Jinja templates of templates/model."""
