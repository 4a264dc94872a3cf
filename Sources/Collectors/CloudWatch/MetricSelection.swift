// Which metrics of the CloudWatch vocabulary are wanted: globs over their names.

/// Names that are chosen by patterns with `*` (any characters, or none) and `?` (one character).
package struct MetricSelection: Sendable {
    private let chosen: Set<String>

    /// The patterns that match no name there is: each is a mistake.
    package let unmatched: [String]

    package init(_ patterns: [String]) {
        var chosen: Set<String> = []
        var unmatched: [String] = []
        for pattern in patterns {
            let matching = CloudWatchNames.all.filter { Self.matches(Array(pattern.utf8)[...], Array($0.utf8)[...]) }
            if matching.isEmpty { unmatched.append(pattern) }
            chosen.formUnion(matching)
        }
        self.chosen = chosen
        self.unmatched = unmatched
    }

    package func takes(_ name: String) -> Bool { chosen.contains(name) }

    /// Whether any of `names` is wanted: what nobody wants is not read.
    func takes(anyOf names: [String]) -> Bool { names.contains { chosen.contains($0) } }

    /// In alphabetical order.
    package var names: [String] { chosen.sorted() }

    /// The last `*` is where matching goes on when it fails: no pattern takes more than length times length steps.
    static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        var (at, index) = (pattern.startIndex, text.startIndex)
        var retry: (at: Int, index: Int)?
        while index < text.endIndex {
            if at < pattern.endIndex, pattern[at] == UInt8(ascii: "*") {
                retry = (at + 1, index)
                at += 1
            } else if at < pattern.endIndex, pattern[at] == UInt8(ascii: "?") || pattern[at] == text[index] {
                at += 1
                index += 1
            } else if let last = retry {
                retry = (last.at, last.index + 1)
                (at, index) = (last.at, last.index + 1)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

/// The names of the CloudWatch agent for what is read here.
package enum CloudWatchNames {
    static let cpuTimes = CPUUsage.parts.map { "cpu_time_\($0)" }
    static let cpuUsage = CPUUsage.parts.map { "cpu_usage_\($0)" }
    static let memory = [
        "mem_active", "mem_available", "mem_available_percent", "mem_buffered", "mem_cached", "mem_free",
        "mem_inactive", "mem_shared", "mem_total", "mem_used", "mem_used_percent",
    ]
    static let disk = [
        "disk_free", "disk_inodes_free", "disk_inodes_total", "disk_inodes_used", "disk_total", "disk_used",
        "disk_used_percent",
    ]
    static let net = [
        "net_bytes_recv", "net_bytes_sent", "net_drop_in", "net_drop_out", "net_err_in", "net_err_out",
        "net_packets_recv", "net_packets_sent",
    ]
    package static let all = cpuTimes + cpuUsage + memory + disk + net
}
