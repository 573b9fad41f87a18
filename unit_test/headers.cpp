// A program that does nothing: the target it belongs to holds the precompiled headers of all unit tests.
int main() {}
