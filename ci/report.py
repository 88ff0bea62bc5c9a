#!/usr/bin/env python3
"""Reads reports in a headless Chromium as people do, and fails where one is not as it should be.

    ci/report.py [--pictures DIR] REPORT...

The browser is driven through its DevTools protocol over a pipe, so nothing but Debian's `chromium` is needed. Every
report is opened at the width of a desk and of a telephone, in light and in dark.
"""

import argparse
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WIDTHS = [1280, 390]
PAGE_SECONDS = 60


class Browser:
    """A Chromium of its own, with one page."""

    def __init__(self, profile):
        own_read, its_write = os.pipe()
        its_read, own_write = os.pipe()
        # The browser reads from 3 and writes to 4.
        command = f'exec chromium "$@" 3<&{its_read} 4>&{its_write}'
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                 "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", command, "chromium", *flags], pass_fds=(its_read, its_write),
                                        stderr=subprocess.DEVNULL)
        os.close(its_read)
        os.close(its_write)
        self.input, self.output = os.fdopen(own_write, "wb"), os.fdopen(own_read, "rb")
        self.count, self.events, self.rest = 0, [], b""
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(of["targetId"] for of in targets if of["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]

    def message(self):
        while b"\0" not in self.rest:
            more = self.output.read1(1 << 16)
            if not more:
                raise SystemExit("report: the browser ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.count += 1
        request = {"id": self.count, "method": method, "params": params}
        if getattr(self, "session", None):
            request["sessionId"] = self.session
        self.input.write(json.dumps(request).encode() + b"\0")
        self.input.flush()
        while True:
            message = self.message()
            if message.get("id") == self.count:
                if "error" in message:
                    raise SystemExit(f"report: {method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait_for(self, method):
        while not any(of.get("method") == method for of in self.events):
            self.events.append(self.message())

    def value(self, expression):
        """What JavaScript says."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"report: {expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def end(self):
        self.input.close()
        self.process.terminate()
        self.process.wait(timeout=30)


class Reader:
    """One report at one width and in one theme."""

    def __init__(self, browser, report, width, theme, pictures):
        self.browser, self.report, self.width, self.theme = browser, report, width, theme
        self.pictures = pictures
        self.name = f"{report.parent.name or report.stem} at {width}, {theme}"

    def ask(self, expression):
        return self.browser.value(expression)

    def must(self, is_true, told):
        if not is_true:
            raise SystemExit(f"report: {self.name}: {told}")

    def open(self, has_program=True):
        browser = self.browser
        browser.events.clear()
        for domain in ["Page", "Network", "Runtime", "Log"]:
            browser.call(f"{domain}.enable")
        browser.call("Emulation.setScriptExecutionDisabled", value=not has_program)
        browser.call("Emulation.setDeviceMetricsOverride", width=self.width, height=900, deviceScaleFactor=1,
                     mobile=self.width < 600)
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": self.theme}])
        browser.events.clear()
        browser.call("Page.navigate", url=self.report.resolve().as_uri())
        browser.wait_for("Page.loadEventFired")

    def is_offline(self):
        """Nothing but the file itself was asked for, and nothing was complained of."""
        own = self.report.resolve().as_uri()
        for event in self.browser.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                self.must(url == own or url.startswith("data:"), f"asks for {url}")
            bad = method == "Runtime.exceptionThrown" or (
                method == "Log.entryAdded" and params["entry"]["level"] == "error") or (
                method == "Runtime.consoleAPICalled" and params["type"] == "error")
            self.must(not bad, f"complains: {json.dumps(params)[:600]}")

    def fits(self):
        """The page is as wide as the window; what is wider scrolls by itself."""
        wide = self.ask("""(() => {
            const width = document.documentElement.clientWidth;
            const inside = (of) => of.parentElement && (getComputedStyle(of.parentElement).overflowX !== "visible"
                || inside(of.parentElement));
            const wide = [...document.querySelectorAll("main *")].filter((of) =>
                of.getBoundingClientRect().right > width + 1 && !inside(of) && !of.closest("svg svg, svg g"));
            return [document.documentElement.scrollWidth, width,
                wide.slice(0, 3).map((of) => of.outerHTML.slice(0, 120))];
        })()""")
        self.must(wide[1] == self.width, f"the page is {wide[1]} wide")
        self.must(wide[0] <= wide[1] and not wide[2], f"is too wide: {wide}")

    def has_contrast(self):
        """Text and paper differ, whatever the theme."""
        low = self.ask("""(() => {
            const rgb = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
            const part = (of) => { of /= 255; return of <= 0.03928 ? of / 12.92 : ((of + 0.055) / 1.055) ** 2.4; };
            const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
            const paper = light(rgb(getComputedStyle(document.body).backgroundColor));
            const ratio = (other) => (Math.max(paper, other) + 0.05) / (Math.min(paper, other) + 0.05);
            const texts = [...document.querySelectorAll("p, td, th, h1, h2, h3, figcaption, .made svg text")];
            const poor = texts.filter((of) => {
                const style = getComputedStyle(of);
                return ratio(light(rgb(of.namespaceURI.endsWith("svg") ? style.fill : style.color))) < 4.5;
            });
            const lines = [...document.querySelectorAll(".made .line > path[stroke-dasharray]")].filter((of) =>
                ratio(light(of.getAttribute("stroke").match(/[0-9a-f]{2}/g).map((hex) => parseInt(hex, 16)))) < 2);
            return [paper, [...poor, ...lines].slice(0, 3).map((of) => of.outerHTML.slice(0, 160))];
        })()""")
        self.must((low[0] < 0.2) == (self.theme == "dark"), f"the paper has a light of {low[0]}")
        self.must(not low[1], f"is hard to read: {low[1]}")

    def bring(self, selector):
        """Scrolls to an element, and waits until the page knows that it was scrolled."""
        self.ask(f"""(async () => {{
            document.querySelector({json.dumps(selector)}).scrollIntoView({{ block: "center", behavior: "instant" }});
            const frame = () => new Promise((done) => requestAnimationFrame(done));
            await frame();
            await frame();
        }})()""")

    def click(self, selector):
        self.bring(selector)
        place = self.ask(f"""(() => {{
            const of = document.querySelector({json.dumps(selector)});
            const box = of.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()""")
        for kind in ["mousePressed", "mouseReleased"]:
            self.browser.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left",
                              clickCount=1)

    def hides_a_line(self):
        first = "[data-chart] .legend button[data-name]"
        name = self.ask(f"document.querySelector('{first}').dataset.name")
        drawn = f"""[...document.querySelector('[data-chart]').querySelectorAll('.line')]
            .filter((of) => of.dataset.line === {json.dumps(name)}).length"""
        self.must(self.ask(drawn) > 0, f"`{name}` is not drawn")
        self.click(first)
        self.must(self.ask(drawn) == 0, f"`{name}` is drawn though it is hidden")
        self.must(self.ask(f"document.querySelector('{first}').ariaPressed") == "false", "the button is not released")
        self.click("[data-chart] .legend .all")
        self.must(self.ask(drawn) > 0, f"`{name}` does not come back")

    def changes_the_scale(self):
        shape = "document.querySelector('[data-chart] .line > path').getAttribute('d')"
        ticks = "[...document.querySelectorAll('[data-chart] svg[role=img] text')].map((of) => of.textContent).join()"
        buttons = "[data-chart] .choice[aria-label='y axis'] button"
        pressed = self.ask(f"[...document.querySelectorAll(\"{buttons}\")].map((of) => of.ariaPressed)")
        before = self.ask(shape), self.ask(ticks)
        other = pressed.index("false") + 2  # The name of the axis comes first.
        self.click(f"{buttons}:nth-child({other})")
        after = self.ask(shape), self.ask(ticks)
        self.must(before[0] != after[0] and before[1] != after[1], "linear and log look the same")
        self.click(f"{buttons}:nth-child({5 - other})")
        self.must((self.ask(shape), self.ask(ticks)) == before, "the scale does not come back")

    def tells_values(self):
        """At the place of the first marker stands what it is; leaving takes it away."""
        self.bring("[data-chart] svg[role=img]")
        place = self.ask("""(() => {
            const panel = document.querySelector("[data-chart] svg[role=img]");
            const marks = [...panel.querySelectorAll(".line:not(.bound) > path[stroke-width='1.5']")];
            const box = (marks[0] || panel.querySelector(".line")).getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()""")
        self.browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        told = self.ask("document.getElementById('hint').hidden ? '' : document.getElementById('hint').innerText")
        names = self.ask("[...document.querySelector('[data-chart]').querySelectorAll('.line')]"
                         ".map((of) => of.dataset.line)")
        label = self.ask("document.querySelector('[data-chart] .label').textContent")
        self.must(told.split("\n")[0] in names, f"no line is named: {told!r}")
        self.must(f"{label}: " in told, f"no value is told: {told!r}")
        self.must(any(word in told for word in ["95 %: ", "range: ", "no interval"]), f"no interval: {told!r}")
        inside = self.ask("""(() => { const box = document.getElementById("hint").getBoundingClientRect();
            return box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight; })()""")
        self.must(inside, "the hint is cut")
        self.picture("hint")
        self.browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=2, y=2)
        self.must(self.ask("document.getElementById('hint').hidden"), "the hint stays")
        # The keyboard tells the same.
        self.ask("document.querySelector('[data-chart] svg[role=img]').focus()")
        self.browser.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight",
                          windowsVirtualKeyCode=39)
        self.must(not self.ask("document.getElementById('hint').hidden"), "arrow keys tell nothing")
        self.ask("document.activeElement.blur()")

    def switches_the_theme(self):
        paper = "getComputedStyle(document.body).backgroundColor"
        before = self.ask(paper)
        self.click("#theme")
        self.must(self.ask(paper) != before, "the switch changes nothing")
        self.click("#theme")
        self.must(self.ask(paper) == before, "the switch does not come back")

    def has_parts(self):
        heads = self.ask("[...document.querySelectorAll('article h2, article h3')].map((of) => of.textContent)")
        wanted = ["Answer", "Figures", "Tables", "Claims", "What ran", "Machine", "Method", "How to repeat it"]
        there = [head for head in heads if head in wanted]
        self.must(there[:len(wanted)] == wanted, f"has the parts {there}")
        self.must(self.ask("document.querySelectorAll('[data-chart]').length") > 0, "has no figure")
        unnamed = self.ask("""[...document.querySelectorAll("svg[role=img]")].filter((of) =>
            !of.getAttribute("aria-label") && !of.querySelector("desc")).length""")
        self.must(unnamed == 0, f"{unnamed} figures say nothing to readers of screens")

    def picture(self, what):
        if not self.pictures:
            return
        whole = what != "hint"
        shot = self.browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **(
            {"clip": {"x": 0, "y": 0, "width": self.width, "scale": 1,
                      "height": self.ask("document.documentElement.scrollHeight")}} if whole else {}))
        name = f"{self.report.parent.name}-{self.width}-{self.theme}-{what}.png"
        (self.pictures / name).write_bytes(base64.b64decode(shot["data"]))

    def read(self):
        self.open()
        self.has_parts()
        self.fits()
        self.has_contrast()
        self.picture("page")
        self.hides_a_line()
        self.changes_the_scale()
        self.tells_values()
        self.switches_the_theme()
        self.fits()
        self.is_offline()

    def read_without_program(self):
        self.open(has_program=False)
        # Scripts of the page do not run now; those of this driver do.
        self.fits()
        stills = self.ask("document.querySelectorAll('.chart > svg, .chart > .note').length")
        self.must(stills == self.ask("document.querySelectorAll('[data-chart]').length"), f"{stills} still figures")
        self.must(self.ask("document.querySelectorAll('td').length") > 10, "has no tables")
        self.picture("still")
        self.is_offline()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=pathlib.Path, help="a folder for pictures of the pages")
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    if args.pictures:
        args.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        try:
            for report in args.reports:
                for width in WIDTHS:
                    for theme in ["light", "dark"]:
                        Reader(browser, report, width, theme, args.pictures).read()
                    Reader(browser, report, width, "light", args.pictures).read_without_program()
                print(f"report: {report} is read and used at {WIDTHS} pixels, in light and dark")
        finally:
            browser.end()


if __name__ == "__main__":
    sys.exit(main())
