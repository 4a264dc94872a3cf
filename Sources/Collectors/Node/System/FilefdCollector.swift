// Open files of the whole machine and their limit, from /proc/sys/fs/file-nr.

internal import Metrics
internal import Procfs
internal import Settings

struct FilefdCollector: Collector {
    static let name = "filefd"
    static let isEnabledByDefault = true
    static let metrics = [allocated, maximum]

    private static let allocated = MetricDescriptor(
        "node_filefd_allocated", .gauge, help: "File handles that the kernel has handed out.")
    private static let maximum = MetricDescriptor(
        "node_filefd_maximum", .gauge, help: "File handles that the kernel hands out at most.")

    private let file: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/sys/fs/file-nr")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let handles = try file.value(FileNR.parse)
        snapshot.add(Self.allocated, Double(handles.allocated))
        snapshot.add(Self.maximum, Double(handles.maximum))
    }
}
