// How a driver's name for what it counts becomes the name of a metric, as in node_exporter: `rx_queue_0_drops` is
// node_ethtool_received_queue_0_drops.

internal import Bytes
internal import Metrics

struct EthtoolNames {
    /// Names that have a metric of their own.
    static let known: [(name: String, descriptor: MetricDescriptor)] = [
        ("rx_bytes", "received_bytes_total", "Bytes received"),
        ("rx_dropped", "received_dropped_total", "Packets received and dropped"),
        ("rx_errors", "received_errors_total", "Packets received with errors"),
        ("rx_packets", "received_packets_total", "Packets received"),
        ("tx_bytes", "transmitted_bytes_total", "Bytes sent"),
        ("tx_errors", "transmitted_errors_total", "Packets not sent for errors"),
        ("tx_packets", "transmitted_packets_total", "Packets sent"),
    ].map { name, metric, help in
        (
            name,
            MetricDescriptor(
                "node_ethtool_" + metric, .untyped, labels: ["device"], help: help + ", as the driver counts them.")
        )
    }

    /// By the name of the metric: interfaces with the same driver share them.
    private var descriptors: [String: MetricDescriptor] = [:]

    /// What is served of a driver's list of names. Of names that would be the same metric none is: which is right?
    mutating func series(
        of names: [String], only pattern: Pattern?
    ) -> [(position: Int, descriptor: MetricDescriptor)] {
        var series: [(position: Int, descriptor: MetricDescriptor)] = []
        var uses: [String: Int] = [:]
        for (position, name) in names.enumerated() where pattern?.matches(name) ?? true {
            guard let descriptor = descriptor(of: name) else { continue }
            uses[descriptor.name, default: 0] += 1
            series.append((position, descriptor))
        }
        return series.filter { uses[$0.descriptor.name] == 1 }
    }

    /// Drops what no interface uses any more.
    mutating func forget(but used: [MetricDescriptor]) {
        descriptors.removeAll()
        for descriptor in used { descriptors[descriptor.name] = descriptor }
    }

    private mutating func descriptor(of name: String) -> MetricDescriptor? {
        if let known = Self.known.first(where: { $0.name == name }) { return known.descriptor }
        let part = Self.metricNamePart(name)
        let metric = "node_ethtool_" + part
        guard !part.isEmpty, metric != EthtoolCollector.info.name else { return nil }
        if let known = Self.known.first(where: { $0.descriptor.name == metric }) { return known.descriptor }
        if let descriptor = descriptors[metric] { return descriptor }
        let descriptor = MetricDescriptor(
            metric, .untyped, labels: ["device"], help: "What the driver counts as \(part).")
        descriptors[metric] = descriptor
        return descriptor
    }

    /// In small letters, what is no letter or digit an underscore, none of them in front; the words `rx` and `tx` in
    /// full.
    static func metricNamePart(_ name: String) -> String {
        var bytes = sanitized(Array(name.utf8))
        bytes = Array(bytes.drop { $0 == underscore })
        bytes = replacing(Array("rx".utf8), by: Array("received".utf8), in: bytes)
        return String(decoding: replacing(Array("tx".utf8), by: Array("transmitted".utf8), in: bytes), as: UTF8.self)
    }

    private static let underscore = UInt8(ascii: "_")

    /// Characters that no metric name may have, and the underscores around them, become one underscore.
    private static func sanitized(_ name: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < name.count {
            let wordEnd = name[index...].firstIndex { $0 != underscore } ?? name.count
            let badEnd = name[wordEnd...].firstIndex { isAllowed($0) } ?? name.count
            if badEnd > wordEnd {
                result.append(underscore)
                index = name[badEnd...].firstIndex { $0 != underscore } ?? name.count
            } else {
                result.append(name[index].lowercased)
                index += 1
            }
        }
        return result
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), underscore:
            true
        default: false
        }
    }

    /// Of two words that stand next to each other only the first: the underscore between them belongs to it.
    private static func replacing(_ word: [UInt8], by other: [UInt8], in text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < text.count {
            let start = text[index] == underscore ? index + 1 : index
            let end = start + word.count
            if start > index || index == 0, end <= text.count, text[start..<end].elementsEqual(word),
                end == text.count || text[end] == underscore
            {
                result += text[index..<start] + other
                if end < text.count { result.append(underscore) }
                index = end + 1
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}

extension UInt8 {
    fileprivate var lowercased: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self + 32 : self
    }
}
