// What the disks of /proc/diskstats are: read from udev's data base and sysfs when a disk appears, and then kept.

internal import Bytes
internal import Metrics
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

/// What is served of a disk besides its counters, as long as it stays what it is.
struct InfoSample {
    let descriptor: MetricDescriptor
    var value = 1.0
    let labels: [String]
}

/// Identities of disks, read again when udev has written their file anew, and now and then.
struct DiskIdentities {
    /// For what changes without udev's knowing, such as `queue/rotational`.
    private static let refreshInterval: Duration = .seconds(60)

    /// A class, so that it is noted when it was seen without a copy of `known`.
    private final class Known {
        let major, minor: UInt64
        let udevPath: String
        let udevStatus: FileStatus?
        let samples: [InfoSample]
        let readAt: Instant
        var seenAt: Instant

        init(_ disk: DiskStats, udevPath: String, _ udevStatus: FileStatus?, _ samples: [InfoSample], now: Instant) {
            (major, minor) = (disk.major, disk.minor)
            self.udevPath = udevPath
            self.udevStatus = udevStatus
            self.samples = samples
            readAt = now
            seenAt = now
        }
    }

    private let host: Host
    private let describe: (DiskStats, DiskIdentity) -> [InfoSample]
    private var known: [ExactText: Known] = [:]

    /// `describe` says what is served of a disk; it is called again when that may have changed.
    init(host: Host, describe: @escaping (DiskStats, DiskIdentity) -> [InfoSample]) {
        self.host = host
        self.describe = describe
    }

    mutating func samples(of disk: DiskStats, at now: Instant) throws(KernelFileError) -> [InfoSample] {
        var kept = known[ExactText(disk.name)]
        if let other = kept, other.major != disk.major || other.minor != disk.minor { kept = nil }
        let path = kept?.udevPath ?? "\(host.udev)/b\(disk.major):\(disk.minor)"
        let status: FileStatus?
        do throws(Errno) { status = try FileStatus(of: path) } catch {
            // Many hosts have no udev; that is no error.
            guard error == .notFound else { throw .unreadable(path: path, error) }
            status = nil
        }
        if let kept, kept.udevStatus?.id == status?.id,
            kept.udevStatus?.modifiedUnixNanoseconds == status?.modifiedUnixNanoseconds,
            now - kept.readAt < Self.refreshInterval
        {
            kept.seenAt = now
            return kept.samples
        }
        let samples = describe(disk, try read(disk, udevPath: status == nil ? nil : path))
        known[ExactText(disk.name)] = Known(disk, udevPath: path, status, samples, now: now)
        return samples
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
            guard let flag = cursor.unsigned(), cursor.isAtLineEnd else { throw cursor.error("0 or 1") }
            return flag
        }
        if let rotational { identity.rotational = "\(rotational)" }
        return identity
    }
}
