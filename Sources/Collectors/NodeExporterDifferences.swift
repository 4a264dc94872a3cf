// Where the collectors under node_exporter's names differ from node_exporter 1.12 on purpose, and what each of them
// says on a host that has nothing for it to read.
//
// This is the one place for both. The scrape takes `node_scrape_collector_success` from here, docs/collectors.md is
// made from it, and NodeExporterSamplesTests holds every collector to what 1.12.1 serves on the fixture hosts
// (Tests/Fixtures/node_exporter-1.12): a sample that differs without a line here fails, and so does a line that no
// sample needs any more.

/// One thing that a collector does otherwise than node_exporter.
package struct NodeExporterDifference: Sendable {
    package enum Kind: Sendable {
        /// A series that node_exporter does not have.
        case more
        /// A series that only node_exporter has.
        case fewer
        /// Both have it, with another value.
        case value
        /// node_exporter gives up the whole collector, with success 0, where this one serves the rest.
        case survives
    }

    package let collector: String
    package let kind: Kind
    /// Names without `node_`, or with `vitals_`; `*` stands for any rest. Empty for `survives`.
    package let series: [String]
    package let reason: String
    /// The measurement shows it. It does not where node_exporter serves nothing on the fixture host that has such a
    /// thing, or cannot be run on a tree.
    package var isMeasured = true
}

/// What is known of node_exporter 1.12.
package enum NodeExporter {
    /// Collectors of which `node_scrape_collector_success` is 1 also when the host has nothing for them. An alert on 0
    /// must not fire on a host that moves from node_exporter to Vitals.
    package static let successfulWhenAbsent: Set<String> = [
        // cpufreq: where there are CPUs. Its collector adds that.
        "bcache", "btrfs", "cpu_vulnerabilities", "cpufreq", "drm", "edac", "ksmd", "lnstat", "meminfo_numa", "perf",
        "sockstat", "thermal_zone", "xfs",
    ]

    package static let differences: [NodeExporterDifference] = [
        difference(
            "bcache", .value, ["bcache_btree_read_average_duration_seconds"],
            "The kernel writes microseconds; node_exporter takes them for nanoseconds."),
        difference(
            "bcache", .value,
            [
                "bcache_bypassed_bytes_total", "bcache_dirty_data_bytes", "bcache_dirty_target_bytes",
                "bcache_writeback_change", "bcache_writeback_rate", "bcache_writeback_rate_proportional_term",
            ],
            "The digit behind the dot of `20.4G` counts tenths of a GiB; node_exporter takes it for hundreds of MiB."),
        difference(
            "bcache", .value, ["bcache_congested"],
            "A number below 0 stays one; node_exporter makes it a number near 2^64."),
        difference(
            "bcache", .fewer, ["bcache_writeback_rate_integral_term"],
            "A kernel before 4.16 does not have it; node_exporter serves 0."),
        survives("bonding", "A bond that is still listed, and has gone, costs no other."),
        difference(
            "btrfs", .value, ["btrfs_global_rsv_size_bytes"],
            "The size that the kernel writes; node_exporter serves 0."),
        difference(
            "btrfs", .fewer,
            [
                "btrfs_commit_seconds_total", "btrfs_commits_total", "btrfs_last_commit_seconds",
                "btrfs_max_commit_seconds",
            ],
            "A kernel before 6.0 does not count commits; node_exporter serves 0."),
        difference(
            "btrfs", .more,
            ["btrfs_allocation_ratio", "btrfs_reserved_bytes", "btrfs_size_bytes", "btrfs_used_bytes"],
            "A file system of mixed block groups has those of the type `mixed`."),
        difference(
            "btrfs", .fewer, ["btrfs_reserved_bytes"],
            "A file system of mixed block groups has none of the types `data` and `metadata`; node_exporter serves 0."),
        difference(
            "cpu", .more, ["cpu_online"],
            "Served from the kernel's list also where cpu0 cannot be switched off, as on most x86 machines."),
        difference(
            "cpu", .more, ["cpu_frequency_hertz"],
            "With `info`, served whether the collector cpufreq is on or off; node_exporter looks at that, and was run "
                + "without it."),
        survives("cpu", "Without directories of CPUs in /sys, /proc/stat is enough."),
        survives("cpufreq", "A frequency that the driver does not know costs itself alone."),
        survives("dmmultipath", "A path without a state is one of the state `unknown`."),
        difference(
            "drbd", .value, ["drbd_network_received_bytes_total"],
            "The kernel writes KiB, and the name says bytes; node_exporter does not multiply this one."),
        survives("fibrechannel", "An attribute that a port does not have costs itself alone."),
        besides(
            "filesystem", .fewer, ["filesystem_*"],
            "A mount below another one cannot be asked: node_exporter serves the numbers of the upper one for it."),
        besides(
            "infiniband", .value, ["infiniband_lifespan_seconds"],
            "It has its fractions: 10 ms are not 0."),
        besides(
            "interrupts", .value, ["interrupts_total"],
            "The label `cpu` is the number of the CPU, not that of the column: the two differ with a CPU offline."),
        survives("infiniband", "An attribute that a port does not have costs itself alone."),
        survives("ksmd", "A file that this kernel lacks costs itself alone."),
        survives("mdadm", "An array in a state that node_exporter does not know costs no other."),
        difference(
            "meminfo", .more,
            [
                "memory_Balloon_bytes", "memory_FileHugePages_bytes", "memory_FilePmdMapped_bytes",
                "memory_Hugetlb_bytes", "memory_KReclaimable_bytes", "memory_SecPageTables_bytes",
                "memory_Unaccepted_bytes",
            ],
            "Every line of /proc/meminfo is served, also of kernels that are newer than node_exporter's list."),
        survives("meminfo_numa", "A directory that is no node costs itself alone."),
        besides(
            "mountstats", .value, ["mountstats_nfs_*"],
            "The address of a mount is found by its path, not by the number of its line."),
        survives("mountstats", "A mount of an older version of the format costs no other."),
        difference(
            "netclass", .fewer, ["network_info", "network_up"],
            "An interface without any attribute is one that has just gone."),
        difference(
            "nfs", .value, ["nfs_requests_total"],
            "LayoutGet stands before GetDeviceInfo in the kernel's table; node_exporter has the two exchanged."),
        besides(
            "nvme", .value, ["nvme_namespace_*_bytes"],
            "Sizes are the kernel's sectors of 512 bytes; node_exporter multiplies them by the size of a block, which "
                + "is 8 times too much on disks of 4 096."),
        besides(
            "nvme", .more, ["nvme_namespace_*"], "Namespaces that have a single controller are served, too."),
        survives("nvme", "A disk without an attribute costs no other."),
        survives("nvmesubsystem", "A subsystem without an attribute costs no other."),
        NodeExporterDifference(
            collector: "os", kind: .survives, series: [],
            reason: "A line of os-release that is no assignment costs itself alone.", isMeasured: false),
        survives("powersupplyclass", "A number that cannot be read costs itself alone."),
        difference(
            "processes", .more, ["processes_pids", "processes_state", "processes_threads_state"],
            "Processes are counted also where `threads-max` cannot be read; node_exporter stops there."),
        besides(
            "processes", .more, ["processes_pids", "processes_state", "processes_threads", "processes_threads_state"],
            "With hidepid=1 the processes that may be read are served; node_exporter serves nothing. The success is 0 "
                + "with both, and the log says how many are missing."),
        difference(
            "stat", .fewer, ["intr_total", "softirqs_total"],
            "A line that the kernel does not write is not served; node_exporter serves 0."),
        besides(
            "softirqs", .value, ["softirqs_functions_total"],
            "The label `cpu` is the number of the CPU, not that of the column: the two differ with a CPU offline."),
        survives("tapestats", "A tape without an attribute costs no other."),
        besides(
            "textfile", .more, ["vitals_textfile_lines_left_out", "vitals_textfile_problem"],
            "A line that is wrong is lost alone, and counted; node_exporter drops its file."),
        difference(
            "thermal_zone", .fewer, ["thermal_zone_temp"],
            "A zone that does not tell its temperature has none; node_exporter serves 0 degrees."),
        besides(
            "zfs", .value, ["zfs_*"],
            "Numbers below 0 are served, and data sets with a space in their name under their whole name."),
        difference(
            "zfs", .fewer, ["zfs_zpool_dataset_writes"],
            "A file without the name of its data set is left out; node_exporter serves it under an empty one."),
        besides(
            "zoneinfo", .more, ["zoneinfo_protection_5"],
            "A kernel may have more kinds of zones than the one that node_exporter was run on."),
    ]

    private static func difference(
        _ collector: String, _ kind: NodeExporterDifference.Kind, _ series: [String], _ reason: String
    ) -> NodeExporterDifference {
        NodeExporterDifference(collector: collector, kind: kind, series: series, reason: reason)
    }

    /// One that the measurement does not show.
    private static func besides(
        _ collector: String, _ kind: NodeExporterDifference.Kind, _ series: [String], _ reason: String
    ) -> NodeExporterDifference {
        NodeExporterDifference(collector: collector, kind: kind, series: series, reason: reason, isMeasured: false)
    }

    private static func survives(_ collector: String, _ reason: String) -> NodeExporterDifference {
        NodeExporterDifference(collector: collector, kind: .survives, series: [], reason: reason)
    }
}
