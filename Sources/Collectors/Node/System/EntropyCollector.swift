// The kernel's source of random numbers, from /proc/sys/kernel/random. See random(4). Since Linux 5.18 both are 256.

internal import Metrics
internal import Procfs
internal import Settings

struct EntropyCollector: Collector {
    static let name = "entropy"
    static let isEnabledByDefault = true
    static let metrics = [available, poolSize]

    private static let available = MetricDescriptor(
        "node_entropy_available_bits", .gauge, help: "Entropy that the kernel's pool holds.")
    private static let poolSize = MetricDescriptor(
        "node_entropy_pool_size_bits", .gauge, help: "Entropy that the kernel's pool can hold.")

    private let availableFile: KernelFile
    private let poolSizeFile: KernelFile

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        availableFile = KernelFile("\(host.proc)/sys/kernel/random/entropy_avail")
        poolSizeFile = KernelFile("\(host.proc)/sys/kernel/random/poolsize")
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        snapshot.add(Self.available, Double(try availableFile.value(SingleNumber.parse)))
        snapshot.add(Self.poolSize, Double(try poolSizeFile.value(SingleNumber.parse)))
    }
}
