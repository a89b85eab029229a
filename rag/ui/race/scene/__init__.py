"""A scene as it can be played: what each moment shows, in words and pictures, and every moment that there is."""
