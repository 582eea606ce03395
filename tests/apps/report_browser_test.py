#!/usr/bin/env python3
"""Reports in a real browser: report_browser_test.py SELFCURE CHROMIUM [--keep DIR].

Trains tiny runs, writes their reports and opens them in light, dark and print, wide and at the width
of a phone: nothing is loaded from elsewhere, nothing is complained of, every picture shows, nothing
is cut off, and letters can be read. --keep leaves reports and screenshots in DIR.
"""
import argparse
import base64
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browser import Browser  # noqa: E402

PHONE = 360
BASE = """name: tiny
data:
  {dataset: raf_db, root: faces, image_size: 32, workers: 1,
   noise: {type: symmetric, rate: 0.3, seed: 7}}
method: %s
train: {epochs: 3, batch_size: 8, threads: 1, device: cpu, optimizer: {name: adam, lr: 0.001}}
"""
SCN = "{name: scn, preset: published_code, relabel: {enabled: true, threshold: 0.05, start_epoch: 2}}"

# Everything that a look at the page would find wrong.
LOOK = """
(() => {
  const found = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth)
    found.push(`the page is ${page.scrollWidth} wide in a window of ${page.clientWidth}`);
  for (const image of document.images)
    if (!image.complete || image.naturalWidth === 0 || !image.alt)
      found.push(`image ${image.alt || 'without alternative text'} does not show`);
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) found.push('an id is there twice');
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute('href').slice(1)))
      found.push(`the link ${link.textContent} leads nowhere`);
  const rgb = text => (text.match(/[\\d.]+/g) || []).slice(0, 3).map(Number);
  const luminance = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const paper = rgb(getComputedStyle(document.querySelector('.plot .paper')).color);
  for (const [selector, least] of [['.plot .ink', 7], ['.plot .muted', 4.5], ['.plot .c0', 3],
                                   ['figcaption', 4.5], ['p', 4.5], ['.plot .c1', 3]]) {
    const element = document.querySelector(selector);
    if (!element) continue;
    const ratio = contrast(rgb(getComputedStyle(element).color), paper);
    if (ratio < least) found.push(`contrast of ${selector} is ${ratio.toFixed(2)}`);
  }
  for (const plot of document.querySelectorAll('svg.plot')) {
    const name = plot.getAttribute('aria-label');
    if (!name) found.push('a plot has no name');
    const box = plot.getBoundingClientRect();
    if (box.width === 0) continue;  // in a closed part
    const level = [];
    for (const text of plot.querySelectorAll('text')) {
      const r = text.getBoundingClientRect();
      if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 ||
          r.bottom > box.bottom + 1)
        found.push(`'${text.textContent}' is cut off in '${name}'`);
      if (!text.hasAttribute('transform')) level.push([r, text.textContent]);
    }
    const shrink = box.width / plot.viewBox.baseVal.width;
    for (let i = 0; i < level.length; ++i)
      for (let k = i + 1; k < level.length; ++k) {
        const [a, b] = [level[i][0], level[k][0]];
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        // Boxes of letters have room above and below them.
        if (across > 1 && down > 4 * shrink)
          found.push(`'${level[i][1]}' and '${level[k][1]}' overlap in '${name}'`);
      }
  }
  return found;
})()
"""


def problems(browser):
    """What the page open in the browser does wrong."""
    found = browser.run(LOOK)
    for event in browser.events:
        method, values = event["method"], event["params"]
        if method == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
            found.append("console: " + values["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            found.append(f"console: {values}")
        elif method == "Network.requestWillBeSent":
            url = values["request"]["url"]
            if not url.startswith(("file:", "data:")):
                found.append("request to " + url)
    files = [e for e in browser.events if e["method"] == "Network.requestWillBeSent"
             and e["params"]["request"]["url"].startswith("file:")]
    if len(files) != 1:
        found.append(f"{len(files)} files were asked for")
    return found


def background(browser):
    text = browser.run("getComputedStyle(document.body).backgroundColor")
    return sum(float(part) for part in text.strip("rgb()").split(",")[:3]) / (3 * 255)


def look_at(browser, page, keep):
    """Opens a report in every way that it can be read."""
    found = []
    shades = {}
    for name, width, scheme, media in [("light", 1200, "light", ""), ("dark", 1200, "dark", ""),
                                       ("phone", PHONE, "light", ""), ("phone-dark", PHONE, "dark", ""),
                                       ("print", 760, "dark", "print")]:
        browser.open(page, width, 900, scheme, media)
        found += [f"{page.name}, {name}: {problem}" for problem in problems(browser)]
        shades[name] = background(browser)
        if keep:
            height = browser.run("document.documentElement.scrollHeight")
            shot = browser.command("Page.captureScreenshot", captureBeyondViewport=True,
                                   clip={"x": 0, "y": 0, "width": width,
                                         "height": min(height, 16000), "scale": 1})
            (keep / f"{page.stem}-{name}.png").write_bytes(base64.b64decode(shot["data"]))
    if not (shades["light"] > 0.9 and shades["dark"] < 0.2 and shades["phone-dark"] < 0.2
            and shades["print"] > 0.99):
        found.append(f"{page.name}: backgrounds {shades}")
    browser.open(page)
    pdf = base64.b64decode(browser.command("Page.printToPDF", printBackground=True)["data"])
    if not pdf.startswith(b"%PDF-") or len(pdf) < 20000:
        found.append(f"{page.name}: printing gives {len(pdf)} bytes")
    if keep:
        (keep / f"{page.stem}.pdf").write_bytes(pdf)
    return found


def finds_what_is_wrong(browser, report, folder):
    """The checks above fail where they should."""
    whole = report.read_text(encoding="utf-8")
    policy = whole.index('<meta http-equiv="Content-Security-Policy"')
    without_policy = whole[:policy] + whole[whole.index(">", policy) + 1:]
    breaks = {
        "request to": without_policy.replace(
            "<main>", '<main><img src="http://192.0.2.1/x.png" alt="x">', 1),
        "console: ": whole.replace("<main>", "<main><script>console.log(1)</script>", 1),
        "wide in a window": whole.replace("<main>", '<main><div style="width:500px">x</div>', 1),
        "does not show": whole.replace("<main>", '<main><img src="data:image/png,x" alt="x">', 1),
        "is cut off": whole.replace('<text ', '<text dx="-400" ', 1),
        "overlap": whole.replace(
            "<text ", '<text x="90" y="60">covered</text><text x="94" y="60">covering</text><text ', 1),
        "leads nowhere": whole.replace('id="s1"', 'id="other"', 1),
    }
    missed = []
    for expected, text in breaks.items():
        broken = folder / "broken.html"
        broken.write_text(text, encoding="utf-8")
        browser.open(broken, PHONE)
        if not any(expected in problem for problem in problems(browser)):
            missed.append(f"a page that is broken on purpose passes: {expected}")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("selfcure")
    parser.add_argument("chromium")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("reports", nargs="*", type=pathlib.Path,
                        help="look at these instead of training")
    arguments = parser.parse_intermixed_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work, Browser(arguments.chromium) as browser:
        work = pathlib.Path(work)

        def selfcure(*words):
            # Kernel choices of this machine are not touched.
            done = subprocess.run([str(pathlib.Path(arguments.selfcure).resolve()), *words],
                                  cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env={**os.environ, "XDG_CACHE_HOME": str(work / "cache")})
            if done.returncode != 0:
                sys.exit(f"selfcure {' '.join(words)}: exit code {done.returncode}\n"
                         + done.stderr.decode(errors="replace"))

        reports = arguments.reports
        if not reports:
            selfcure("demo-data", "faces", "--train", "64", "--test", "32", "--side", "40")
            for name, method in (("scn", SCN), ("baseline", "{name: baseline}")):
                (work / f"{name}.yaml").write_text(BASE % method)
                selfcure("train", f"{name}.yaml", "--out", name)
                selfcure("report", name, "--out", f"{name}.html")
                reports.append(work / f"{name}.html")
            selfcure("report", "scn", "baseline", "--out", "runs.html")
            selfcure("compare", "scn", "baseline", "--out", "compare.html")
            reports += [work / "runs.html", work / "compare.html"]
            if "<img " not in reports[0].read_text(encoding="utf-8"):
                sys.exit("scn.html: expected pictures of faces, got none")
        found = []
        for page in reports:
            found += look_at(browser, page, arguments.keep)
        found += finds_what_is_wrong(browser, reports[0], work)
    for problem in found:
        print("FAILED:", problem)
    if not found:
        print(f"{len(reports)} reports look as they should")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
