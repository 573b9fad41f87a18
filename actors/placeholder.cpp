// Keeps the library of this layer non-empty until its first source.
