// One disk of a bcachefs file system: /sys/fs/bcachefs/<uuid>/dev-<number>. The part of BcachefsCollector that is about
// disks.

internal import Bytes
internal import Metrics
internal import Procfs

struct BcachefsDevice {
    static let metrics = [info, bucketSize, buckets, durability, done, errors]

    private static let labels = ["device", "uuid"]
    private static let info = BcachefsCollector.metric(
        "device_info", .gauge, ["device", "label", "state", "uuid"], "What a disk is to its file system; always 1.")
    private static let bucketSize = BcachefsCollector.metric(
        "device_bucket_size_bytes", .gauge, labels, "Size of a bucket, which space is allocated in.")
    private static let buckets = BcachefsCollector.metric("device_buckets", .gauge, labels, "Buckets of a disk.")
    private static let durability = BcachefsCollector.metric(
        "device_durability", .gauge, labels, "How many copies a copy on this disk counts as.")
    private static let done = BcachefsCollector.metric(
        "device_io_done_bytes_total", .counter, ["data_type", "device", "operation", "uuid"],
        "Bytes read and written, by what they are.")
    private static let errors = BcachefsCollector.metric(
        "device_io_errors_total", .counter, ["device", "type", "uuid"],
        "Errors of a disk since the file system was made.")

    private static let sinceCreation = "IO errors since filesystem creation"

    private let name: String
    private let label: Attribute
    private let state: Attribute
    private let bucketSize: Attribute
    private let buckets: Attribute
    private let durability: Attribute
    private let done: Attribute
    private let errors: Attribute

    init(_ name: String, _ path: String) {
        self.name = name
        label = Attribute("\(path)/label")
        state = Attribute("\(path)/state")
        bucketSize = Attribute("\(path)/bucket_size")
        buckets = Attribute("\(path)/nbuckets")
        durability = Attribute("\(path)/durability")
        done = Attribute("\(path)/io_done")
        errors = Attribute("\(path)/io_errors")
    }

    func add(of uuid: String, to snapshot: inout Snapshot, _ problem: inout FirstProblem) {
        problem.keep { () throws(KernelFileError) in
            snapshot.add(Self.info, 1, labels: [name, try label.text() ?? "", try state.text() ?? "", uuid])
        }
        if let size = problem.humanSize(bucketSize) { snapshot.add(Self.bucketSize, size, name, uuid) }
        if let count = problem.number(buckets) { snapshot.add(Self.buckets, count, name, uuid) }
        if let copies = problem.number(durability) { snapshot.add(Self.durability, copies, name, uuid) }
        problem.keep { () throws(KernelFileError) in
            for number in try done.value(BcachefsDeviceIO.parse) ?? []
            where number.heading == "read" || number.heading == "write" {
                snapshot.add(
                    Self.done, Double(number.value), labels: [number.name, name, number.heading, uuid])
            }
        }
        problem.keep { () throws(KernelFileError) in
            for number in try errors.value(BcachefsDeviceIO.parse) ?? [] where number.heading == Self.sinceCreation {
                snapshot.add(Self.errors, Double(number.value), labels: [name, number.name, uuid])
            }
        }
    }
}
