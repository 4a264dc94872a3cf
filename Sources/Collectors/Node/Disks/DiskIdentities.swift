// What the disks of /proc/diskstats are: read from udev's data base and sysfs when a disk appears, and then kept.

internal import Bytes
internal import Platform
internal import Procfs

struct DiskIdentity {
    var udev = UdevData()
    /// `1` for a disk that rotates, `0` for one that does not and for what does not say.
    var rotational = "0"

    /// The number on the label of the disk where it is known, else what the bus or the hypervisor says.
    var serial: String {
        for property in ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"] where !udev[property].isEmpty {
            return udev[property]
        }
        return ""
    }
}

/// Identities of disks, read again when udev has written their file anew, and now and then.
struct DiskIdentities {
    /// For what changes without udev's knowing, such as `queue/rotational`.
    private static let refreshInterval: Duration = .seconds(60)

    private struct Known {
        let identity: DiskIdentity
        let udevFile: FileID?
        let udevModified: Int64?
        let readAt: Instant
        var seenAt: Instant
    }

    private let host: Host
    private var known: [String: Known] = [:]

    init(host: Host) { self.host = host }

    mutating func identity(of disk: DiskStats, at now: Instant) throws(KernelFileError) -> DiskIdentity {
        let path = "\(host.udev)/b\(disk.major):\(disk.minor)"
        let status: FileStatus?
        do throws(Errno) { status = try FileStatus(of: path) } catch {
            // Many hosts have no udev; that is no error.
            guard error == .notFound else { throw .unreadable(path: path, error) }
            status = nil
        }
        if let kept = known[disk.name], kept.udevFile == status?.id,
            kept.udevModified == status?.modifiedUnixNanoseconds, now - kept.readAt < Self.refreshInterval
        {
            known[disk.name]?.seenAt = now
            return kept.identity
        }
        let identity = try read(disk, udevPath: status == nil ? nil : path)
        known[disk.name] = Known(
            identity: identity, udevFile: status?.id, udevModified: status?.modifiedUnixNanoseconds, readAt: now,
            seenAt: now)
        return identity
    }

    /// Drops what was not asked for at `now`: devices that are gone.
    mutating func forget(notSeenAt now: Instant) {
        if known.values.contains(where: { $0.seenAt != now }) { known = known.filter { $0.value.seenAt == now } }
    }

    private func read(_ disk: DiskStats, udevPath: String?) throws(KernelFileError) -> DiskIdentity {
        var identity = DiskIdentity()
        if let udevPath, let udev = try KernelFile(udevPath, keepsOpen: false).read(UdevData.parse) {
            identity.udev = udev
        }
        // A slash in the name of a device is a `!` in sysfs: cciss/c0d0.
        let name = String(
            decoding: disk.name.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "!") : $0 }, as: UTF8.self)
        let queue = KernelFile("\(host.sys)/block/\(name)/queue/rotational", keepsOpen: false)
        let rotational = try queue.read { cursor throws(ParseError) in
            guard let flag = cursor.unsigned() else { throw cursor.error("0 or 1") }
            return flag
        }
        if let rotational { identity.rotational = "\(rotational)" }
        return identity
    }
}
