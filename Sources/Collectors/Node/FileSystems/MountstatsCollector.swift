// What NFS counted for each of its mounts, from /proc/self/mountstats. The servers' addresses are in mountinfo.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct MountstatsCollector: Collector {
    static let name = "mountstats"
    static let isEnabledByDefault = false
    static let metrics = MountstatsMetrics.all

    private let statistics: KernelFile
    private let info: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        statistics = KernelFile("\(host.proc)/self/mountstats")
        info = KernelFile("\(host.proc)/self/mountinfo")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let nfs = try statistics.value(NFSMount.parse)
        if nfs.isEmpty { return }
        let addresses = Self.addresses(try info.valueIfThere(Mount.parse) ?? [])
        // One export may be mounted at several places; the kernel counts for the export, and so it is served once.
        var exports: Set<[ExactText]> = []
        var places: Set<[ExactText]> = []
        for mount in nfs {
            // Nothing is known of a mount that has no transport: it is about to go.
            guard let proto = mount.transports.first?.proto else { continue }
            let address = addresses[Place(mountPoint: mount.mountPoint, export: ExactText(mount.export))] ?? ""
            let place = [mount.export, address, mount.mountPoint.label, proto]
            if places.insert(place.map { ExactText($0) }).inserted {
                snapshot.add(MountstatsMetrics.info, 1, labels: place)
            }
            let labels = [mount.export, address, proto]
            if exports.insert(labels.map { ExactText($0) }).inserted { add(mount, labels, to: &snapshot) }
        }
    }

    /// What is mounted where.
    private struct Place: Hashable {
        let mountPoint: Path
        let export: ExactText
    }

    /// The addresses of the servers. Of several mounts of one export at one place the first holds.
    private static func addresses(_ mounts: [Mount]) -> [Place: String] {
        var addresses: [Place: String] = [:]
        for mount in mounts where mount.isNFS {
            let place = Place(mountPoint: mount.mountPoint, export: ExactText(mount.device))
            if addresses[place] == nil { addresses[place] = mount.serverAddress }
        }
        return addresses
    }

    private func add(_ mount: NFSMount, _ labels: [String], to snapshot: inout Snapshot) {
        for (descriptor, value) in MountstatsMetrics.mounts {
            snapshot.add(descriptor, value(mount), labels: labels)
        }
        for (number, transport) in mount.transports.enumerated() {
            let labels = labels + ["\(number)"]
            for (descriptor, value) in MountstatsMetrics.transports {
                snapshot.add(descriptor, value(transport), labels: labels)
            }
        }
        for operation in mount.operations {
            let labels = [labels[0], labels[1], operation.name, labels[2]]
            for (descriptor, value) in MountstatsMetrics.operations {
                snapshot.add(descriptor, value(operation), labels: labels)
            }
        }
    }
}
