// The space of a btrfs file system, from allocation/<type>/<profile> of /sys/fs/btrfs/<uuid>: the part of
// BtrfsCollector that is about block groups. A type has several profiles while it is converted from one to another.

internal import Bytes
internal import Metrics
internal import Procfs

struct BtrfsBlockGroups {
    static let metrics = [reserved, used, size, ratio]
    /// `mixed` where small file systems do not tell data from metadata.
    static let types = ["data", "metadata", "system", "mixed"]

    private static let reserved = BtrfsCollector.metric(
        "reserved_bytes", .gauge, ["block_group_type", "uuid"], "Space reserved for what is being written.")
    private static let profileLabels = ["block_group_type", "mode", "uuid"]
    private static let used = BtrfsCollector.metric(
        "used_bytes", .gauge, profileLabels, "Space in use, a copy of data counted once.")
    private static let size = BtrfsCollector.metric(
        "size_bytes", .gauge, profileLabels, "Space allocated, a copy of data counted once.")
    private static let ratio = BtrfsCollector.metric(
        "allocation_ratio", .gauge, profileLabels, "Space on disks that a byte of data takes.")

    private struct Profile {
        let name: String
        let total: Attribute
        let used: Attribute
    }

    private let type: String
    private let reserved: Attribute
    private let profiles: DeviceList<Profile>

    init(_ type: String, _ path: String) {
        self.type = type
        reserved = Attribute("\(path)/bytes_reserved")
        profiles = DeviceList(path) { name, path throws(KernelFileError) in
            // Beside the profiles lie attributes of all of them.
            guard Self.ratio(of: name, devices: 1) != nil else { return nil }
            return Profile(
                name: name, total: Attribute("\(path)/total_bytes"), used: Attribute("\(path)/used_bytes"))
        }
    }

    func add(
        of uuid: String, devices: Int, to snapshot: inout Snapshot, _ problem: inout FirstProblem
    ) {
        if let bytes = problem.number(reserved) { snapshot.add(Self.reserved, bytes, type, uuid) }
        profiles.forEach(noting: &problem) { profile, _ throws(KernelFileError) in
            guard let total = try profile.total.number(), let inUse = try profile.used.number() else { return }
            let labels = [type, profile.name, uuid]
            snapshot.add(Self.used, inUse, labels: labels)
            snapshot.add(Self.size, total, labels: labels)
            snapshot.add(Self.ratio, Self.ratio(of: profile.name, devices: devices) ?? 1, labels: labels)
        }
    }

    /// nil for what is no profile. See btrfs_raid_array in fs/btrfs/volumes.c.
    static func ratio(of profile: String, devices: Int) -> Double? {
        switch profile {
        case "single", "raid0": 1
        case "dup", "raid1", "raid10": 2
        case "raid1c3": 3
        case "raid1c4": 4
        // One device of all has the parity, or two.
        case "raid5": devices > 1 ? Double(devices) / Double(devices - 1) : 1
        case "raid6": devices > 2 ? Double(devices) / Double(devices - 2) : 1
        default: nil
        }
    }
}
