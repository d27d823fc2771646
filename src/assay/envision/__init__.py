"""Phase 1: is it worth building, and what is promised?"""
