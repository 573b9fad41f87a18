"""Names inside programs. "@q1" is a name of this run of the program (fresh for each run), "$s1" one the broker made;
everything else ("amq.direct", "") stands for itself. In traces the names of both brokers read as in the program."""


class Names:
    def __init__(self, prefix):
        self.prefix = prefix
        self.made = {}     # "$s1": what the broker generated last under that name
        self.symbols = {}  # the opposite, of all it ever generated

    def note_made(self, symbol, name):
        self.made[symbol], self.symbols[name] = name, symbol

    def real(self, value):
        """The name on the wire. Lists, field pairs and tables are searched through."""
        if isinstance(value, str):
            if value.startswith("@"):
                return self.prefix + value[1:]
            return self.made.get(value, value)
        if isinstance(value, dict):
            return {name: self.real(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.real(item) for item in value)
        return value

    def shown(self, value):
        """The opposite, also within texts."""
        if isinstance(value, str):
            for name, symbol in self.symbols.items():
                value = value.replace(name, symbol)
            return value.replace(self.prefix, "@")
        if isinstance(value, dict):
            return {self.shown(name): self.shown(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.shown(item) for item in value]
        if isinstance(value, bytes):
            return self.shown(value.decode("latin-1"))
        return value
