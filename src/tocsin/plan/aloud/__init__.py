"""A plan read aloud, part by part."""
