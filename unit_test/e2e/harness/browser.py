"""A headless Chromium that looks at the management pages, and what tests ask of it. Debian's chromium, chromium-driver and
python3-selenium; WARREN_SCREENSHOTS names a folder to keep pictures in."""
import os
import re
import shutil
import tempfile
import time

try:
    from selenium import webdriver
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = None

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
WAIT_S = 30


def available():
    return webdriver is not None and os.path.exists(CHROMIUM) and os.path.exists(DRIVER)


class Browser:
    """One window. Elements are found by CSS selector, or by the text they show."""

    def __init__(self, port, width=1360, height=900):
        self.base = f"http://127.0.0.1:{port}/"
        self.profile = tempfile.mkdtemp(prefix="warren-chromium-")
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-extensions",
                     "--force-color-profile=srgb", f"--user-data-dir={self.profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(30)
        self.seen = []  # of the console

    def close(self):
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    # -- going places -------------------------------------------------------------------------------------------------

    def open(self, place=""):
        """`place` is what stands behind the #."""
        self.driver.get(self.base + ("#/" + place if place else ""))

    def go(self, place):
        self.run("location.hash = arguments[0]", "#/" + place)

    def log_in(self, user="guest", password="guest"):
        self.open()
        self.type("input[name=username]", user)
        self.type("input[name=password]", password)
        self.click_text("Log in")

    # -- looking ------------------------------------------------------------------------------------------------------

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    @staticmethod
    def steadily(action):
        """Pages change while one points at them: what has gone is looked for again."""
        for _ in range(20):
            try:
                return action()
            except StaleElementReferenceException:
                time.sleep(0.05)
        raise AssertionError("the page does not keep still")

    def there(self, selector):
        return self.steadily(lambda: any(each.is_displayed() for each in self.all(selector)))

    def text(self, selector="body"):
        """What a reader sees."""
        return self.steadily(lambda: " ".join(each.text for each in self.all(selector)))

    def until(self, condition, what, timeout_s=WAIT_S):
        end = time.monotonic() + timeout_s
        while True:
            try:
                found = condition()
                if found:
                    return found
            except (NoSuchElementException, StaleElementReferenceException):
                pass
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout_s} s: {what}\n{self.text('main')[:2000]}\n{self.console()}")
            time.sleep(0.05)

    def sees(self, text, selector="body", timeout_s=WAIT_S):
        self.until(lambda: text in self.text(selector), f"{text!r} in {selector}", timeout_s)

    def shown(self, selector):
        """The first element that is shown; waits for it."""
        return self.until(lambda: next((each for each in self.all(selector) if each.is_displayed()), None), selector)

    # -- doing --------------------------------------------------------------------------------------------------------

    def click(self, selector):
        self.steadily(lambda: self.shown(selector).click())

    def click_text(self, text, within="body", selector="button, a, summary"):
        def find():
            return next((each for one in self.all(within) for each in one.find_elements(By.CSS_SELECTOR, selector)
                         if each.is_displayed() and each.text.strip() == text), None)
        self.steadily(lambda: self.until(find, f"something to click with the text {text!r}").click())

    def type(self, selector, text):
        def enter():
            element = self.shown(selector)
            element.clear()
            element.send_keys(text)
        self.steadily(enter)

    def choose(self, selector, text):
        script = ("const [box, text] = arguments; box.value = [...box.options].find((o) => o.text === text || o.value === text).value;"
                  "box.dispatchEvent(new Event('change', {bubbles: true}));")
        self.steadily(lambda: self.run(script, self.shown(selector), text))

    def keys(self, *keys):
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(getattr(Keys, key, key))
        actions.perform()

    def focused(self):
        """Text or name of what has the keyboard."""
        return self.run("const e = document.activeElement; return e.tagName + ' ' + (e.name || e.textContent || '').trim()")

    def keep_downloads_in(self, folder):
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})

    # -- how it looks -------------------------------------------------------------------------------------------------

    def narrow(self, width=390, height=800):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def wide(self):
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def scheme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": name}]})

    def overflows(self):
        """Does the page as a whole need scrolling sideways?"""
        return self.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")

    def picture(self, name):
        folder = os.environ.get("WARREN_SCREENSHOTS")
        if folder:
            os.makedirs(folder, exist_ok=True)
            self.driver.save_screenshot(os.path.join(folder, re.sub(r"[^\w.-]", "_", name) + ".png"))

    # -- what went wrong ----------------------------------------------------------------------------------------------

    def console(self):
        """Everything the console has said so far."""
        self.seen += [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        return self.seen

    def alert(self):
        """Text of a window that a script has opened, or None."""
        try:
            return self.driver.switch_to.alert.text
        except Exception:
            return None
