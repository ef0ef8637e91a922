"""Missions on the review desk: asked for, followed, judged by those they are done for."""
