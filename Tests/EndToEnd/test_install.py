"""What `make install` and the package put where, tried below a directory of the test's own."""

import re
import subprocess
from support import BINARY, ROOT, Scratch

PACKAGE = ROOT / ".build/vitals.deb"


class Install(Scratch):
    def install(self, prefix):
        """Installs below the test's directory; returns where the files of `prefix` are."""
        subprocess.run(
            ["make", "-s", "-C", ROOT, "install-files", f"BINARY={BINARY}", f"DESTDIR={self.directory}",
             f"PREFIX={prefix}"], check=True, capture_output=True, text=True)
        return self.directory / prefix.lstrip("/")

    def installed(self, path):
        """A path as it will be, where it is now."""
        return self.directory / path.lstrip("/")

    def test_the_unit_names_what_is_installed(self):
        for prefix in ["/usr", "/usr/local"]:
            with self.subTest(prefix):
                unit = (self.install(prefix) / "lib/systemd/system/vitals.service").read_text()
                program = re.search(r"(?m)^ExecStart=(\S+) run ", unit)[1]
                self.assertEqual(program, f"{prefix}/bin/vitals")
                version = subprocess.run(
                    [self.installed(program), "version"], capture_output=True, text=True, check=True)
                self.assertIn("vitals ", version.stdout)
                documentation = re.search(r"(?m)^Documentation=file:(\S+)$", unit)[1]
                self.assertTrue(self.installed(documentation).is_file(), documentation)

    def test_the_unit_of_the_package_is_that_of_the_repository(self):
        unit = self.install("/usr") / "lib/systemd/system/vitals.service"
        self.assertEqual(unit.read_text(), (ROOT / "systemd/vitals.service").read_text())

    def test_every_document_that_a_document_names_is_installed(self):
        documents = self.install("/usr") / "share/doc/vitals"
        names = set()
        for document in documents.rglob("*.md"):
            names |= set(re.findall(r"\bdocs/[a-z-]+\.md|\bCONTRIBUTING\.md", document.read_text()))
        self.assertGreater(len(names), 5)
        self.assertEqual({name for name in names if not (documents / name).is_file()}, set())

    def test_the_package_holds_the_same_files_and_the_settings(self):
        self.assertTrue(PACKAGE.exists(), "no package: make deb")
        listing = subprocess.run(
            ["dpkg-deb", "--contents", PACKAGE], capture_output=True, text=True, check=True).stdout
        packaged = {line.split()[-1].removeprefix(".") for line in listing.splitlines() if line[0] != "d"}
        self.install("/usr")
        here = {f"/{path.relative_to(self.directory)}" for path in self.directory.rglob("*") if path.is_file()}
        self.assertEqual(packaged, here | {"/etc/vitals/agent.json"})
