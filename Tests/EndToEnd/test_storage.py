"""The collectors of storage, held against Debian's own node_exporter: on the composed host, and on file systems of
btrfs and XFS that are made for the test."""

import re
import shutil
import subprocess
from node_exporter import OWN, is_left_out, only, parse, start_node_exporter
from support import ROOT, Scratch, get, require_programs, require_root

# Series of the peer (1.5.0) that are different here, each with its reason.
DIFFERENT = {
    r"node_nvme_info": "it does not know cntlid",
    r"node_md_(state|blocks_synced)\{device=md_home.*": "it takes a reshape for nothing special",
    r"node_bcache_btree_read_average_duration_seconds.*": "it takes microseconds for nanoseconds",
    r"node_bcache_(dirty_target_bytes|writeback_.*)": "it takes tenths for hundreds of 1 024",
    r"node_zfs_zpool_dataset_.*dataset=(tank/my|backup),.*": "it cuts names of data sets at a space",
    r"node_zfs_zpool_dataset_writes\{\}": "it serves data sets without a name",
}


class Storage(Scratch):
    def compare(self, agent, port, collectors, at_least):
        """All that the peer serves of these collectors is served, with its type and value; returns what is."""
        query = "?" + "&".join(f"collect[]={name}" for name in collectors)
        types, series = self.parsed(agent.metrics(query))
        peer_types, peer = self.parsed(get(port, "/metrics")[2].decode())
        wanted = {key: value for key, value in peer.items()
                  if not is_left_out(key[0]) and not OWN.fullmatch(key[0]) and not self.is_different(key)}
        self.assertGreater(len(wanted), at_least, "the peer was asked for its collectors")
        self.assertEqual({key: series.get(key) for key in wanted}, wanted)
        self.assertEqual({name: types.get(name) for name, _ in wanted}, {name: peer_types[name] for name, _ in wanted})
        return series

    @staticmethod
    def parsed(text):
        """An empty label is none: what a file system that is mounted nowhere has for the UUIDs of its devices."""
        types, series = parse(text)
        return types, {(name, tuple(pair for pair in labels if pair[1])): value
                       for (name, labels), value in series.items()}

    @staticmethod
    def is_different(key):
        name, labels = key
        text = name + "{" + ",".join(f"{label}={value}" for label, value in labels) + "}"
        return any(re.fullmatch(pattern, name) or re.fullmatch(pattern, text) for pattern in DIFFERENT)

    def test_the_composed_host(self):
        collectors = ["mdadm", "nvme", "xfs", "zfs", "bcache"]
        host = self.directory / "host"
        shutil.copytree(ROOT / "Tests/Fixtures/hosts/composed-storage", host)
        # What fails the peer's whole collector: an array without disks, a controller that does not tell its serial
        # number, a negative number, pools without `io`, a rate with a minus sign, files beside directories.
        mdstat = host / "proc/mdstat"
        mdstat.write_text(mdstat.read_text().replace("md200 : inactive\n       \n", ""))
        shutil.rmtree(host / "sys/class/nvme/nvme3")
        zfs = host / "proc/spl/kstat/zfs"
        arcstats = zfs / "arcstats"
        arcstats.write_text(re.sub(r"memory_available_bytes.*\n", "", arcstats.read_text()))
        for bcache in (host / "sys/fs/bcache").glob("*-*"):
            shutil.rmtree(bcache / "bdev1")
            (bcache / "congested").write_text("0\n")
        for file in ["register", "pendings_cleanup"]:
            (host / "sys/fs/bcache" / file).unlink()
        agent = self.agent({
            "host": {"proc": f"{host}/proc", "sys": f"{host}/sys"},
            "collectors": {"bcache": {"priorityStats": True}}}).start()
        port = start_node_exporter(
            self, *only(collectors), "--collector.bcache.priorityStats", f"--path.procfs={host}/proc", f"--path.sysfs={host}/sys")
        self.compare(agent, port, collectors, at_least=400)

    def test_file_systems_of_btrfs_and_xfs(self):
        require_root()
        require_programs("mkfs.btrfs", "mkfs.xfs", "losetup", "mount")
        devices = [self.loop_device(name) for name in ["one", "two", "three"]]
        self.run_quietly("mkfs.btrfs", "-L", "my data", "-d", "raid0", "-m", "raid1", *devices[:2])
        self.run_quietly("mkfs.xfs", devices[2])
        for name, device in [("btrfs", devices[0]), ("xfs", devices[2])]:
            (self.directory / name).mkdir()
            self.run_quietly("mount", device, self.directory / name)
            self.addCleanup(self.run_quietly, "umount", self.directory / name)
            (self.directory / name / "file").write_bytes(bytes(5 << 20))
            self.run_quietly("sync", "-f", self.directory / name)
        agent = self.agent({}).start()
        collectors = ["btrfs", "xfs"]
        series = self.compare(agent, start_node_exporter(self, *only(collectors)), collectors, at_least=39 + 20)
        labels = [dict(labels) for name, labels in series if name == "node_btrfs_info"]
        self.assertIn("my data", [label.get("label") for label in labels])
        unused = {dict(labels).get("device") for name, labels in series if name == "node_btrfs_device_unused_bytes"}
        self.assertLessEqual({device.removeprefix("/dev/") for device in devices[:2]}, unused)

    def loop_device(self, name):
        """A block device whose content is a file of the test's."""
        file = self.directory / name
        with file.open("wb") as image:
            image.truncate(400 << 20)
        attached = subprocess.run(
            ["losetup", "--find", "--show", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if attached.returncode != 0:
            self.skipTest(f"needs loop devices: {attached.stderr.strip()}")
        device = attached.stdout.strip()
        self.addCleanup(self.run_quietly, "losetup", "--detach", device)
        return device

    @staticmethod
    def run_quietly(*command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
