// Settings of the kernel that the user names, from /proc/sys. See sysctl(8).
//
//     "include": ["fs.file-nr:total,current,max", "kernel.threads-max"], "include_info": ["kernel.core_pattern"]

internal import Bytes
internal import Metrics
internal import Procfs
internal import Settings

struct SysctlCollector: Collector {
    static let name = "sysctl"
    static let isEnabledByDefault = false
    /// The others are named after what is included.
    static let metrics = [info]

    private static let info = MetricDescriptor(
        "node_sysctl_info", .gauge, labels: ["index", "name", "value"],
        help: "The words of a setting of the kernel; always 1.")

    /// `fs.file-nr:total,current,max`
    private struct Entry {
        let name: String
        /// Names of its numbers; empty when they are told apart by their index, or when there is only one.
        let keys: [String]
        let file: KernelFile
        /// For its only number, for several by index, and for each key.
        let single: MetricDescriptor
        let indexed: MetricDescriptor
        let keyed: [MetricDescriptor]

        init(name: String, keys: [String], path: String) {
            self.name = name
            self.keys = keys
            file = KernelFile(path)
            let metric = "node_sysctl_\(metricNamePart(name))"
            single = MetricDescriptor(metric, .untyped, help: "The kernel's setting \(name).")
            indexed = MetricDescriptor(
                metric, .untyped, labels: ["index"], help: "The numbers of the kernel's setting \(name).")
            keyed = keys.enumerated().map { index, key in
                MetricDescriptor(
                    "\(metric)_\(key)", .untyped, help: "Number \(index) of the kernel's setting \(name).")
            }
        }

        var metricNames: [String] { keys.isEmpty ? [single.name] : keyed.map(\.name) }
    }

    private let numbers: [Entry]
    private let infos: [Entry]
    private var indexes = NumberLabels()

    init(_ section: inout SettingsSection, host: Host) throws(SettingsError) {
        numbers = try Self.entries("include", &section, host)
        infos = try Self.entries("include_info", &section, host)
        var seen: Set<String> = []
        for name in numbers.flatMap(\.metricNames) where !seen.insert(name).inserted {
            throw section.error("include makes \(name) twice")
        }
        for entry in infos {
            guard entry.keys.isEmpty else { throw section.error("include_info takes no keys: \(entry.name)") }
            guard seen.insert(entry.name).inserted else { throw section.error("include_info has \(entry.name) twice") }
        }
    }

    private static func entries(
        _ option: String, _ section: inout SettingsSection, _ host: Host
    ) throws(SettingsError) -> [Entry] {
        var entries: [Entry] = []
        for text in try section.strings(option, default: []) {
            guard let (name, keys) = split(text), let path = path(of: name) else {
                throw section.error("\(option): expected \"<name>\" or \"<name>:<key>,<key>\", not \"\(text)\"")
            }
            entries.append(Entry(name: name, keys: keys, path: "\(host.proc)/sys/\(path)"))
        }
        return entries
    }

    private static func split(_ text: String) -> (name: String, keys: [String])? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = parts.first else { return nil }
        guard parts.count == 2 else { return (name, []) }
        let keys = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        return keys.allSatisfy { !$0.isEmpty && metricNamePart($0) == $0 } ? (name, keys) : nil
    }

    /// `net.ipv4.tcp_rmem`; or with slashes, when a part has dots of its own: `net/ipv4/conf/eth0.5/forwarding`.
    static func path(of name: String) -> String? {
        let separator: Character = name.utf8.contains(UInt8(ascii: "/")) ? "/" : "."
        let parts = name.split(separator: separator, omittingEmptySubsequences: false)
        let isGood = parts.allSatisfy { part in
            part != "" && part != "." && part != ".." && part.utf8.allSatisfy { $0 > UInt8(ascii: " ") }
        }
        return isGood ? parts.joined(separator: "/") : nil
    }

    /// A setting that cannot be served loses only itself.
    mutating func collect(into snapshot: inout Snapshot) throws(CollectError) {
        var problem: CollectError?
        for entry in numbers {
            do throws(CollectError) { try addNumbers(of: entry, to: &snapshot) } catch { problem = problem ?? error }
        }
        for entry in infos {
            do throws(CollectError) { try addWords(of: entry, to: &snapshot) } catch { problem = problem ?? error }
        }
        if let problem { throw problem }
    }

    private mutating func addNumbers(of entry: Entry, to snapshot: inout Snapshot) throws(CollectError) {
        let values = try values(of: entry) { text throws(ParseError) in
            if let number = text.signed() { return Double(number) }
            guard let number = text.unsigned() else { throw text.error("a number") }
            return Double(number)
        }
        if values.count == 1, entry.keys.isEmpty { return snapshot.add(entry.single, values[0]) }
        guard !entry.keys.isEmpty else {
            for (index, value) in values.enumerated() { snapshot.add(entry.indexed, value, indexes[index]) }
            return
        }
        guard values.count == entry.keys.count else {
            throw .failed("\(entry.file.path) has \(values.count) numbers, and there are \(entry.keys.count) keys")
        }
        for (descriptor, value) in zip(entry.keyed, values) { snapshot.add(descriptor, value) }
    }

    private mutating func addWords(of entry: Entry, to snapshot: inout Snapshot) throws(CollectError) {
        let words = try values(of: entry) { text throws(ParseError) in text.text(text.word()) }
        for (index, word) in words.enumerated() {
            snapshot.add(Self.info, 1, labels: [indexes[index], entry.name, word])
        }
    }

    private func values<Value>(
        of entry: Entry, _ parse: (inout ByteCursor) throws(ParseError) -> Value
    ) throws(CollectError) -> [Value] {
        let values = try entry.file.valueIfThere { text throws(ParseError) in
            var values: [Value] = []
            while true {
                _ = text.trimmed()
                if text.isAtEnd { return values }
                values.append(try parse(&text))
                guard text.isAtEnd || (text.next ?? 0) <= UInt8(ascii: " ") else { throw text.error("a number") }
            }
        }
        // Only what somebody asked for is here, so that its absence is a fault.
        guard let values else { throw .failed("this kernel has no \(entry.file.path)") }
        guard !values.isEmpty else { throw .failed("\(entry.file.path) is empty") }
        return values
    }
}
