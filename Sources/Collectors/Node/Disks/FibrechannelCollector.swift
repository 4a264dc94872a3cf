// Ports of Fibre Channel adapters, from /sys/class/fc_host. See Documentation/scsi/scsi_fc_transport.rst, and
// fc_host_statistics in drivers/scsi/scsi_transport_fc.c: all numbers are hexadecimal, with 0x.

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct FibrechannelCollector: Collector {
    static let name = "fibrechannel"
    static let isEnabledByDefault = true
    static let metrics = statistics.map(\.descriptor) + [info]

    private static let info = MetricDescriptor(
        "node_fibrechannel_info", .gauge,
        labels: [
            "dev_loss_tmo", "fabric_name", "fc_host", "port_id", "port_name", "port_state", "port_type", "speed",
            "supported_classes", "supported_speeds", "symbolic_name",
        ],
        help: "What a Fibre Channel port is; always 1.")

    private static let statistics = [
        ("dumped_frames_total", "dumped_frames", "Frames dumped for want of buffers."),
        ("error_frames_total", "error_frames", "Frames received with errors."),
        ("fcp_packet_aborts_total", "fcp_packet_aborts", "Packets of FCP that were aborted."),
        ("invalid_crc_total", "invalid_crc_count", "Frames received with a wrong checksum."),
        ("invalid_tx_words_total", "invalid_tx_word_count", "Invalid words on the link."),
        ("link_failure_total", "link_failure_count", "Failures of the link."),
        ("loss_of_signal_total", "loss_of_signal_count", "Times that the signal was lost."),
        ("loss_of_sync_total", "loss_of_sync_count", "Times that the synchronisation was lost."),
        ("nos_total", "nos_count", "Sequences \"not operational\" on the link."),
        ("rx_frames_total", "rx_frames", "Frames received."),
        ("rx_words_total", "rx_words", "Words received."),
        ("seconds_since_last_reset_total", "seconds_since_last_reset", "Time since these counters were reset."),
        ("tx_frames_total", "tx_frames", "Frames sent."),
        ("tx_words_total", "tx_words", "Words sent."),
    ].map { name, file, help in
        (
            descriptor: MetricDescriptor("node_fibrechannel_" + name, .counter, labels: ["fc_host"], help: help),
            file: file
        )
    }

    private struct Port {
        let name: String
        /// In the order of the labels; nil where the label is the name.
        let labels: [Attribute?]
        /// In the order of `statistics`.
        let statistics: [Attribute]

        init(_ name: String, _ path: String) {
            self.name = name
            labels = FibrechannelCollector.info.labels.map { $0 == "fc_host" ? nil : Attribute("\(path)/\($0)") }
            statistics = FibrechannelCollector.statistics.map { Attribute("\(path)/statistics/\($0.file)") }
        }
    }

    private let ports: DeviceList<Port>

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        ports = DeviceList("\(host.sys)/class/fc_host") { name, path in Port(name, path) }
    }

    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        try ports.forEach { port, problem throws(KernelFileError) in
            let labels = problem.noted { () throws(KernelFileError) in try Self.labels(of: port) }
            if let labels { snapshot.add(Self.info, 1, labels: labels) }
            for (statistic, attribute) in zip(Self.statistics, port.statistics) {
                let value = problem.noted { () throws(KernelFileError) in try attribute.value(Self.number) }
                if let value = value ?? nil { snapshot.add(statistic.descriptor, Double(value), port.name) }
            }
        }
    }

    private static func labels(of port: Port) throws(KernelFileError) -> [String] {
        var values: [String] = []
        for (label, attribute) in zip(info.labels, port.labels) {
            guard let attribute else {
                values.append(port.name)
                continue
            }
            let text = try attribute.text() ?? ""
            // Hexadecimal, and without 0x in node_exporter.
            let isNumber = label == "port_id" || label == "port_name" || label == "fabric_name"
            values.append(isNumber && text.hasPrefix("0x") ? String(text.dropFirst(2)) : text)
        }
        return values
    }

    /// nil for what the adapter does not count: it says -1.
    private static func number(_ text: inout ByteCursor) throws(ParseError) -> UInt64? {
        let range = text.trimmed()
        if range.isEmpty { return nil }
        let value = text.skip("0x") ? text.hexadecimal() : text.unsigned()
        guard let value, text.index == range.upperBound else { throw text.error("a number") }
        return value == .max ? nil : value
    }
}
