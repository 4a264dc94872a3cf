"""What the built agent says of mounts that lie over others, of bind mounts, and of those that take no writes."""

import subprocess
from support import BINARY, Scratch, require_programs, require_root

MOUNTS = """
set -e
mkdir -p a b c src "with space"
mount -t tmpfs -o size=1m first a
mkdir a/inner
mount -t tmpfs -o size=2m inner a/inner
mount -t tmpfs -o size=4m second a
mkdir a/inner
mount -t tmpfs -o size=8m source src
mount --bind src b
mount --bind src c
mount -o remount,bind,ro c
mount -t tmpfs -o size=16m,ro spaced "with space"
exec "$1" once --collect filesystem
"""


BYTES = r"""
set -e
e9=$(printf 'm\351') e8=$(printf 'm\350') composed=$(printf 'm\303\251') decomposed=$(printf 'me\314\201')
mkdir "$e9" "$e8" "$composed" "$decomposed"
mount -t tmpfs -o size=1m first "$e9"
mount -t tmpfs -o size=2m second "$composed"
mount -t tmpfs -o size=4m third "$decomposed"
mount -t tmpfs -o size=8m first "$e8"
exec "$1" once --collect filesystem
"""


class Mounts(Scratch):
    def test_a_mount_point_is_bytes(self):
        require_root()
        require_programs("unshare")
        result = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", BYTES, "sh", BINARY],
            cwd=self.directory, capture_output=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        start = f'mountpoint="{self.directory}/m'
        sizes = {}
        for line in result.stdout.decode().splitlines():
            if line.startswith("node_filesystem_size_bytes{") and start in line:
                name, value = line.split(start)[1].split('"} ')
                self.assertNotIn(name, sizes)
                sizes[name] = float(value)
        # As node_exporter writes what is not UTF-8; of two that are the same then, the first.
        self.assertEqual(sizes, {"\ufffd": 1 << 20, "\u00e9": 2 << 20, "e\u0301": 4 << 20})
        self.assertIn("vitals_scrape_series_left_out ", result.stdout.decode())

    def test_a_path_is_served_once_with_what_is_on_top(self):
        require_root()
        require_programs("unshare")
        # A mount and a process namespace of its own: process 1 is the one whose mounts are read.
        result = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", MOUNTS, "sh", BINARY],
            cwd=self.directory, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        served = {}
        for line in result.stdout.splitlines():
            if line.startswith("node_filesystem_") and f'mountpoint="{self.directory}/' in line:
                name, labels = line.split("{", 1)
                labels, value = labels.rsplit("} ", 1)
                labels = labels.replace(f"{self.directory}/", "")
                served[name.removeprefix("node_filesystem_"), labels] = float(value)

        def of(name):
            return {labels: value for (found, labels), value in served.items() if found == name}

        def label(device, place):
            return f'device="{device}",device_error="",fstype="tmpfs",mountpoint="{place}"'

        second, b, c = label("second", "a"), label("source", "b"), label("source", "c")
        source, spaced = label("source", "src"), label("spaced", "with space")
        megabyte = 1 << 20
        self.assertEqual(of("size_bytes"), {
            second: 4 * megabyte, b: 8 * megabyte, c: 8 * megabyte, source: 8 * megabyte, spaced: 16 * megabyte})
        self.assertEqual(of("readonly"), {second: 0, b: 0, c: 1, source: 0, spaced: 1})
        self.assertEqual(of("device_error"), dict.fromkeys([second, b, c, source, spaced], 0))
