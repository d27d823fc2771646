"""Killing what writes, at random points, over and over: promises are counted afterwards."""
