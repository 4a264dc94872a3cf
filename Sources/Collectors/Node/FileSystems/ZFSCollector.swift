// What ZFS counts, from /proc/spl/kstat/zfs: for all pools, for each pool, and for each data set that is mounted. The
// names are ZFS' own.

internal import Bytes
internal import Metrics
internal import Platform
internal import Procfs
internal import Settings

struct ZFSCollector: Collector {
    static let name = "zfs"
    static let isEnabledByDefault = true
    /// The others are named after fields.
    static let metrics = [state]

    private static let state = MetricDescriptor(
        "node_zfs_zpool_state", .gauge, labels: ["state", "zpool"],
        help: "1 for the state of a pool, 0 for the others.")
    private static let states = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"]

    /// Not every version has all of them.
    private static let files = [
        ("abdstats", "abd"), ("arcstats", "arc"), ("dbufstats", "dbuf"), ("dmu_tx", "dmu_tx"),
        ("dnodestats", "dnode"), ("fm", "fm"), ("vdev_cache_stats", "vdev_cache"),
        ("vdev_mirror_stats", "vdev_mirror"), ("xuio_stats", "xuio"), ("zfetchstats", "zfetch"), ("zil", "zil"),
    ]

    private final class Pool {
        let name: String
        let io: KernelFile
        let state: KernelFile
        /// Data sets may be thousands: their files are not kept open.
        let dataSets: DeviceList<KernelFile>

        init(_ name: String, _ path: String) {
            self.name = name
            io = KernelFile("\(path)/io")
            state = KernelFile("\(path)/state")
            dataSets = DeviceList(path) { name, path throws(KernelFileError) in
                name.hasPrefix("objset-") ? KernelFile(path, keepsOpen: false) : nil
            }
        }
    }

    private var counters: [(file: KernelFile, fields: LabelledFields)]
    private let pools: DeviceList<Pool>
    private var poolFields = Self.fields("zpool", labels: ["zpool"], of: "a pool")
    private var dataSetFields = Self.fields("zpool_dataset", labels: ["dataset", "zpool"], of: "a data set")

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        let directory = "\(host.proc)/spl/kstat/zfs"
        counters = Self.files.map { file, prefix in
            (KernelFile("\(directory)/\(file)"), Self.fields(prefix, labels: [], of: file))
        }
        pools = DeviceList(directory) { name, path throws(KernelFileError) in
            // The files of all pools lie beside the directories of each.
            do throws(Errno) { return try FileStatus(of: path).kind == .directory ? Pool(name, path) : nil } catch {
                return nil
            }
        }
    }

    private static func fields(_ prefix: String, labels: [String], of what: String) -> LabelledFields {
        let families = NamedFamilies(besides: metrics) { name in
            MetricDescriptor(
                "node_zfs_\(prefix)_\(name)", .untyped, labels: labels, help: "\(name) of \(what), as ZFS counts it.")
        }
        return LabelledFields(families)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try pools.refreshOrAbsent("ZFS is not loaded: there is no")
        var problem = FirstProblem()
        for index in counters.indices {
            problem.keep { () throws(KernelFileError) in
                guard let stat = try counters[index].file.read(KStat.parse) else { return }
                counters[index].fields.add(stat.fields, labels: [], to: &snapshot)
            }
        }
        pools.walk(&problem) { pool, problem throws(KernelFileError) in
            problem.keep { () throws(KernelFileError) in try Self.addState(of: pool, to: &snapshot) }
            let list = problem.noted { () throws(KernelFileError) in try pool.io.read(KStatIO.parse) }
            if let list { poolFields.add(list, labels: [pool.name], to: &snapshot) }
            pool.dataSets.forEach(noting: &problem) { dataSet, _ throws(KernelFileError) in
                guard let stat = try dataSet.read(KStat.parse), let name = stat.datasetName else { return }
                dataSetFields.add(stat.fields, labels: [name, pool.name], to: &snapshot)
            }
        }
        try problem.throwIfAny()
    }

    private static func addState(of pool: Pool, to snapshot: inout Snapshot) throws(KernelFileError) {
        let word = try pool.state.read { cursor throws(ParseError) in
            cursor.text(cursor.word()).lowercased()
        }
        guard let word else { return }
        for name in states { snapshot.add(state, name == word ? 1 : 0, name, pool.name) }
    }
}
