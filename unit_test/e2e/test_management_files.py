"""The files of the management pages themselves, without a browser: modules that import each other in no circle, and colours
whose texts can be read (WCAG 2.1: 1.4.3, 1.4.11)."""
import os
import re
import unittest

from harness.options import options

FOLDER = os.path.join(options.repository, "apps/server/management/ui")

TEXTS = {"text", "quiet", "accent", "good", "warn", "bad"}
SURFACES = {"page", "card", "raised", "tint", "hover", "bad-tint", "warn-tint"}
REVERSED = {("on-accent", "accent"), ("page", "text"), ("card", "bad")}  # (text, background): buttons, marks, notices
LINES = {"c0", "c1", "c2", "c3"}  # of charts
TEXT_CONTRAST, GRAPHICS_CONTRAST = 4.5, 3.0


def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def circles(imports):
    """One list of modules for each circle that a walk through {module: what it imports} runs into."""
    found, done = [], set()

    def walk(module, way):
        if module in way:
            found.append([*way[way.index(module):], module])
        elif module not in done:
            for each in imports.get(module, ()):
                walk(each, [*way, module])
            done.add(module)

    for module in imports:
        walk(module, [])
    return found


def palettes(style):
    """[{variable: colour}] of every :root rule."""
    return [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]+)\s*[;}]", rule)) for rule in re.findall(r":root[^{]*\{([^}]*)\}", style)]


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:4])
    parts = [int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def unreadable(palette):
    """(text, background, contrast) of what has too little."""
    pairs = [(text, surface, TEXT_CONTRAST) for text in TEXTS for surface in SURFACES]
    pairs += [(text, surface, TEXT_CONTRAST) for text, surface in REVERSED] + [(line, "card", GRAPHICS_CONTRAST) for line in LINES]
    found = [(text, surface, least, contrast(palette[text], palette[surface])) for text, surface, least in pairs]
    return [(text, surface, round(has, 2)) for text, surface, least, has in found if has < least]


class ModulesTest(unittest.TestCase):
    def imports(self):
        modules = {name: re.findall(r'from "\./([\w.-]+)"', read(name)) for name in os.listdir(FOLDER) if name.endswith(".js")}
        self.assertGreater(len(modules), 10)
        return modules

    def test_no_module_imports_itself_by_way_of_others(self):
        self.assertEqual(circles(self.imports()), [])

    def test_every_module_is_there_and_reached_from_the_page(self):
        modules, reached, waiting = self.imports(), set(), re.findall(r'src="([\w.-]+\.js)"', read("index.html"))
        while waiting:
            one = waiting.pop()
            self.assertIn(one, modules)
            if one not in reached:
                reached.add(one)
                waiting += modules[one]
        self.assertEqual(reached, set(modules))

    def test_a_circle_would_be_found(self):
        self.assertEqual(circles({"a": ["b", "c"], "b": ["c"], "c": []}), [])
        self.assertEqual(circles({"a": ["b"], "b": ["c"], "c": ["b"]}), [["b", "c", "b"]])
        modules = self.imports()
        modules["dom.js"] = [*modules["dom.js"], "app.js"]
        self.assertTrue(circles(modules))


class ColoursTest(unittest.TestCase):
    def test_every_text_can_be_read_on_every_surface_in_light_and_dark(self):
        light, dark, dark_by_system = palettes(read("style.css"))
        self.assertEqual(dark, dark_by_system)
        self.assertLess(luminance(dark["page"]), luminance(light["page"]))
        self.assertEqual(unreadable(light), [])
        self.assertEqual(unreadable(dark), [])

    def test_every_colour_that_texts_have_is_looked_at(self):
        known = TEXTS | LINES | {text for text, _ in REVERSED}
        for name in ("style.css", "pages.css"):
            self.assertEqual(set(re.findall(r"[{;\s]color:\s*var\(--([\w-]+)\)", read(name))) - known, set(), name)
            self.assertEqual(re.findall(r"[{;\s]color:(?!\s*(?:var\(|inherit))[^;}]+", read(name)), [], f"{name}: a colour that is no variable")

    def test_a_text_that_cannot_be_read_would_be_found(self):
        self.assertAlmostEqual(contrast("#000", "#ffffff"), 21.0, 5)
        self.assertAlmostEqual(contrast("#777777", "#fff"), 4.48, 2)
        light = palettes(read("style.css"))[0]
        self.assertIn(("quiet", "card", 4.48), unreadable({**light, "quiet": "#777777"}))


if __name__ == "__main__":
    unittest.main()
