// Interrupts by CPU, from /proc/interrupts.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct InterruptsCollector: Collector {
    static let name = "interrupts"
    static let isEnabledByDefault = false
    static let metrics = [interrupts]

    private static let interrupts = MetricDescriptor(
        "node_interrupts_total", .counter, labels: ["cpu", "devices", "info", "type"],
        help: "Interrupts that a CPU served, by their source.")

    /// A row of the table as it was read, and what it is served as.
    private struct Source {
        let name: [UInt8]
        let rest: [UInt8]
        let type: String
        /// The controller of a numbered interrupt; the description of another.
        let info: String
        let devices: String
        let isTaken: Bool
    }

    private let file: KernelFile
    private let filter: NameFilter
    private let withZeros: Bool
    private var cpuLabels = NumberLabels()
    /// In the order of the rows.
    private var sources: [Source] = []

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        file = KernelFile("\(host.proc)/interrupts")
        filter = try NameFilter(&section, "name")
        withZeros = try section.bool("include_zeros", default: true)
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        let table = try file.value(InterruptTable.parse)
        if sources.count > table.rows.count { sources.removeLast(sources.count - table.rows.count) }
        for (index, row) in table.rows.enumerated() {
            let source = source(at: index, name: table.text[row.name], rest: table.text[row.rest])
            guard source.isTaken else { continue }
            var labels = ["", source.devices, source.info, source.type]
            for (cpu, count) in zip(table.cpus, table.counts(ofRow: index)) where withZeros || count > 0 {
                labels[0] = cpuLabels[cpu]
                snapshot.add(Self.interrupts, Double(count), labels: labels)
            }
        }
    }

    private mutating func source(at index: Int, name: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) -> Source {
        if index < sources.count, sources[index].name.elementsEqual(name), sources[index].rest.elementsEqual(rest) {
            return sources[index]
        }
        let type = String(decoding: name, as: UTF8.self)
        let words = rest.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
            .map { String(decoding: $0, as: UTF8.self) }
        let isNumbered = name.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let info = isNumbered ? words.first ?? "" : words.joined(separator: " ")
        let devices = isNumbered ? words.dropFirst().joined(separator: " ") : ""
        let new = Source(
            name: Array(name), rest: Array(rest), type: type, info: info, devices: devices,
            // Who wants all of a device matches its name, who wants a kind of interrupt its type.
            isTaken: !words.isEmpty && filter.takes("\(type);\(info);\(devices)"))
        if index < sources.count { sources[index] = new } else { sources.append(new) }
        return new
    }
}
