"""A large server, of files: the fixture hosts laid over one another, with 64 CPUs and 26 disks."""

import shutil
from pathlib import Path


def make_large_tree(root):
    """Makes `proc`, `sys` and `udev` below `root`, which must not be there; returns it."""
    hosts = Path(__file__).resolve().parent.parent / "Fixtures/hosts"
    for name in ["debian12-6.18-vm", *sorted(path.name for path in hosts.glob("composed-*"))]:
        shutil.copytree(hosts / name, root, dirs_exist_ok=True, symlinks=True, ignore=lambda path, names: [
            n for n in names if (root / Path(path).relative_to(hosts / name) / n).is_symlink()])
    cpus = 64
    proc, system = root / "proc", root / "sys"
    (proc / "stat").write_text("".join(
        ["cpu  " + " ".join(["640000"] * 10) + "\n"]
        + [f"cpu{n} " + " ".join(str(10_000 + n * column) for column in range(10)) + "\n" for n in range(cpus)]
        + ["intr 1 2 3\nctxt 123456789\nbtime 1795230523\nprocesses 12345\nprocs_running 3\nprocs_blocked 0\n"
           "softirq 10 1 1 1 1 1 1 1 1 1 1\n"]))
    for n in range(cpus):
        frequency = system / f"devices/system/cpu/cpu{n}/cpufreq"
        frequency.mkdir(parents=True, exist_ok=True)
        for file in ["scaling_cur_freq", "scaling_min_freq", "scaling_max_freq", "cpuinfo_min_freq", "cpuinfo_max_freq"]:
            (frequency / file).write_text(f"{1_200_000 + n}\n")
    (proc / "diskstats").write_text("".join(
        f"   8      {16 * n} sd{chr(97 + n)} " + " ".join(str(1000 * n + column) for column in range(17)) + "\n" for n in range(26)))
    return root
