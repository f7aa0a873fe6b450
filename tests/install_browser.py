"""Makes sure there is a browser for the tests: the system's, else one is installed.

As root where there is apt: Debian's chromium; otherwise Playwright's own, into the user's cache.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path


def installed() -> bool:
    if shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome"):
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def install() -> None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "chromium"], check=True, stdout=subprocess.DEVNULL, env=quiet
        )
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


if __name__ == "__main__":
    if not installed():
        print("Installing a browser for the tests ...", flush=True)
        try:
            install()
        except (subprocess.CalledProcessError, OSError) as error:
            print(
                f"gatepost: no browser could be installed ({error}); install chromium yourself",
                file=sys.stderr,
            )
            sys.exit(1)
