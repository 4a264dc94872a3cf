// Which metrics of the CloudWatch vocabulary are wanted: globs over their names.

internal import Bytes

/// Names that are chosen by patterns, as in `Glob`.
package struct MetricSelection: Sendable {
    private let chosen: Set<String>

    /// The patterns that match no name there is: each is a mistake.
    package let unmatched: [String]

    package init(_ patterns: [String]) {
        var chosen: Set<String> = []
        var unmatched: [String] = []
        for pattern in patterns {
            let matching = Self.names(like: pattern)
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

    private static func names(like pattern: String) -> [String] {
        do throws(GlobError) {
            let glob = try Glob(pattern)
            return CloudWatchNames.all.filter { glob.matches($0) }
        } catch {
            return []  // no pattern at all takes nothing either
        }
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
