// node_filesystem_*: how full each mounted file system is.
//
// What is mounted is in mountinfo (see Procfs/MountInfo.swift); how full it is, statfs(2) says, which never returns
// on a dead network mount. So mounts are asked through a `Relay`, and one that does not answer in `mount_timeout` is
// served as `node_filesystem_device_error 1`, with all the others.

internal import Bytes
package import Metrics
package import Platform
package import Procfs
package import Settings

/// How much of each file system is used, and which of them cannot be asked.
package struct FilesystemCollector: Collector {
    package static let name = "filesystem"
    package static let isEnabledByDefault = true
    package static let metrics = [
        size, free, available, purgeable, files, filesFree, readOnly, deviceError, mountInfo,
    ]

    private static let labels = ["device", "device_error", "fstype", "mountpoint"]
    static let size = MetricDescriptor(
        "node_filesystem_size_bytes", .gauge, labels: labels, help: "Size of the file system.")
    static let free = MetricDescriptor(
        "node_filesystem_free_bytes", .gauge, labels: labels, help: "Free space, with what is kept for root.")
    static let available = MetricDescriptor(
        "node_filesystem_avail_bytes", .gauge, labels: labels, help: "Free space for users other than root.")
    static let purgeable = MetricDescriptor(
        "node_filesystem_purgeable_bytes", .gauge, labels: labels,
        help: "Space that the system could make free by itself: always 0, since Linux keeps none such.")
    static let files = MetricDescriptor(
        "node_filesystem_files", .gauge, labels: labels, help: "Inodes that the file system can hold.")
    static let filesFree = MetricDescriptor(
        "node_filesystem_files_free", .gauge, labels: labels, help: "Inodes that are free.")
    static let readOnly = MetricDescriptor(
        "node_filesystem_readonly", .gauge, labels: labels, help: "1 when it takes no writes.")
    static let deviceError = MetricDescriptor(
        "node_filesystem_device_error", .gauge, labels: labels,
        help: "1 when the file system could not be asked; device_error says why.")
    static let mountInfo = MetricDescriptor(
        "node_filesystem_mount_info", .gauge, labels: ["device", "major", "minor", "mountpoint"],
        help: "What is mounted where; always 1.")

    static let excludedMountPoints =
        "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
    static let excludedTypes =
        "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs"
        + "|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$"
    /// What node_exporter says of a mount that does not answer; alerts know it.
    static let timeoutReason = "mountpoint timeout"

    private let mountPoints: NameFilter
    private let types: NameFilter
    private let mounts: MountSpaces

    /// `mount_timeout` (2 s) is how long all mounts together may take, when the scrape has more time than that.
    package init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        try self.init(&section, host: host, asking: MountSpaces.ask)
    }

    /// `space` asks one path how full it is: a test can be the file systems.
    init(
        _ section: inout SettingsSection, host: Host, asking space: @escaping @Sendable (Path) -> MountSpaces.Answer
    ) throws(SettingsError) {
        mountPoints = try NameFilter(&section, "mount_points", excluding: Self.excludedMountPoints)
        types = try NameFilter(&section, "fs_types", excluding: Self.excludedTypes)
        let patience = try section.duration(
            "mount_timeout", default: .seconds(2), in: .milliseconds(10)...(.seconds(60)))
        mounts = MountSpaces(host: host, patience: patience, asking: space)
    }

    package mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try collect(into: &snapshot, giveUp: nil)
    }

    package mutating func collect(into snapshot: inout Snapshot, until deadline: Instant) throws(CollectError) {
        // A fifth for the rest of the work: to be late with all mounts for one that hangs helps nobody.
        let now = Instant.now
        try collect(into: &snapshot, giveUp: now + (deadline - now) * 4 / 5)
    }

    private func collect(into snapshot: inout Snapshot, giveUp: Instant?) throws(CollectError) {
        let known = try mounts.read(until: giveUp) { [mountPoints, types] mount in
            mountPoints.takes(mount.mountPoint) && types.takes(mount.fsType)
        }
        for mount in known {
            let reason: String
            var space: FileSystemSpace?
            switch mount.answer {
            case .space(let answer): (space, reason) = (answer, "")
            case .failed(let errno): reason = Self.goText(of: errno)
            case .late: reason = Self.timeoutReason
            }
            add(mount.mount, space, reason, to: &snapshot)
        }
    }

    /// What Go's `syscall.Errno` says, as node_exporter has it in `device_error` and alerts compare with it: glibc's
    /// text with a small letter in front, but before a capital (`RFS specific error`), and the old text for ESTALE.
    static func goText(of errno: Errno) -> String {
        if errno == .stale { return "stale NFS file handle" }
        let text = errno.description
        if text.hasPrefix("error ") || text.hasPrefix("Unknown error") { return "errno \(errno.code)" }
        let start = text.utf8.prefix(2).map { $0 }
        let isWord = start.count == 2 && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(start[1])
        return isWord ? text.prefix(1).lowercased() + text.dropFirst() : text
    }

    private func add(_ mount: Mount, _ space: FileSystemSpace?, _ reason: String, to snapshot: inout Snapshot) {
        let mountPoint = mount.mountPoint.label
        let labels = [mount.device, reason, mount.fsType, mountPoint]
        snapshot.add(Self.deviceError, space == nil ? 1 : 0, labels: labels)
        snapshot.add(Self.readOnly, mount.isReadOnly ? 1 : 0, labels: labels)
        snapshot.add(
            Self.mountInfo, 1, labels: [mount.device, "\(mount.major)", "\(mount.minor)", mountPoint])
        guard let space else { return }
        snapshot.add(Self.size, Double(space.totalBytes), labels: labels)
        snapshot.add(Self.free, Double(space.freeBytes), labels: labels)
        snapshot.add(Self.available, Double(space.availableBytes), labels: labels)
        snapshot.add(Self.purgeable, 0, labels: labels)
        snapshot.add(Self.files, Double(space.inodes), labels: labels)
        snapshot.add(Self.filesFree, Double(space.freeInodes), labels: labels)
    }
}
