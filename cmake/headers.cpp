// Empty: the targets it belongs to hold the precompiled headers of all others.
